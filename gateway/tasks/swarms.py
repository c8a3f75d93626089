"""Swarms: which task answers for which, and the frames in which they speak."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from gateway.problems import Problem
from gateway.streams.updates import Discarded, Ended, News, Said
from gateway.tasks.task_run import Inquiry, is_simulated, text_of
from protocol.lifecycle import TaskState
from protocol.records import Event, SelectionRow, Task

SWARMS: Final[Mapping[str, str]] = {
    "strategic-swarm": "STRATEGY",
    "coding-swarm": "GENERATE_CODE",
    "debate-swarm": "DEBATE",
}
COORDINATION: Final = "coordination"
"""The `team_id` of several swarms together."""
NOTE: Final = "one model answered in one step; the swarms' own workflows come with a later version"
_CIO: Final = "cio"

Frame = dict[str, Any]


def task_type_of(swarm_id: str) -> str:
    """Give the type of task that answers. Raises Problem for a swarm that there is not."""
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


def whole(task: Task, *, team_id: str, session_id: str) -> Frame:
    """Give the answer that is not streamed."""
    return {
        "team_id": team_id,
        "session_id": session_id,
        "responses": [text_of(task)],
        "status": "complete",
        **_origin(task),
    }


async def frames(asked: Inquiry, *, team_id: str, session_id: str) -> AsyncIterator[Frame]:
    """Give content frames as the model speaks, status frames beside them, and a last one.

    Whoever only joins the `content` of all frames has the answer, unless a frame says `discard`.
    """
    base = {"content": "", "done": False, "team_id": team_id, "session_id": session_id}
    async for item in asked.news():
        if item is None:
            yield base | {"status": "waiting"}
        elif isinstance(item, Ended):
            yield base | {"done": True} | _last(item.task)
        elif (found := _frame(item)) is not None:
            yield base | found


def _frame(item: News) -> Frame | None:
    match item:
        case Said(kind="text"):
            return {"content": item.delta}
        case Discarded():
            return {"status": "restarted", "discard": True}
        case SelectionRow():
            return {"status": "stamped", "model": item.selected_model, "reason": item.reason}
        case Event(kind="subtask.running"):
            is_planned = item.detail.get("lane") == _CIO
            return {"status": "planning" if is_planned else "working", "agent": item.agent_id}
        case Event(kind="subtask.delayed"):
            return {"status": "will retry"}
    return None


def _last(task: Task) -> Frame:
    if task.status is TaskState.COMPLETED:
        return {"status": "complete", **_origin(task)}
    return {"status": str(task.status), "task_id": str(task.id), "error": task.error}


def _origin(task: Task) -> Frame:
    result = task.result or {}
    origin = {
        "task_id": str(task.id),
        "model_used": result.get("model_used"),
        "workflow": "single-step",
        "note": NOTE,
    }
    return origin | ({"simulated": True} if is_simulated(task) else {})
