"""Tests of a retry decorator."""

import pytest

from simulator.answers.programs.retry import retry


def test_a_call_that_fails_at_first_is_tried_again() -> None:
    calls = []

    @retry(attempts=3, sleep=lambda _seconds: None)
    def fail_twice() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("not yet")
        return "done"

    assert fail_twice() == "done"
    assert len(calls) == 3


def test_the_last_error_of_all_attempts_is_raised() -> None:
    @retry(attempts=2, sleep=lambda _seconds: None)
    def fail() -> None:
        raise OSError("never")

    with pytest.raises(OSError, match="never"):
        fail()


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    @retry(attempts=3, on=(OSError,), sleep=lambda _seconds: None)
    def fail() -> None:
        calls.append(1)
        raise KeyError("wrong")

    with pytest.raises(KeyError):
        fail()
    assert len(calls) == 1


def test_waits_between_attempts_double() -> None:
    waits: list[float] = []

    @retry(attempts=4, base_seconds=1, sleep=waits.append, jitter=lambda _low, high: high)
    def fail() -> None:
        raise OSError("never")

    with pytest.raises(OSError):
        fail()
    assert waits == [1, 2, 4]
