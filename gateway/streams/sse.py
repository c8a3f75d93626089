"""Updates as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

FastAPI's generator endpoints are not used: their keepalive has a fixed interval, and an endpoint
could not choose between a stream and another response.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, assert_never

from fastapi.sse import EventSourceResponse, format_sse_event

from gateway.problems import Problem
from gateway.streams.task_feeds import TaskWatcher
from protocol.records import Event, SelectionRow
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta, TranscriptReset

HEARTBEAT: Final = format_sse_event(comment="nothing new")
RETRY: Final = format_sse_event(retry=1_000)
"""Sets the time in milliseconds after which clients reconnect."""
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Keep caches and proxies from buffering the stream."""


def build_event_response(
    frames: AsyncIterator[bytes], headers: Mapping[str, str] | None = None
) -> EventSourceResponse:
    """Build the response that sends frames as they are produced."""
    return EventSourceResponse(frames, headers={**HEADERS, **(headers or {})})


async def stream_task(watcher: TaskWatcher, *, heartbeat: float) -> AsyncIterator[bytes]:
    """Yield frames until the task has ended, and a comment every `heartbeat` seconds otherwise."""
    yield RETRY
    while True:
        found = await watcher.next_with_cursors(within=heartbeat)
        if not found:
            yield HEARTBEAT
        for update, cursor in found:
            yield encode_event(*describe_update(update), event_id=cursor)
            if isinstance(update, TaskEnded):
                return


def encode_refusal(problem: Problem) -> bytes:
    """Return the last frame of a stream whose credential is no longer accepted."""
    return encode_event("refused", problem.body())


def describe_update(update: TaskUpdate) -> tuple[str, dict[str, Any]]:
    """Return the name of the event and its data."""
    match update:
        case Event():
            return "event", update.model_dump(mode="json")
        case SelectionRow():
            return "selection", update.model_dump(mode="json")
        case TranscriptDelta():
            data = {
                "subtask_id": str(update.subtask_id),
                "attempt": update.attempt,
                "offset": update.offset,
                "delta": update.delta,
                "key": update.key,
                "role": update.role,
            }
            if update.is_answer:
                return update.kind, data
            return "activity", data | {"kind": update.kind}
        case TranscriptReset():
            return "discard", {"subtask_id": str(update.subtask_id), "attempt": update.attempt}
        case TaskEnded():
            return "end", update.task.model_dump(mode="json")
        case _ as unreachable:
            assert_never(unreachable)


def encode_event(name: str | None, data: object, *, event_id: str | None = None) -> bytes:
    """Encode one event with JSON data."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    return format_sse_event(data_str=text, event=name, id=event_id)
