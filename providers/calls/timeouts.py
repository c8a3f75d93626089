"""Timeouts of a call, from the task, the catalogue or the settings, with defaults by model."""

from datetime import timedelta
from typing import Final

from providers.adapters.base import Timeouts
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import TimeoutSeconds

_DEFAULT: Final = TimeoutSeconds(first_token=120, stall=60, total=900)
_SLOW_START: Final = TimeoutSeconds(first_token=300, stall=120, total=1800)
"""For models that reason before they answer, which not every vendor streams, and for local servers,
which may have to load the model first."""


def resolve_timeouts(
    deployment: Deployment,
    *,
    requested: TimeoutSeconds | None = None,
    settings: TimeoutSeconds | None = None,
    left: timedelta | None = None,
) -> Timeouts:
    """Take each field from `requested`, the model's entry, its provider's or `settings`, in order.

    `left`, the time until the deadline of the work, limits each of them.
    """
    is_slow = deployment.host.local or deployment.model.reasons_unasked
    kind = _SLOW_START if is_slow else _DEFAULT
    sources = [requested, deployment.model.timeouts, deployment.host.timeouts, settings, kind]

    def first(name: str) -> timedelta:
        values = (getattr(source, name) for source in sources if source is not None)
        found = timedelta(seconds=next(value for value in values if value is not None))
        return found if left is None else min(found, max(left, timedelta(seconds=0.001)))

    return Timeouts(first_token=first("first_token"), stall=first("stall"), total=first("total"))
