"""Lanes whose model can run fewer attempts at once than the agent has slots."""

import asyncio
from collections import Counter

from agents.runtime.wakeup import Drain
from protocol.records import ClaimedSubtask, Completion
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.running import live, options
from tests.support.agents.subtasks import a_subtask, done
from tests.support.eventually import eventually


async def test_a_lane_gets_no_more_attempts_than_it_can_run() -> None:
    tight = [a_subtask(lane="tight") for _ in range(6)]
    store = FakeStore(queue=[*tight, *(a_subtask(lane="wide") for _ in range(6))])
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def work(claimed: ClaimedSubtask) -> Completion:
        running[claimed.lane] += 1
        most[claimed.lane] = max(most[claimed.lane], running[claimed.lane])
        for _ in range(5):
            await asyncio.sleep(0)
        running[claimed.lane] -= 1
        return done(claimed)

    def lanes() -> list[str]:
        return ["tight", "wide"]

    drain = Drain()
    async with asyncio.TaskGroup() as group:
        # Nothing rings, and it polls once an hour: the end of an attempt is what claims the next.
        group.create_task(
            live(store, work, drain, options(capacity=8, poll=3600), lanes=lanes,
                 get_limit={"tight": 2}.get)
        )  # fmt: skip
        await eventually(lambda: len(store.completed) == 12, within=5)
        drain.begin()

    assert most["tight"] == 2
    assert most["wide"] == 6
