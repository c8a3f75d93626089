"""What to do after a call failed before its first token: pure decisions.

There is one level of retries, the queue. Within an attempt nothing is sent twice to the same key
of the same deployment but where the vendor, or a limit of ours, said how short a wait will do.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from providers.errors import (
    AuthenticationFailed,
    BudgetExhausted,
    CallFailed,
    CircuitOpen,
    InvalidRequest,
    NotAsked,
    PermissionDenied,
    RateLimited,
)

__all__ = ["LONGEST_WAIT", "Step", "is_about_the_key", "next_step", "to_tell", "wait_before"]

LONGEST_WAIT: Final = timedelta(seconds=10)
"""All waits of one attempt together; the rest of a longer one is spent in the queue, not here."""

SHORTEST_WAIT: Final = timedelta(seconds=0.5)
"""Some vendors say 0: whoever believed them would ask as fast as the network allows."""

_KEY_ERRORS: Final = (AuthenticationFailed, PermissionDenied, BudgetExhausted)


class Step(Enum):
    """What comes next."""

    NEXT_KEY = auto()
    """The same deployment with another key, at once."""
    NEXT_DEPLOYMENT = auto()
    """The same model elsewhere, at once."""
    WAIT = auto()
    """The same again, after `wait_before`."""
    GIVE_UP = auto()
    """The attempt failed."""


def is_about_the_key(error: CallFailed) -> bool:
    """Whether another key of the same provider may do what this one may not."""
    return isinstance(error, (*_KEY_ERRORS, RateLimited))


def next_step(
    error: CallFailed, *, spare_key: bool, spare_deployment: bool, waited: timedelta
) -> Step:
    """Decide, knowing what else could be asked and how long this attempt has waited already."""
    if isinstance(error, InvalidRequest):
        return Step.GIVE_UP  # it would be refused, or filtered, elsewhere too
    if spare_key and is_about_the_key(error):
        return Step.NEXT_KEY
    if spare_deployment:
        return Step.NEXT_DEPLOYMENT
    if isinstance(error, CircuitOpen):
        return Step.GIVE_UP  # another model may do the work meanwhile
    if error.retryable and error.retry_after is not None:
        wait = waited + wait_before(error)
        return Step.WAIT if wait <= LONGEST_WAIT else Step.GIVE_UP
    return Step.GIVE_UP


def wait_before(error: CallFailed) -> timedelta:
    """Return how long to wait before the same call, never less than the vendor said."""
    return max(error.retry_after or timedelta(), SHORTEST_WAIT)


def to_tell(errors: Sequence[CallFailed]) -> CallFailed:
    """The error that says best what can be done, when several places failed; the first of equals.

    A vendor that may do better later is worth more than a limit of ours, and both are worth more
    than what only an operator can mend. Among them the one that may be asked again the soonest.
    """
    return min(errors, key=_rank)


def _rank(error: CallFailed) -> tuple[int, timedelta]:
    wait = error.retry_after or timedelta()
    if isinstance(error, NotAsked):
        return 1, wait
    return 0 if error.retryable else 2, wait
