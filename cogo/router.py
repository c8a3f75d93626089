"""The router of an agent: the catalogue, the keys, and what stands around each call."""

from collections.abc import Sequence

from cogo.models import KeySource, credentials
from cogo.project import Project
from providers.catalogue import Catalogue
from providers.entries import TimeoutSeconds
from providers.gates import Gate
from providers.router import Router


def build_router(
    project: Project,
    catalogue: Catalogue,
    *,
    simulator_url: str | None = None,
    gates: Sequence[Gate] = (),
) -> Router:
    """Build it; it opens with `async with`. Real keys are read again while it lives.

    Raises SettingInvalid.
    """
    settings = project.settings
    return Router(
        catalogue,
        credentials(project, catalogue, simulator_url),
        gates=gates,
        reread=None if simulator_url else KeySource(project, catalogue).reread,
        timeouts=TimeoutSeconds(
            first_token=settings.first_token_seconds,
            stall=settings.stall_seconds,
            total=settings.total_seconds,
        ),
    )
