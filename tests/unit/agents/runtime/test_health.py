"""Health of an agent: alive, ready, and its metrics."""

import asyncio
import time
from datetime import timedelta

import pytest

from agents.runtime.attempt import Failed, Stopped, StopReason, Succeeded
from agents.runtime.health import ANSWERED_WITHIN, Health
from agents.runtime.wakeup import Drain
from protocol.errors import StoreUnavailable
from protocol.records import Completion, ErrorInfo, Failure, FailureAction, Usage
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.running import at_once, live, until_drained
from tests.support.agents.subtasks import a_subtask, done
from tests.support.eventually import eventually

USED = Usage(model_id="m", provider="p", duration_ms=1500, first_token_ms=300)


def value(health: Health, sample: str, **labels: str) -> float | None:
    return health.metrics.registry.get_sample_value(sample, labels)


def test_an_agent_whose_claim_loop_is_silent_is_not_alive() -> None:
    health = Health(stalled_after=timedelta(seconds=60))
    assert health.check_liveness().ok

    health.alive_at = time.monotonic() - 61

    assert health.is_stalled
    assert not health.check_liveness().ok
    health.mark_alive()
    assert health.check_liveness().ok


def test_an_agent_is_ready_while_the_store_answers_and_it_does_not_drain() -> None:
    health = Health(bus=FakeBus())
    assert not health.check_readiness().ok
    assert health.check_readiness().reason == "the store has not answered yet"

    health.mark_answered()
    assert health.check_readiness().ok
    assert health.check_readiness().reason == "subscribed"

    health.answered_at = time.monotonic() - ANSWERED_WITHIN.total_seconds() - 1
    assert "has not answered for" in health.check_readiness().reason

    health.mark_answered()
    health.is_draining = True
    assert not health.check_readiness().ok


async def test_an_agent_whose_database_cannot_write_is_not_ready_until_it_can() -> None:
    full = StoreUnavailable("cogo_check_writes: the database cannot write: No space left on device")
    store = FakeStore(errors={"check_writes": full})
    health, drain = Health(), Drain()
    async with asyncio.TaskGroup() as group:
        group.create_task(live(store, at_once, drain, health=health))
        await eventually(lambda: "No space left" in health.check_readiness().reason)
        assert not health.check_readiness().ok
        await eventually(lambda: len(store.records) > 1)  # heartbeats are taken all the same

        del store.errors["check_writes"]
        await eventually(lambda: health.check_readiness().ok)
        drain.begin()


def test_an_agent_that_only_polls_is_ready_and_says_so() -> None:
    health = Health(bus=FakeBus(is_subscribed=False))
    health.mark_answered()

    assert health.check_readiness().ok
    assert "polling" in health.check_readiness().reason


def test_attempts_are_counted_by_model_outcome_and_error_and_timed() -> None:
    health, claimed = Health(), a_subtask()
    error = ErrorInfo(class_="overloaded", message="busy")
    failure = Failure(ref=claimed.ref, error=error, action=FailureAction.RETRY, usage=USED)

    health.metrics.count_outcome(
        claimed, Succeeded(Completion(ref=claimed.ref, output={}, usage=USED))
    )
    health.metrics.count_outcome(claimed, Failed(failure))
    health.metrics.count_outcome(claimed, Stopped(StopReason.CANCELLED, USED))

    for outcome, error_class in (("completed", ""), ("retry", "overloaded"), ("cancelled", "")):
        labels = {"model": claimed.lane, "outcome": outcome, "error": error_class}
        assert value(health, "cogo_attempts_total", **labels) == 1
    assert value(health, "cogo_provider_call_seconds_sum", model="m", provider="p") == 4.5
    first = value(health, "cogo_provider_first_token_seconds_sum", model="m", provider="p")
    assert first == pytest.approx(0.9)


def test_calls_of_tools_are_counted_by_what_became_of_them() -> None:
    health, claimed = Health(), a_subtask()
    hostile = ["x", 7, {"clean": 10**30, "repaired": -1, "text": True, "rejected": [1]}, None]
    good = {"clean": 3, "repaired": 1, "text": 2, "rejected": {"schema": 2, "else": 9}}

    for calls in (*hostile, good, good):
        usage = USED.model_copy(update={"derived": {"calls": calls}})
        done_ = Completion(ref=claimed.ref, output={}, usage=usage)
        health.metrics.count_outcome(claimed, Succeeded(done_))

    def count(outcome: str) -> float | None:
        return value(health, "cogo_model_tool_calls_total", model="m", outcome=outcome)

    assert [count(each) for each in ("clean", "repaired", "text", "schema")] == [6, 2, 4, 4]
    assert count("else") is None


def test_extensions_of_leases_are_counted_by_their_answer() -> None:
    health = Health()

    health.metrics.count_extension("lost")
    health.metrics.count_extension("unavailable", 3)

    assert value(health, "cogo_lease_extensions_total", answer="lost") == 1
    assert value(health, "cogo_lease_extensions_total", answer="unavailable") == 3


def test_reconnects_and_silence_of_realtime_are_measured() -> None:
    bus = FakeBus(connections=3, is_subscribed=False)
    health = Health(bus=bus)

    assert value(health, "cogo_realtime_connections_total") == 3
    assert value(health, "cogo_realtime_subscribed") == 0
    bus.is_subscribed = True
    assert b"cogo_realtime_subscribed 1.0" in health.metrics.render()


async def test_a_pool_counts_its_claims_and_its_work() -> None:
    health, work = Health(), [a_subtask() for _ in range(3)]
    store = FakeStore(queue=list(work))

    await until_drained(store, at_once, lambda: len(store.completed) == 3, health=health)

    assert value(health, "cogo_claimed_subtasks_total") == 3
    assert (value(health, "cogo_claims_total", result="found") or 0) >= 1
    assert value(health, "cogo_attempts_running") == 0
    assert health.is_draining
    assert done(work[0]) in store.completed


async def test_a_store_that_is_away_shows() -> None:
    health = Health()
    store = FakeStore(errors={"claim_subtasks": AWAY})

    def unanswered() -> float | None:
        return value(health, "cogo_claims_total", result="unavailable")

    await until_drained(store, at_once, unanswered, health=health)

    assert await eventually(unanswered)
