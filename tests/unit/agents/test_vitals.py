"""What an agent says of itself: alive, ready, and how much it did."""

import asyncio
import time
from datetime import timedelta

import pytest

from agents.runtime.drain import Drain
from agents.runtime.health import ANSWERED_WITHIN, Vitals
from agents.runtime.outcome import Failed, Stopped, Succeeded, Verdict
from protocol.errors import StoreUnavailable
from protocol.records import Completion, ErrorInfo, Failure, FailureAction, Usage
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.running import at_once, live, until_drained
from tests.support.agents.subtasks import a_subtask, done
from tests.support.eventually import eventually

USED = Usage(model_id="m", provider="p", duration_ms=1500, first_token_ms=300)


def value(vitals: Vitals, sample: str, **labels: str) -> float | None:
    return vitals.metrics.registry.get_sample_value(sample, labels)


def test_an_agent_whose_claim_loop_is_silent_is_not_alive() -> None:
    vitals = Vitals(stalled_after=timedelta(seconds=60))
    assert vitals.health().is_well

    vitals.beaten_at = time.monotonic() - 61

    assert vitals.is_stalled
    assert not vitals.health().is_well
    vitals.beat()
    assert vitals.health().is_well


def test_an_agent_is_ready_while_the_store_answers_and_it_does_not_drain() -> None:
    vitals = Vitals(bus=FakeBus())
    assert not vitals.readiness().is_well
    assert vitals.readiness().reason == "the store has not answered yet"

    vitals.store_answered()
    assert vitals.readiness().is_well
    assert vitals.readiness().reason == "subscribed"

    vitals.answered_at = time.monotonic() - ANSWERED_WITHIN.total_seconds() - 1
    assert "did not answer" in vitals.readiness().reason

    vitals.store_answered()
    vitals.is_draining = True
    assert not vitals.readiness().is_well


async def test_an_agent_whose_database_cannot_write_is_not_ready_until_it_can() -> None:
    full = StoreUnavailable("cogo_check_writes: the database cannot write: No space left on device")
    store = FakeStore(errors={"check_writes": full})
    vitals, drain = Vitals(), Drain()
    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, at_once, drain, vitals=vitals))
        await eventually(lambda: "No space left" in vitals.readiness().reason)
        assert not vitals.readiness().is_well
        await eventually(lambda: len(store.records) > 1)  # heartbeats are taken all the same

        del store.errors["check_writes"]
        await eventually(lambda: vitals.readiness().is_well)
        drain.begin()


def test_an_agent_that_only_polls_is_ready_and_says_so() -> None:
    vitals = Vitals(bus=FakeBus(is_subscribed=False))
    vitals.store_answered()

    assert vitals.readiness().is_well
    assert "polling" in vitals.readiness().reason


def test_attempts_are_counted_by_model_outcome_and_error_and_timed() -> None:
    vitals, claimed = Vitals(), a_subtask()
    error = ErrorInfo(class_="overloaded", message="busy")
    failure = Failure(ref=claimed.ref, error=error, action=FailureAction.RETRY, usage=USED)

    vitals.metrics.came_to(claimed, Succeeded(Completion(ref=claimed.ref, output={}, usage=USED)))
    vitals.metrics.came_to(claimed, Failed(failure))
    vitals.metrics.came_to(claimed, Stopped(Verdict.CANCELLED, USED))

    for outcome, error_class in (("completed", ""), ("retry", "overloaded"), ("cancelled", "")):
        labels = {"model": claimed.lane, "outcome": outcome, "error": error_class}
        assert value(vitals, "cogo_attempts_total", **labels) == 1
    assert value(vitals, "cogo_provider_call_seconds_sum", model="m", provider="p") == 4.5
    first = value(vitals, "cogo_provider_first_token_seconds_sum", model="m", provider="p")
    assert first == pytest.approx(0.9)


def test_extensions_of_leases_are_counted_by_their_answer() -> None:
    vitals = Vitals()

    vitals.metrics.extended("lost")
    vitals.metrics.extended("unavailable", 3)

    assert value(vitals, "cogo_lease_extensions_total", answer="lost") == 1
    assert value(vitals, "cogo_lease_extensions_total", answer="unavailable") == 3


def test_reconnects_and_silence_of_realtime_are_measured() -> None:
    bus = FakeBus(connections=3, is_subscribed=False)
    vitals = Vitals(bus=bus)

    assert value(vitals, "cogo_realtime_connections_total") == 3
    assert value(vitals, "cogo_realtime_subscribed") == 0
    bus.is_subscribed = True
    assert b"cogo_realtime_subscribed 1.0" in vitals.metrics.text()


async def test_a_pool_counts_its_claims_and_its_work() -> None:
    vitals, work = Vitals(), [a_subtask() for _ in range(3)]
    store = FakeStore(queue=list(work))

    await until_drained(store, at_once, lambda: len(store.completed) == 3, vitals=vitals)

    assert value(vitals, "cogo_claimed_subtasks_total") == 3
    assert (value(vitals, "cogo_claims_total", result="found") or 0) >= 1
    assert value(vitals, "cogo_attempts_running") == 0
    assert vitals.is_draining
    assert done(work[0]) in store.completed


async def test_a_store_that_is_away_shows() -> None:
    vitals = Vitals()
    store = FakeStore(errors={"claim_subtasks": AWAY})

    def unanswered() -> float | None:
        return value(vitals, "cogo_claims_total", result="unavailable")

    await until_drained(store, at_once, unanswered, vitals=vitals)

    assert await eventually(unanswered)
