"""Swarms: the task type of each, and the format of their answers."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from gateway.problems import Problem
from gateway.tasks.task_run import TaskRun, get_result_text, is_simulated
from protocol.lanes import CIO, is_model_lane
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import Attempt, Event, SelectionRow, Subtask, Task
from protocol.records.flows import is_time_limit
from protocol.store.queue import QueueStore
from protocol.transcript import (
    AnswerText,
    PartReader,
    PartUpdate,
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
    "auto-swarm": "AUTO",
    "coordination": "COORDINATE",
}
COORDINATION: Final = "coordination"
"""All swarms together, which `/swarm/coordinate` asks without naming them."""
_TOLD: Final = ("verification", "receipt", "citations", "review", "notes")
"""What an answer has of the result if it is there."""
_PART_ENDS: Final[Mapping[SubtaskState, str]] = {
    SubtaskState.COMPLETED: "complete",
    SubtaskState.FAILED: "failed",
}
_UNASKED: Final = frozenset({"event", "task"})
"""Kinds of steps that wait for something else than a person."""

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


def get_team_id(task: Task) -> str:
    """Return the swarm that answers a task; for a task of another type the type."""
    teams = {task_type: swarm_id for swarm_id, task_type in SWARMS.items()}
    return teams.get(task.type, task.type)


async def build_answer(
    store: QueueStore, task: Task, *, team_id: str, session_id: str
) -> SwarmFrame:
    """Build the complete answer, for a request without `stream`."""
    return {
        "team_id": team_id,
        "session_id": session_id,
        "responses": get_responses(task),
        "status": "complete",
        **_describe_origin(task),
        "parts": await read_parts(store, task),
    }


def get_responses(task: Task) -> list[str]:
    """Return the responses of a swarm; the text of a task that has no others."""
    found = (task.result or {}).get("responses")
    if isinstance(found, list) and found and all(isinstance(each, str) for each in found):
        return found
    return [get_result_text(task)]


async def read_parts(store: QueueStore, task: Task) -> list[dict[str, Any]]:
    """Return what each participant has said, as the workflow tells it, else by its steps."""
    found = (task.result or {}).get("parts")
    if isinstance(found, list) and all(isinstance(e, dict) and "agent" in e for e in found):
        return found
    rows = await store.fetch_subtasks(task_id=task.id)
    return list(list_parts(rows, await store.fetch_attempts(task_id=task.id)))


def list_parts(rows: list[Subtask], attempts: list[Attempt]) -> Iterator[dict[str, Any]]:
    """Yield the parts of steps that models have done, in the order of the steps."""
    for row in rows:
        if row.kind != "ask" or row.status not in _PART_ENDS or not is_model_lane(row.lane):
            continue
        costs = [each.cost_usd for each in attempts if each.subtask_id == row.id]
        known = [each for each in costs if each is not None]
        output = row.output or {}
        part = {
            "agent": row.key,
            "role": row.metadata.get("role"),
            "model": output.get("model_used") or row.lane,
            "text": str(output.get("text") or ""),
            "status": _PART_ENDS[row.status],
            "cost_usd": float(sum(known)) if len(known) == len(costs) else None,
        }
        yield part if row.error is None else part | {"error": row.error}


async def stream_frames(
    run: TaskRun, store: QueueStore, *, team_id: str, session_id: str
) -> AsyncIterator[SwarmFrame]:
    """Yield frames with content and parts as they arrive, status frames, and a final frame.

    The joined `content` of all frames is the answer, unless a frame has `discard`. Text of parts
    is beside it, in frames without content: that of the answer's part comes in both.
    """
    base = {"content": "", "done": False, "team_id": team_id, "session_id": session_id}
    base["task_id"] = str(run.task_id)
    reader = _FrameReader(base)
    async for found in run.batches():
        if not found:
            yield base | {"status": "waiting"}
        for frame in reader.read(found):
            yield frame
    if run.end is not None:
        end = {"parts": await read_parts(store, run.end)} | _build_end(run.end)
        yield base | {"done": True} | end


class _FrameReader:
    """Reduces the updates of a task and its children to frames."""

    def __init__(self, base: SwarmFrame) -> None:
        self._base = base
        self._answer = AnswerText()
        self._parts = PartReader()

    def read(self, updates: list[TaskUpdate]) -> Iterator[SwarmFrame]:
        """Yield the frames of updates that were found together, all but the final one."""
        for update in updates:
            for part in self._parts.apply(update):
                yield self._base | {"part": _describe_part(part)}
            for each in self._answer.apply(update):
                # What child tasks do is told by their parts; the final frame is built later.
                if isinstance(each, TaskEnded) or str(each.task_id) != self._base["task_id"]:
                    continue
                if (frame := _build_frame(each)) is not None:
                    yield self._base | frame
        for part in self._parts.settle():
            yield self._base | {"part": _describe_part(part)}


def _describe_part(part: PartUpdate) -> dict[str, Any]:
    said = {"text": part.text} if part.status == "delta" else {}
    return {
        "agent": part.agent, "role": part.role, "model": part.model, "status": part.status
    } | said  # fmt: skip


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
        case Event(kind="subtask.waiting" | "subtask.delayed", detail=detail) if not is_time_limit(
            detail.get("kind"), detail.get("key")
        ):
            is_asked = (
                update.kind == "subtask.waiting" and update.detail.get("kind") not in _UNASKED
            )
            return {"status": "waiting"} | ({"asks": update.detail.get("key")} if is_asked else {})
    return None


def _describe_call(call: ToolCallUpdate) -> SwarmFrame:
    """Return a call in one line: what came of it, without arguments and results."""
    return {"tool": call.tool, "outcome": call.status, "duration_ms": call.duration_ms}


def _build_end(task: Task) -> SwarmFrame:
    if task.status is TaskState.COMPLETED:
        return {
            "status": "complete",
            "responses": get_responses(task),
            **_describe_origin(task),
        }
    return {"status": str(task.status), "task_id": str(task.id), "error": task.error}


def _describe_origin(task: Task) -> SwarmFrame:
    result = task.result or {}
    origin = {
        "task_id": str(task.id),
        "model_used": result.get("model_used"),
        "workflow": task.type,
    }
    told = {name: result[name] for name in _TOLD if result.get(name)}
    return origin | told | ({"simulated": True} if is_simulated(task) else {})
