"""What follows a call that failed before its first token."""

from datetime import timedelta

import pytest

from providers import errors
from providers.errors import CallFailed
from providers.retries import Step, next_step, to_tell

SECOND = timedelta(seconds=1)
KEY, PLACE, WAIT, UP = Step.NEXT_KEY, Step.NEXT_DEPLOYMENT, Step.WAIT, Step.GIVE_UP


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
    (errors.InvalidRequest, None): (UP, UP, UP),
    (errors.ContextTooLong, None): (UP, UP, UP),
    (errors.ContentFiltered, None): (UP, UP, UP),
}


@pytest.mark.parametrize(("kind", "after"), TABLE, ids=lambda each: getattr(each, "code", None))
def test_what_comes_next(kind: type[CallFailed], after: timedelta | None) -> None:
    error = failed(kind, after)

    def step(*, key: bool, place: bool) -> Step:
        return next_step(error, spare_key=key, spare_deployment=place, waited=timedelta())

    found = (step(key=True, place=True), step(key=False, place=True), step(key=False, place=False))
    assert found == TABLE[kind, after]


def test_one_attempt_waits_ten_seconds_at_most_all_in_all() -> None:
    error = failed(errors.RateLimited, 4 * SECOND)

    for waited, step in ((0, WAIT), (4, WAIT), (8, UP)):
        given = next_step(
            error, spare_key=False, spare_deployment=False, waited=timedelta(seconds=waited)
        )
        assert given is step


def test_told_is_what_helps_most() -> None:
    dead, slow, resting = (
        failed(errors.AuthenticationFailed),
        failed(errors.Overloaded),
        failed(errors.CircuitOpen, SECOND),
    )

    assert to_tell([dead, resting, slow]) is slow
    assert to_tell([dead, resting]) is resting
    assert to_tell([dead]) is dead
