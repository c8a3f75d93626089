"""What happens after a call that failed before its first token."""

from datetime import timedelta

import pytest

from providers import errors
from providers.calls.retries import (
    MAX_TOTAL_WAIT,
    RetryDecision,
    choose_error,
    decide_retry,
    get_retry_delay,
)
from providers.errors import CallFailed

SECOND = timedelta(seconds=1)
KEY, PLACE, WAIT, UP = (
    RetryDecision.NEXT_KEY,
    RetryDecision.NEXT_DEPLOYMENT,
    RetryDecision.WAIT,
    RetryDecision.GIVE_UP,
)


def failed(kind: type[CallFailed], after: timedelta | None = None) -> CallFailed:
    if issubclass(kind, errors.TimedOut):
        return kind("vendor", errors.TimeoutPhase.FIRST_TOKEN, SECOND)
    return kind("vendor", "no", retry_after=after)


# Next with another key and another deployment, with another deployment only, with neither.
TABLE = {
    (errors.AuthenticationFailed, None): (KEY, PLACE, UP),
    (errors.PermissionDenied, None): (KEY, PLACE, UP),
    (errors.BudgetExhausted, None): (KEY, PLACE, UP),
    (errors.RateLimited, None): (KEY, PLACE, UP),
    (errors.RateLimited, 2 * SECOND): (KEY, PLACE, WAIT),
    (errors.RateLimited, 61 * SECOND): (KEY, PLACE, UP),
    (errors.Overloaded, None): (PLACE, PLACE, UP),
    (errors.Overloaded, 2 * SECOND): (PLACE, PLACE, WAIT),
    (errors.TimedOut, None): (PLACE, PLACE, UP),
    (errors.ConnectionFailed, None): (PLACE, PLACE, UP),
    (errors.MalformedResponse, None): (PLACE, PLACE, UP),
    (errors.IncompleteStream, None): (PLACE, PLACE, UP),
    (errors.ModelNotFound, None): (PLACE, PLACE, UP),
    (errors.CircuitOpen, 5 * SECOND): (PLACE, PLACE, UP),
    (errors.AtCapacity, 2 * SECOND): (PLACE, PLACE, WAIT),
    (errors.AtCapacity, 61 * SECOND): (PLACE, PLACE, UP),
    (errors.SpendingStopped, 0 * SECOND): (UP, UP, UP),
    (errors.InvalidRequest, None): (UP, UP, UP),
    (errors.ContextTooLong, None): (UP, UP, UP),
    (errors.ContentFiltered, None): (UP, UP, UP),
    (errors.NotSupported, None): (PLACE, PLACE, UP),
}


@pytest.mark.parametrize(("kind", "after"), TABLE, ids=lambda each: getattr(each, "code", None))
def test_the_next_step_after_a_failed_call(kind: type[CallFailed], after: timedelta | None) -> None:
    error = failed(kind, after)

    def step(*, key: bool, place: bool) -> RetryDecision:
        return decide_retry(
            error, has_spare_key=key, has_spare_deployment=place, waited=timedelta()
        )

    found = (step(key=True, place=True), step(key=False, place=True), step(key=False, place=False))
    assert found == TABLE[kind, after]


def test_one_attempt_waits_ten_seconds_at_most_all_in_all() -> None:
    error = failed(errors.RateLimited, 4 * SECOND)

    for waited, step in ((0, WAIT), (4, WAIT), (8, UP)):
        given = decide_retry(
            error, has_spare_key=False, has_spare_deployment=False, waited=timedelta(seconds=waited)
        )
        assert given is step


def test_a_retry_after_of_zero_still_waits() -> None:
    zero = failed(errors.RateLimited, timedelta())
    waited, asked = timedelta(), 0

    while (
        decide_retry(zero, has_spare_key=False, has_spare_deployment=False, waited=waited) is WAIT
    ):
        waited, asked = waited + get_retry_delay(zero), asked + 1

    assert asked <= 20


@pytest.mark.parametrize("seconds", [0.6, 4, 10])
def test_no_wait_is_shorter_than_retry_after(seconds: float) -> None:
    said = timedelta(seconds=seconds)

    assert get_retry_delay(failed(errors.Overloaded, said)) == said


@pytest.mark.parametrize(("more", "step"), [(timedelta(), WAIT), (timedelta(milliseconds=1), UP)])
def test_the_longest_wait_is_waited_and_nothing_longer(
    more: timedelta, step: RetryDecision
) -> None:
    error = failed(errors.RateLimited, MAX_TOTAL_WAIT - 3 * SECOND + more)

    given = decide_retry(error, has_spare_key=False, has_spare_deployment=False, waited=3 * SECOND)
    assert given is step


def test_the_error_of_the_deployment_that_is_free_first_is_raised() -> None:
    days = failed(errors.RateLimited, timedelta(seconds=198300))
    soon = failed(errors.RateLimited, SECOND)

    assert choose_error([days, soon]) is soon


def test_the_most_useful_error_is_raised() -> None:
    dead, slow, resting = (
        failed(errors.AuthenticationFailed),
        failed(errors.Overloaded),
        failed(errors.CircuitOpen, SECOND),
    )

    assert choose_error([dead, resting, slow]) is slow
    assert choose_error([dead, resting]) is resting
    assert choose_error([dead]) is dead
