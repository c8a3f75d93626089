"""Requests for faults: lasting ones, and those that occur once."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Final


class InvalidFaultPlan(ValueError):
    """The plan is invalid; the message names the field and its allowed values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFaults:
    """Faults that last until the next plan."""

    drop_broadcasts: float = 0.0
    """Share of broadcasts, 0 to 1, that are lost, decided per socket."""
    delay_joins_seconds: float = 0.0
    """Delay of a socket after it has read a join."""
    too_many_requests: float = 0.0
    """Share of requests and new sockets, 0 to 1, that get status 429."""
    token_seconds: int | None = None
    """Lifetime of new access tokens; None for the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """One plan; faults that it does not name end."""

    active: ActiveFaults = field(default_factory=ActiveFaults)
    close_sockets: int | None = None
    """Close all open sockets with this code."""
    expire_tokens: bool = False
    """Revoke the access tokens of all users."""
    pause_database_seconds: float | None = None
    """Freeze Postgres for this time."""
    seed: int | None = None
    """Seed of the random decisions about shares."""


def parse_fault_plan(body: object) -> FaultPlan:
    """Check the body of a request; raise `InvalidFaultPlan`."""
    if not isinstance(body, dict):
        raise InvalidFaultPlan("a fault plan is a JSON object")
    if unknown := sorted(set(body) - set(_CHECKS)):
        raise InvalidFaultPlan(f"unknown: {', '.join(unknown)}; known: {', '.join(_CHECKS)}")
    for name, value in body.items():
        is_good, expected = _CHECKS[name]
        if value is not None and not is_good(value):
            raise InvalidFaultPlan(f"{name} must be {expected}")
    given = {name: value for name, value in body.items() if value is not None}
    active = {each.name for each in fields(ActiveFaults)}
    return FaultPlan(
        active=ActiveFaults(**{name: given[name] for name in given.keys() & active}),
        **{name: given[name] for name in given.keys() - active},
    )


def _is_between(low: float, high: float, *, whole: bool = False) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        kinds = int if whole else int | float
        return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high

    return check


def _is_close_code(value: Any) -> bool:
    return isinstance(value, int) and (1000 <= value <= 1014 or 3000 <= value <= 4999)


_SHARE: Final = (_is_between(0, 1), "a share from 0 to 1")
_PAUSE: Final = (_is_between(0, 300), "seconds from 0 to 300")
_CHECKS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "drop_broadcasts": _SHARE,
    "delay_joins_seconds": _PAUSE,
    "too_many_requests": _SHARE,
    "token_seconds": (_is_between(1, 3600, whole=True), "whole seconds from 1 to 3600"),
    "close_sockets": (_is_close_code, "a close code: 1000 to 1014, or 3000 to 4999"),
    "expire_tokens": (lambda value: value is True, "true"),
    "pause_database_seconds": _PAUSE,
    "seed": (_is_between(-math.inf, math.inf, whole=True), "a whole number"),
}
