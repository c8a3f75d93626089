"""Stopped spending, with executors that hear of nothing and are in the middle of their work."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.tools.host import ToolHost
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import Subtask, Task
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

TOOL = '''
from cogo.workflows import tool


@tool(idempotent=True)
def look(n: int) -> str:
    """Look at something."""
    return f"saw {n}"
'''
NAME = "stop_tools.look"
TURNS = 8
MODEL = "claude-sonnet-5-5"


@pytest.fixture
def tools(tmp_path: Path) -> ToolHost:
    (tmp_path / "stop_tools.py").write_text(TOOL, "utf-8")
    return ToolHost(modules=["stop_tools"], folders=[tmp_path])


@pytest.fixture(autouse=True)
async def _resumed(fleet: OpenFleet) -> AsyncIterator[None]:
    yield
    async with fleet() as agents:
        await agents.store.resume_spending()


async def fetch_ask(store: SupabaseStore, task: Task) -> Subtask | None:
    found = [each for each in await store.fetch_subtasks(task_id=task.id) if each.kind == "ask"]
    return found[0] if found else None


async def count_requests(agents: Fleet) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{agents.simulator}/_simulator/requests")
    return len(answer.json()["requests"])


async def wait_for_turn(agents: Fleet, task: Task) -> Subtask:
    async def probe() -> Subtask | None:
        step = await fetch_ask(agents.store, task)
        is_begun = step is not None and await agents.store.fetch_turns(subtask_id=step.id)
        return step if is_begun else None

    found = await eventually(probe, within=60)
    assert found is not None
    return found


async def wait_until_queued(agents: Fleet, task: Task) -> None:
    async def probe() -> bool:
        step = await fetch_ask(agents.store, task)
        return step is not None and step.status is SubtaskState.QUEUED

    await eventually(probe, within=60)


def options() -> dict[str, Any]:
    return {"tool_capacity": 2, "list_tools": lambda: [NAME], "is_metered": True}


async def test_a_loop_makes_no_call_after_the_stop_and_goes_on_where_it_was(
    fleet: OpenFleet, tools: ToolHost
) -> None:
    """Realtime is down, so the executor learns of it from nothing but its next call."""
    prompt = ", then ".join(f'look {{"n": {number}}}' for number in range(1, TURNS))
    async with tools, fleet() as agents:
        await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        task = await agents.submit(prompt, type="CHAT", model=MODEL, params={"tools": [NAME]})
        step = await wait_for_turn(agents, task)

        stopped = await agents.store.stop_spending(reason="a loop")
        await wait_until_queued(agents, task)
        asked = await count_requests(agents)
        waiting = await agents.submit("Hello", type="CHAT", model=MODEL)
        await wait_until_queued(agents, waiting)
        late = await agents.store.fetch_calls(
            limit=100, every_owner=True, since=stopped.since + timedelta(seconds=2)
        )
        held = await agents.store.fetch_task(task_id=task.id)
        asked_later = await count_requests(agents)

        assert await agents.store.resume_spending()
        ended = await agents.ended(task.id)
        also = await agents.ended(waiting.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)
        total = await count_requests(agents)
        after = await fetch_ask(agents.store, task)

    assert late == []
    assert asked_later == asked < TURNS
    assert held.status is TaskState.RUNNING
    assert ended.status is also.status is TaskState.COMPLETED, (ended.error, also.error)
    assert ended.result is not None
    assert (ended.result["turns"], total) == (TURNS, TURNS + 1)  # nothing was asked twice
    assert after is not None
    assert (after.id, after.failures, after.reaps) == (step.id, 0, 0)
    asks = [each for each in attempts if each.lane == MODEL]
    assert [each.outcome for each in asks] == ["released", "completed"]
    assert (asks[0].error or {})["class"] == "spending_stopped"
    assert "a loop" in (asks[0].error or {})["message"]


async def test_a_call_under_way_is_aborted_if_asked_for_and_asked_again_later(
    fleet: OpenFleet,
) -> None:
    async with fleet() as agents:
        await agents.executor("e-1", **options())
        await agents.orchestrator()
        task = await agents.submit("Say it at length", type="CHAT", model=MODEL)

        async def is_called() -> bool:
            return await count_requests(agents) > 0

        await eventually(is_called, within=60)
        stopped = await agents.store.stop_spending(reason="now", cancel_running=True)
        await wait_until_queued(agents, task)

        async def is_booked() -> bool:
            calls = await agents.store.fetch_calls(limit=9, every_owner=True, task_id=task.id)
            # Its holder reports it late: aborted, or at its end if that came first.
            outcomes = {each.outcome for each in calls} - {"lost"}
            return len(calls) == 2 and outcomes <= {"cancelled", "completed"}

        await eventually(is_booked, within=60)
        await agents.store.resume_spending()
        ended = await agents.ended(task.id)
        after = await fetch_ask(agents.store, task)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert stopped.aborted == 1
    assert ended.status is TaskState.COMPLETED, ended.error
    assert after is not None
    assert (after.failures, after.reaps) == (0, 0)
    outcomes = [each.outcome for each in attempts if each.lane == MODEL]
    assert outcomes == ["released", "completed"]
