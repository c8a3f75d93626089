"""No orchestrator: stamped subtasks go on, and tasks that need one report it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

from cogo.watch.why_waiting import explain_waiting
from protocol.lifecycle import TaskState
from protocol.records import AgentRecord, Task
from simulator import run_simulator
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]
LANES = ["claude-haiku-4-5", "claude-sonnet-5-5", "gpt-4o-mini"]


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """Run a simulator without delays; yield its URL."""
    async with run_simulator(speed=0) as url:
        yield url


async def test_stamped_work_is_done_without_an_orchestrator_and_what_needs_one_waits_for_it(
    fleet: OpenFleet,
) -> None:
    async with fleet() as agents:
        announced = asyncio.Event()
        announcing = agents.group.create_task(_announce(agents, announced))
        await announced.wait()
        planner = await agents.orchestrator("cio-1")
        team = await agents.submit(preferences={"policy": "ensemble"})
        retried = await agents.submit("Write is_prime(n) [[fault:503 times=1]]")
        handed_back = await agents.submit("Write is_even(n) [[fault:503 times=2]]")
        for task in (team, retried, handed_back):
            await _is_stamped(agents, task)
        agents.drains[-1].begin()
        await planner
        announcing.cancel()

        unplanned = await agents.submit()
        await agents.executor("e-1")

        assert (await agents.ended(retried.id)).status == TaskState.COMPLETED
        assert await _outcomes(agents, retried) == ["failed", "completed"]
        for task in (unplanned, handed_back, team):  # a team's answers are combined by its workflow
            said = await _waits(agents, task)
            assert "orchestrator" in said
        assert await _outcomes(agents, handed_back) == ["failed", "rerouted"]

        await agents.orchestrator("cio-2")
        for task in (unplanned, handed_back, team):
            assert (await agents.ended(task.id)).status == TaskState.COMPLETED
        assert len(await _outcomes(agents, team)) > 2
        assert await _outcomes(agents, handed_back) == ["failed", "rerouted", "completed"]


async def _announce(agents: "Fleet", announced: asyncio.Event) -> None:
    """Live as an executor that takes nothing: what is stamped stays."""
    record = AgentRecord(id="announced", kind="executor", lanes=LANES, capacity=1)
    while True:
        await agents.store.record_agent(record)
        announced.set()
        await asyncio.sleep(2)


async def _is_stamped(agents: "Fleet", task: Task) -> None:
    async def probe() -> bool:
        subtasks = await agents.store.fetch_subtasks(task_id=task.id)
        return any(each.lane != "cio" for each in subtasks)

    assert await eventually(probe, within=60)


async def _outcomes(agents: "Fleet", task: Task) -> list[str]:
    """Return the outcomes of the calls of models, in their order."""
    attempts = await agents.store.fetch_attempts(task_id=task.id)
    return [str(each.outcome) for each in attempts if each.lane != "cio"]


async def _waits(agents: "Fleet", task: Task) -> str:
    """Return what a person is told of a task that waits for orchestrators."""

    async def probe() -> str | None:
        subtasks = await agents.store.fetch_subtasks(task_id=task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)
        living = [each for each in await agents.store.fetch_agents() if each.stopped_at is None]
        if not any(each.lane == "cio" and each.status == "queued" for each in subtasks):
            return None
        return "\n".join(explain_waiting(subtasks, attempts, living)) or None

    found = await eventually(probe, within=60)
    assert found is not None
    return found
