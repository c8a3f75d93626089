"""How long a call may take: what was asked for, else the catalogue, else by the kind of model."""

from datetime import timedelta
from typing import Final

from providers.adapters.base import Timeouts
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import TimeoutSeconds

__all__ = ["timeouts_for"]

_USUAL: Final = TimeoutSeconds(first_token=120, stall=60, total=900)
_SLOW_STARTERS: Final = TimeoutSeconds(first_token=300, stall=120, total=1800)
"""Models that think before they speak, which not every vendor shows, and local servers, which may
first load the model into memory."""


def timeouts_for(
    deployment: Deployment,
    *,
    asked: TimeoutSeconds | None = None,
    settings: TimeoutSeconds | None = None,
    left: timedelta | None = None,
) -> Timeouts:
    """Merge, field by field: `asked` (of the task), the model's entry, its provider's, `settings`.

    `left` bounds everything: what remains until the task's deadline.
    """
    kind = _USUAL
    if deployment.host.local or deployment.model.reasons_unasked:
        kind = _SLOW_STARTERS
    sources = [asked, deployment.model.timeouts, deployment.host.timeouts, settings, kind]

    def first(name: str) -> timedelta:
        values = (getattr(source, name) for source in sources if source is not None)
        found = timedelta(seconds=next(value for value in values if value is not None))
        return found if left is None else min(found, max(left, timedelta(seconds=0.001)))

    return Timeouts(first_token=first("first_token"), stall=first("stall"), total=first("total"))
