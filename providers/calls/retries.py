"""Decisions after a call that failed before its first token, with a 429 for example.

The queue is the only level that repeats work. Within an attempt no request goes twice to the same
key of the same deployment, unless the vendor or one of COGO's limits asked for a short wait.
`fallback.py` applies the decisions.
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
    NotSupported,
    PermissionDenied,
    RateLimited,
    SpendingStopped,
)

MAX_TOTAL_WAIT: Final = timedelta(seconds=10)
"""Maximum sum of all waits of one attempt. Longer waits are left to the queue."""

MIN_WAIT: Final = timedelta(seconds=0.5)
"""Some vendors ask for 0 s and would be called as fast as the network allows."""

_KEY_ERRORS: Final = (AuthenticationFailed, PermissionDenied, BudgetExhausted, RateLimited)


class RetryDecision(Enum):
    """What to do after a failed call."""

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
    """Decide what to do; `waited` is the sum of the attempt's earlier waits."""
    if isinstance(error, InvalidRequest) and not isinstance(error, NotSupported):
        return RetryDecision.GIVE_UP  # every deployment would refuse or filter it
    if isinstance(error, SpendingStopped):
        return RetryDecision.GIVE_UP  # at every deployment
    if has_spare_key and is_key_error(error):
        return RetryDecision.NEXT_KEY
    if has_spare_deployment:
        return RetryDecision.NEXT_DEPLOYMENT
    if isinstance(error, CircuitOpen):
        return RetryDecision.GIVE_UP  # another model can do the work in the meantime
    if error.retryable and error.retry_after is not None:
        wait = waited + get_retry_delay(error)
        return RetryDecision.WAIT if wait <= MAX_TOTAL_WAIT else RetryDecision.GIVE_UP
    return RetryDecision.GIVE_UP


def get_retry_delay(error: CallFailed) -> timedelta:
    """Return how long to wait before repeating the call, at least as long as the vendor asked."""
    return max(error.retry_after or timedelta(), MIN_WAIT)


def choose_error(errors: Sequence[CallFailed]) -> CallFailed:
    """Return the most useful error of several calls; the first of equals.

    That spending is stopped comes first, as nothing fails because of it; then temporary errors of
    vendors, then COGO's limits, then errors that only an operator can fix. Within each group, the
    one with the shortest `retry_after` comes first.
    """
    return min(errors, key=_rank)


def _rank(error: CallFailed) -> tuple[int, timedelta]:
    wait = error.retry_after or timedelta()
    if isinstance(error, SpendingStopped):
        return -1, wait
    if isinstance(error, NotAsked):
        return 1, wait
    return 0 if error.retryable else 2, wait
