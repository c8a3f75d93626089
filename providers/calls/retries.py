"""What follows a call that failed before its first token, a 429 for example: pure decisions.

The queue is the only level that repeats work. Within an attempt no request goes twice to the same
key of the same deployment, unless the vendor, or a limit of ours, asked for a wait that is short
enough. `fallback.py` applies the decisions.
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

MAX_TOTAL_WAIT: Final = timedelta(seconds=10)
"""For all waits of one attempt. A longer one is left to the queue."""

MIN_WAIT: Final = timedelta(seconds=0.5)
"""Some vendors ask for 0 s, and would be called as fast as the network allows."""

_KEY_ERRORS: Final = (AuthenticationFailed, PermissionDenied, BudgetExhausted, RateLimited)


class RetryDecision(Enum):
    """What follows a failed call."""

    NEXT_KEY = auto()
    """Call the same deployment with another key, at once."""
    NEXT_DEPLOYMENT = auto()
    """Call another deployment of the model, at once."""
    WAIT = auto()
    """Repeat the call after `get_retry_delay`."""
    GIVE_UP = auto()
    """Fail the attempt."""


def is_key_error(error: CallFailed) -> bool:
    """Return whether another key of the same provider may succeed."""
    return isinstance(error, _KEY_ERRORS)


def decide_retry(
    error: CallFailed, *, has_spare_key: bool, has_spare_deployment: bool, waited: timedelta
) -> RetryDecision:
    """Decide what follows; `waited` is the sum of the attempt's earlier waits."""
    if isinstance(error, InvalidRequest):
        return RetryDecision.GIVE_UP  # every deployment would refuse or filter it
    if has_spare_key and is_key_error(error):
        return RetryDecision.NEXT_KEY
    if has_spare_deployment:
        return RetryDecision.NEXT_DEPLOYMENT
    if isinstance(error, CircuitOpen):
        return RetryDecision.GIVE_UP  # another model may do the work meanwhile
    if error.retryable and error.retry_after is not None:
        wait = waited + get_retry_delay(error)
        return RetryDecision.WAIT if wait <= MAX_TOTAL_WAIT else RetryDecision.GIVE_UP
    return RetryDecision.GIVE_UP


def get_retry_delay(error: CallFailed) -> timedelta:
    """Return how long to wait before the same call, at least as long as the vendor asked."""
    return max(error.retry_after or timedelta(), MIN_WAIT)


def choose_error(errors: Sequence[CallFailed]) -> CallFailed:
    """Return the most useful error of several calls; the first of equals.

    Vendors' errors that may pass come first, then limits of ours, then errors that only an operator
    can fix. Among these, the one with the shortest `retry_after` wins.
    """
    return min(errors, key=_rank)


def _rank(error: CallFailed) -> tuple[int, timedelta]:
    wait = error.retry_after or timedelta()
    if isinstance(error, NotAsked):
        return 1, wait
    return 0 if error.retryable else 2, wait
