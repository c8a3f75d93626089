"""Swarms: the task type of each, and the format of their answers."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from gateway.problems import Problem
from gateway.tasks.task_run import TaskRun, get_result_text, is_simulated
from protocol.lanes import CIO
from protocol.lifecycle import TaskState
from protocol.records import Event, SelectionRow, Task
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

SWARMS: Final[Mapping[str, str]] = {
    "strategic-swarm": "STRATEGY",
    "coding-swarm": "GENERATE_CODE",
    "debate-swarm": "DEBATE",
}
COORDINATION: Final = "coordination"
"""The `team_id` of several swarms together."""

SwarmFrame = dict[str, Any]


def get_task_type(swarm_id: str) -> str:
    """Return the type of task that answers. Raise Problem (400) for an unknown swarm."""
    found = SWARMS.get(swarm_id)
    if found is None:
        raise Problem(
            400,
            "unknown_swarm",
            f"there is no swarm {swarm_id[:100]!r}",
            hint=f"swarms: {', '.join(SWARMS)}",
            extra={"available": list(SWARMS)},
        )
    return found


def build_answer(task: Task, *, team_id: str, session_id: str) -> SwarmFrame:
    """Build the complete answer, for a request without `stream`."""
    return {
        "team_id": team_id,
        "session_id": session_id,
        "responses": [get_result_text(task)],
        "status": "complete",
        **_describe_origin(task),
    }


async def stream_frames(
    run: TaskRun, *, team_id: str, session_id: str
) -> AsyncIterator[SwarmFrame]:
    """Yield content frames as text arrives, status frames between them, and a final frame.

    The joined `content` of all frames is the answer, unless a frame has `discard`.
    """
    base = {"content": "", "done": False, "team_id": team_id, "session_id": session_id}
    async for update in run.updates():
        if update is None:
            yield base | {"status": "waiting"}
        elif isinstance(update, TaskEnded):
            yield base | {"done": True} | _build_end(update.task)
        elif (found := _build_frame(update)) is not None:
            yield base | found


def _build_frame(update: TaskUpdate) -> SwarmFrame | None:
    match update:
        case TranscriptDelta(kind="text"):
            return {"content": update.delta}
        case TranscriptReset() | TranscriptAside():
            is_reset = isinstance(update, TranscriptReset)
            return {"status": "restarted" if is_reset else "working", "discard": True}
        case ToolCallUpdate():
            return {
                "status": "calling",
                "member": update.role or update.key,
                **_describe_call(update),
            }
        case SelectionRow():
            return {"status": "stamped", "model": update.selected_model, "reason": update.reason}
        case Event(kind="subtask.running"):
            is_planning = update.detail.get("lane") == CIO
            return {"status": "planning" if is_planning else "working", "agent": update.agent_id}
        case Event(kind="subtask.delayed") if update.detail.get("kind") != "sleep":
            return {"status": "will retry"}
        case Event(kind="subtask.waiting" | "subtask.delayed"):
            return {"status": "waiting"}
    return None


def _describe_call(call: ToolCallUpdate) -> SwarmFrame:
    """Return a call in one line: what came of it, without arguments and results."""
    return {"tool": call.tool, "outcome": call.status, "duration_ms": call.duration_ms}


def _build_end(task: Task) -> SwarmFrame:
    if task.status is TaskState.COMPLETED:
        return {"status": "complete", **_describe_origin(task)}
    return {"status": str(task.status), "task_id": str(task.id), "error": task.error}


def _describe_origin(task: Task) -> SwarmFrame:
    result = task.result or {}
    origin = {
        "task_id": str(task.id),
        "model_used": result.get("model_used"),
        "workflow": task.type,
    }
    if (verification := result.get("verification")) is not None:
        origin["verification"] = verification
    if (receipt := result.get("receipt")) is not None:
        origin["receipt"] = receipt
    return origin | ({"simulated": True} if is_simulated(task) else {})
