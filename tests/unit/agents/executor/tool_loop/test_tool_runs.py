"""Calls of several loops share the places of an executor."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import pytest

from agents.executor.tool_loop.moves import CallRun, RunCalls
from agents.executor.tool_loop.state import LoopCall
from agents.executor.tool_loop.tool_runs import ToolRunner
from agents.executor.tool_loop.turn_log import NewTurns
from agents.tools.toolbox import OfferedTool, Toolbox, ToolContext, ToolOutput
from providers.chat import ToolCall
from providers.secrets import Redactor

TOOL = OfferedTool(
    name="shop.read",
    call_name="read",
    description="",
    parameters={"type": "object"},
    source="function",
    is_idempotent=True,
)
CONTEXT = ToolContext(
    task_id=uuid4(), subtask_id=uuid4(), owner=None, key="main", params={}, attempt=1
)


class Tools:
    """Tools of which each call ends when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ends = asyncio.Semaphore(0)

    async def run_tool(self, _: str, arguments: Mapping[str, Any], __: object) -> ToolOutput:
        self.begun.append(arguments["loop"])
        await self.ends.acquire()
        return ToolOutput(content="done")


def a_move(loop: str, count: int) -> RunCalls:
    calls = [ToolCall(id=f"{loop}{n}", name="read", arguments="{}") for n in range(count)]
    runs = [
        CallRun(call=LoopCall(key=each.id, call=each), tool=TOOL, arguments={"loop": loop})
        for each in calls
    ]
    return RunCalls(runs=runs)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_many_calls_of_one_turn_do_not_keep_others_waiting() -> None:
    tools = Tools()
    runner = ToolRunner(toolbox=cast("Toolbox", tools), capacity=2)
    stored: list[str] = []

    async def store(turns: NewTurns) -> None:
        stored.extend(str(body["call_id"]) for _, body in turns)

    async with asyncio.TaskGroup() as group:
        for loop, count in (("many", 9), ("one", 1)):
            group.create_task(runner.run(a_move(loop, count), store, CONTEXT, Redactor()))
            await settle()
        assert tools.begun == ["many", "many"]
        tools.ends.release()
        await settle()
        assert tools.begun == ["many", "many", "one"]
        for _ in range(9):
            tools.ends.release()

    assert len(stored) == 10


async def test_nothing_more_begins_once_a_result_cannot_be_stored() -> None:
    tools = Tools()
    runner = ToolRunner(toolbox=cast("Toolbox", tools), capacity=2)

    async def store(turns: NewTurns) -> None:
        if turns:
            raise RuntimeError("the lease is lost")

    for _ in range(9):
        tools.ends.release()
    with pytest.raises(RuntimeError, match="lease"):
        await runner.run(a_move("many", 9), store, CONTEXT, Redactor())

    assert len(tools.begun) < 9
