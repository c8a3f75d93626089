"""Agents at work on a real database, with Realtime down all the time."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from protocol.lifecycle import TaskState
from providers.catalogue.catalogue import Catalogue
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

MODEL = "claude-sonnet-5-5"

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]


async def test_tasks_are_planned_stamped_and_done_without_realtime(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()

        tasks = [await agents.submit() for _ in range(5)]
        ended = [await agents.ended(task.id) for task in tasks]
        selections = await agents.store.fetch_selections(task_id=tasks[0].id)
        attempts = await agents.store.fetch_attempts(task_id=tasks[0].id)

    assert {task.status for task in ended} == {TaskState.COMPLETED}
    assert all(task.result and task.result["simulated"] for task in ended)
    assert all(task.result and "is_palindrome" in task.result["generated_code"] for task in ended)
    assert [each.selected_model for each in selections] == ["claude-sonnet-5-5"]
    assert [each.outcome for each in attempts] == ["completed", "completed"]


async def test_a_task_that_cannot_be_planned_fails_with_its_field(fleet: OpenFleet) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"type": "BAKE_CAKE"}, "type"),
        ({"model": "claude-sonnet-55"}, "model"),
        ({"params": {"target_file": "../x.py"}}, "params.target_file"),
        ({"preferences": {"wish": 1}}, "preferences.wish"),
    ]

    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        tasks = [(await agents.submit(**fields), field) for fields, field in bad]
        good = await agents.submit()

        for task, field in tasks:
            ended = await agents.ended(task.id)
            assert ended.status == TaskState.FAILED
            assert ended.error is not None
            assert ended.error["class"] == "invalid_task"
            assert ended.error["field"] == field
        assert (await agents.ended(good.id)).status == TaskState.COMPLETED


async def test_work_of_a_cancelled_executor_is_done_by_another_at_once(
    fleet: OpenFleet,
) -> None:
    async with fleet() as agents:
        first = await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit("Write a parser [[fault:slow-headers=3]]")
        await _is_running(agents, task.id)

        first.cancel()
        await agents.executor("e-2")
        ended = await agents.ended(task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert ended.status == TaskState.COMPLETED
    assert [(each.agent_id, each.outcome) for each in attempts if each.lane != "cio"] == [
        ("e-1", "released"),
        ("e-2", "completed"),
    ]


async def test_an_executor_that_drains_finishes_what_it_holds(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        executor = await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit("Write is_palindrome(text) [[fault:slow-headers=2]]")
        await _is_running(agents, task.id)

        agents.drains[0].begin()
        await asyncio.wait_for(executor, 60)

        assert (await agents.ended(task.id)).status == TaskState.COMPLETED
        attempts = await agents.store.fetch_attempts(task_id=task.id)
        known = {agent.id: agent for agent in await agents.store.fetch_agents()}
    assert [each.outcome for each in attempts if each.lane != "cio"] == ["completed"]
    assert known["e-1"].stopped_at is not None


async def test_a_cancelled_task_stops_its_attempt(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit("Write a parser [[fault:stall]]")
        await _is_running(agents, task.id)

        await agents.store.cancel_task(task_id=task.id, reason="changed my mind")

        async def outcomes() -> bool:
            attempts = await agents.store.fetch_attempts(task_id=task.id)
            return [each.outcome for each in attempts if each.lane != "cio"] == ["cancelled"]

        await eventually(outcomes, within=10)
        assert (await agents.ended(task.id)).status == TaskState.CANCELLED


async def test_a_conversation_is_remembered(fleet: OpenFleet) -> None:
    session_id = uuid4()

    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        for prompt in ("My name is Ada.", "What is my name?"):
            task = await agents.submit(prompt, type="CHAT", session_id=session_id)
            assert (await agents.ended(task.id)).status == TaskState.COMPLETED
        page = await agents.store.read_session(owner=None, session_id=session_id)

    assert page is not None
    memory = page.messages[::-1]
    assert [each.role for each in memory] == ["user", "assistant", "user", "assistant"]
    assert [each.content for each in memory if each.role == "user"] == [
        "My name is Ada.",
        "What is my name?",
    ]


async def test_a_task_waits_for_executors_that_start_later(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.orchestrator()
        task = await agents.submit()

        async def was_tried() -> bool:
            attempts = await agents.store.fetch_attempts(task_id=task.id)
            return any((each.error or {}).get("class") == "no_model" for each in attempts)

        await eventually(was_tried, within=10)
        await agents.executor("e-1")
        assert (await agents.ended(task.id)).status == TaskState.COMPLETED


async def _is_running(agents: "Fleet", task_id: Any) -> None:
    async def probe() -> bool:
        subtasks = await agents.store.fetch_subtasks(task_id=task_id)
        return any(each.lane != "cio" and each.status == "running" for each in subtasks)

    await eventually(probe, within=20)


async def test_what_a_model_cannot_start_stays_in_the_queue(fleet: OpenFleet) -> None:
    catalogue = Catalogue.load()
    narrow = catalogue.providers["anthropic"].model_copy(update={"max_concurrency": 2})
    catalogue.providers = {**catalogue.providers, "anthropic": narrow}
    slow = "Say it [[fault:slow-headers=0.3]]"

    async with fleet() as agents:
        await agents.orchestrator()
        await agents.executor("e-1", catalogue=catalogue)
        tasks = [await agents.submit(slow, type="CHAT", model=MODEL) for _ in range(10)]
        for task in tasks:
            assert (await agents.ended(task.id)).status == TaskState.COMPLETED
        found = [await agents.store.fetch_attempts(task_id=task.id) for task in tasks]

    calls = [each for attempts in found for each in attempts if each.lane == MODEL]
    assert [each.outcome for each in calls] == ["completed"] * 10
    for each in calls:
        beside = [
            other
            for other in calls
            if other.ended_at is not None and other.claimed_at <= each.claimed_at < other.ended_at
        ]
        assert len(beside) <= 2, beside


async def test_a_vendor_that_asks_for_days_keeps_no_task_that_another_can_do(
    fleet: OpenFleet,
) -> None:
    # Not with `cogo up`, whose executors would leave the model alone for days, in other tests too.
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit(
            "Say it [[fault:429 retry_after=198300 times=1]]", type="CHAT", model=MODEL
        )
        ended = await agents.ended(task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert ended.status is TaskState.COMPLETED, ended.error
    first, second = (each for each in attempts if each.lane != "cio")
    assert (first.outcome, second.outcome) == ("rerouted", "completed")
    assert first.lane == MODEL != second.lane
    assert first.error is not None
    assert first.error["retry_at"]
    assert "not to be called again before" in first.error["message"]
