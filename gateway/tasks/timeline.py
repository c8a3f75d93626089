"""When something happened in a task: transitions, calls to models, and tool calls."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, Field

from protocol.records import AttemptOutput, Event, TaskCall, ToolTurn


class ToolRun(BaseModel):
    """A call of a tool that ran, or runs."""

    subtask_id: UUID
    attempt: int
    call_id: str | None
    tool: str | None
    status: str | None = Field(description="`ok`, `error`, `refused`, `unknown`; null: it runs.")
    started_at: datetime
    ended_at: datetime | None


class TaskTimeline(BaseModel):
    """What happened in a task, with times."""

    events: list[Event] = Field(description="Transitions after `seq` `after`, in order.")
    calls: list[TaskCall] = Field(description="Ended calls to models, oldest first.")
    tool_calls: list[ToolRun] = Field(
        description="Calls of tools that have ended. Of those that run only the ones that must not "
        "run twice are known: the beginning of others is not stored."
    )


class AttemptOutputs(BaseModel):
    """What attempts had written whose output was not accepted."""

    attempts: list[AttemptOutput] = Field(description="Oldest first.")


def pair_tool_turns(turns: Sequence[ToolTurn]) -> list[ToolRun]:
    """Return one run for each call: where only its end was stored, it began `seconds` before."""
    begun: dict[tuple[UUID, str | None], ToolTurn] = {}
    found: list[ToolRun] = []
    for each in turns:
        key = each.subtask_id, each.call_id
        if each.kind == "begun":
            begun[key] = each
            continue
        begin = begun.pop(key, None)
        start = each.created_at - timedelta(seconds=each.seconds or 0)
        found.append(_build_run(each, start if begin is None else begin.created_at, is_over=True))
    found += [_build_run(each, each.created_at, is_over=False) for each in begun.values()]
    return sorted(found, key=lambda each: each.started_at)


def _build_run(turn: ToolTurn, start: datetime, *, is_over: bool) -> ToolRun:
    return ToolRun(
        subtask_id=turn.subtask_id,
        attempt=turn.attempt,
        call_id=turn.call_id,
        tool=turn.tool,
        status=turn.status if is_over else None,
        started_at=start,
        ended_at=turn.created_at if is_over else None,
    )
