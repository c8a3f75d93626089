"""The examination: all checks, in the order in which a person would mend things."""

from collections.abc import AsyncIterator

from cogo.config.context import Project
from cogo.doctor.check import Check
from cogo.doctor.env_files import check_env_files
from cogo.doctor.machine import check_machine
from cogo.doctor.models import check_models
from cogo.doctor.supabase import check_supabase


async def examine(project: Project) -> AsyncIterator[Check]:
    """Give each answer as soon as it is known."""
    for check in check_machine(project):
        yield check
    for check in check_env_files(project):
        yield check
    async for check in check_models(project):
        yield check
    async for check in check_supabase(project):
        yield check
