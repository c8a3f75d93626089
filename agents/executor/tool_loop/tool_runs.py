"""Runs the calls of one turn at the same time; each result is stored when it is there."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from loguru import logger
from pydantic import JsonValue

from agents.executor.call_context import build_call_context
from agents.executor.tool_loop.moves import CallRun, RunCalls
from agents.executor.tool_loop.results import build_failed_result, build_reply, build_result
from agents.executor.tool_loop.turn_log import StoreTurns
from agents.tools.host import OUTCOME_UNKNOWN, TOOL_TIMEOUT, ToolFailed
from agents.tools.toolbox import Toolbox, ToolContext
from agents.tools.worker import TOOL_FAILED
from protocol.records import ClaimedSubtask
from providers.chat import ChatRequest
from providers.errors import SpendingStopped
from providers.secrets import Redactor

OVERTIME: Final = 30.0
"""Seconds after which a source that has not ended its tool in time is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRunner:
    """Runs tools for loops, no more than `capacity` at a time for all of them."""

    toolbox: Toolbox
    capacity: int
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", asyncio.Semaphore(self.capacity))

    async def run(
        self, move: RunCalls, store: StoreTurns, context: ToolContext, redactor: Redactor
    ) -> None:
        """Store the replies and the beginning of what must not run twice; then run the calls.

        Raises WorkFailed if the attempt must stop.
        """
        await store(
            [
                *(("result", build_reply(each)) for each in move.replies),
                *(
                    ("begun", {"call_id": each.call.key, "tool": each.tool.name})
                    for each in move.runs
                    if not each.tool.is_idempotent
                ),
            ]
        )
        # The calls of one turn may fill all slots, but not the queue in front of those of others.
        turn = asyncio.Semaphore(self.capacity)
        errors: list[Exception] = []

        async def run_one(run: CallRun) -> None:
            try:
                async with turn, self.slots:
                    if errors:
                        return  # the attempt must stop, so nothing more begins
                    body = await self._call(run, context, redactor)
                await store([("result", body)])
            except Exception as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        # Before Python 3.13 a group with errors loses its cancellation, so no child raises.
        async with asyncio.TaskGroup() as group:
            for each in move.runs:
                group.create_task(run_one(each))
        if errors:
            raise errors[0]

    async def _call(
        self, run: CallRun, context: ToolContext, redactor: Redactor
    ) -> dict[str, JsonValue]:
        started = time.monotonic()
        tool = run.tool
        try:
            async with asyncio.timeout(tool.seconds + OVERTIME):
                output = await self.toolbox.run_tool(tool.name, run.arguments, context)
        except TimeoutError:
            kind = TOOL_TIMEOUT if tool.is_idempotent else OUTCOME_UNKNOWN
            error = ToolFailed(kind, f"it has not ended within {tool.seconds:g} s")
        except ToolFailed as failed:
            error = failed
        except SpendingStopped:
            raise  # it is run again, as only tools that may run twice call models
        except Exception as unexpected:  # noqa: BLE001 - a defect of a source must not end the loop
            logger.opt(exception=unexpected).error("a tool failed unexpectedly", tool=tool.name)
            kind = TOOL_FAILED if tool.is_idempotent else OUTCOME_UNKNOWN
            error = ToolFailed(kind, "COGO itself failed while it ran")
        else:
            seconds = time.monotonic() - started
            return build_result(run.call, tool.name, output, seconds, redactor)
        return build_failed_result(run.call, tool.name, error, time.monotonic() - started, redactor)


def build_context(claimed: ClaimedSubtask, request: ChatRequest) -> ToolContext:
    """Return what a tool gets to know about the subtask for which it runs.

    The files of the task are in its own params, as models are not sent them.
    """
    task = claimed.task.params if isinstance(claimed.task.params, dict) else {}
    turns = (each for each in request.messages if each.role == "user")
    return ToolContext(
        task_id=claimed.task_id,
        subtask_id=claimed.subtask_id,
        attempt=claimed.attempt,
        key=claimed.key,
        owner=claimed.task.owner,
        params={**task, **claimed.params},
        attachments=tuple(file for turn in turns for file in turn.attachments),
        call=build_call_context(claimed),
    )
