"""The text of a cancelled attempt: what watchers have seen is kept."""

import asyncio
import time
from datetime import timedelta

import pytest

from agents.runtime.attempt import WorkInterrupted
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper
from protocol.records import Checkpoint
from providers.chat import TextDelta
from tests.support.agents.executor_harness import ExecutorHarness
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.subtasks import a_subtask
from tests.support.eventually import eventually

LOCAL = "ollama/some-model"
LEASE = timedelta(seconds=15)


async def test_the_text_is_kept_if_the_cancellation_is_heard_from_an_extension() -> None:
    harness, before = ExecutorHarness(TextDelta("one"), pause=True), 0

    async def work() -> None:
        with pytest.raises(WorkInterrupted):
            await harness.executor().execute(a_subtask(lane=LOCAL))

    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        await eventually(lambda: harness.router.is_pausing)
        before = len(harness.keeper.kept)
        working.cancel()

    assert [each.content for each in harness.keeper.kept[before:]] == ["one"]


async def test_what_no_extension_has_sent_is_saved_before_the_attempt_ends() -> None:
    store, ref = FakeStore(), a_subtask(lane=LOCAL).ref
    keeper = LeaseKeeper(
        agent_id="agent", open_store=store.open, lease=LEASE, every=LEASE, health=Health()
    )
    keeper.hold(ref, requested_at=time.monotonic(), on_stop=lambda _: None)
    await keeper.save_last_text(store, ref)
    assert store.extensions == []

    keeper.checkpoint(ref, Checkpoint(content="one"))
    await keeper.save_last_text(store, ref)
    [[sent]] = store.extensions
    assert sent.checkpoint == Checkpoint(content="one")

    store.errors["extend_leases"] = AWAY
    await keeper.save_last_text(store, ref)  # the attempt ends nevertheless
