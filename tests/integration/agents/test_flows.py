"""Whole workflows on a real database with simulated vendors; no work is done or paid twice."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from protocol.lifecycle import TaskState
from tests.support.servers import doomed_orchestrator

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]


async def list_calls(simulator: str) -> list[dict[str, Any]]:
    """Return the calls of models that the vendors have seen."""
    async with httpx.AsyncClient() as client:
        found = (await client.get(f"{simulator}/_simulator/requests")).json()["requests"]
    return [each for each in found if each.get("model")]


@pytest.mark.parametrize(
    ("type_", "steps"),
    [
        ("CHAT", ["main"]),
        # Simulated debaters differ, and simulated critics find a problem.
        (
            "DEBATE",
            [
                *("optimistic", "cautious", "balanced"),
                *("optimistic#2", "cautious#2", "balanced#2"),
                "verdict",
            ],
        ),
        ("STRATEGY", ["strategy", "critic", "strategy#2"]),
    ],
)
async def test_a_workflow_asks_for_each_step_once_and_its_result_is_the_tasks(
    fleet: OpenFleet, type_: str, steps: list[str]
) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit("Tabs or spaces?", type=type_)
        ended = await agents.ended(task.id)
        subtasks = await agents.store.fetch_subtasks(task_id=task.id)
        selections = await agents.store.fetch_selections(task_id=task.id)
        calls = await list_calls(agents.simulator)

    assert ended.status == TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert ended.result["text"]
    asked = [each for each in subtasks if each.kind == "ask"]
    assert sorted(each.key for each in asked) == sorted(steps)
    assert all(each.status == "completed" and each.attempt == 1 for each in asked)
    assert len(calls) == len(steps)
    assert {each.subtask_id for each in selections} == {each.id for each in asked}
    assert all(each.reason for each in selections)


async def test_an_orchestrator_that_is_killed_at_every_step_repeats_no_paid_work(
    fleet: OpenFleet,
) -> None:
    # A plan, its critic, a revision, the result: four transactions, with a death on both sides.
    doomed = [await start_doomed() for _ in range(8)]
    try:
        async with fleet() as agents:
            await agents.executor("e-1")
            task = await agents.submit("Grow the shop", type="STRATEGY")
            for number, each in enumerate(doomed):
                told = {
                    "url": agents.server.url,
                    "key": agents.server.secret_key,
                    "id": f"doomed-{number}",
                    "spares": number % 2 == 1,
                }
                assert each.stdin is not None
                each.stdin.write(json.dumps(told).encode() + b"\n")
                await each.stdin.drain()
                assert await asyncio.wait_for(each.wait(), 60) == -signal.SIGKILL
            ended = await agents.ended(task.id)
            subtasks = await agents.store.fetch_subtasks(task_id=task.id)
            attempts = await agents.store.fetch_attempts(task_id=task.id)
            calls = await list_calls(agents.simulator)
    finally:
        for each in doomed:
            if each.returncode is None:
                each.kill()
            await each.wait()

    assert ended.status == TaskState.COMPLETED, ended.error
    steps = [each for each in subtasks if each.kind == "ask"]
    assert [each.key for each in steps] == ["strategy", "critic", "strategy#2"]
    assert all(each.attempt == 1 for each in steps)
    assert len(calls) == 3
    planned = [each.outcome for each in attempts if each.lane == "cio"]
    assert Counter(planned) == {"reaped": 4, "suspended": 3, "completed": 1}
    costs = [each.cost_usd for each in attempts if each.cost_usd is not None]
    assert ended.cost_usd == sum(costs)


async def start_doomed() -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", doomed_orchestrator.__name__, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    return process
