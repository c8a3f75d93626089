"""The breaker of a server that is only a help."""

from agents.memory.conversation.breaker import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Breaker,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pauses_double_and_one_caller_tries_after_each() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    assert breaker.may_try()
    assert breaker.may_try()
    assert breaker.record_failure()
    assert not breaker.record_failure(), "another call that was on its way"

    pause = FIRST_PAUSE_SECONDS
    for _ in range(8):
        clock.now += pause - 0.01
        assert not breaker.may_try()
        clock.now += 0.02
        assert [breaker.may_try(), breaker.may_try()] == [True, False]
        assert not breaker.record_failure()
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    clock.now += pause
    assert breaker.may_try()
    assert breaker.record_success()
    assert not breaker.record_success()
    assert [breaker.may_try(), breaker.may_try()] == [True, True]


def test_a_trial_that_was_cancelled_is_made_by_somebody_else() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.record_failure()
    clock.now += FIRST_PAUSE_SECONDS
    assert breaker.may_try()

    breaker.abandon_trial()

    assert breaker.may_try()
