"""Checks of everything that COGO needs, each with the command that fixes what is missing."""

from collections.abc import AsyncIterator

from cogo.config.context import Project
from cogo.doctor.check import Check, CheckStatus
from cogo.doctor.machine import check_env_files, check_machine
from cogo.doctor.memory import check_memory_index, check_redis
from cogo.doctor.models import check_models
from cogo.doctor.sandbox import check_sandbox
from cogo.doctor.supabase import check_supabase
from cogo.doctor.tools import check_mcp, check_tools

__all__ = ["Check", "CheckStatus", "run_checks"]


async def run_checks(project: Project) -> AsyncIterator[Check]:
    """Yield each result when it is known, in the order in which problems are best fixed."""
    for check in check_machine(project):
        yield check
    yield await check_sandbox(project)
    async for check in check_tools(project):
        yield check
    async for check in check_mcp(project):
        yield check
    for check in check_env_files(project):
        yield check
    async for check in check_models(project):
        yield check
    async for check in check_memory_index(project):
        yield check
    async for check in check_redis(project):
        yield check
    async for check in check_supabase(project):
        yield check
