"""Updates as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

FastAPI's generator endpoints are not used: their keepalive has a fixed interval, and an endpoint
could not choose between a stream and another response.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, assert_never
from uuid import UUID

from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.responses import Response
from starlette.types import Send

from gateway.problems import Problem, build_problem_response
from gateway.streams.task_feeds import TaskWatcher
from gateway.streams.task_trees import TreeWatcher
from protocol.records import Event, SelectionRow
from protocol.transcript import (
    ChildBegan,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
    describe_call,
    describe_child,
)

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


class LateEventResponse(EventSourceResponse):
    """A stream that begins with its first frame; if a Problem comes first, that is the response.

    Clients then see the status of a failure instead of a stream that breaks off.
    """

    def __init__(self, frames: AsyncIterator[bytes], path: str, headers: Mapping[str, str]) -> None:
        super().__init__(frames, headers={**HEADERS, **headers})
        self._path = path

    async def stream_response(self, send: Send) -> None:
        """Send the frames, or the problem in their place."""
        frames = aiter(self.body_iterator)
        try:
            first = await anext(frames)
        except StopAsyncIteration:
            first = b""
        except Problem as problem:
            await _send_whole(build_problem_response(problem, self._path), send)
            return
        self.body_iterator = _prepend(first, frames)
        await super().stream_response(send)


async def _send_whole(response: Response, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code}
    await send(start | {"headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


async def _prepend(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield first
    async for each in rest:
        yield each


async def stream_task(
    watcher: TaskWatcher | TreeWatcher, task_id: UUID, *, heartbeat: float
) -> AsyncIterator[bytes]:
    """Yield frames until the task has ended, and a comment every `heartbeat` seconds otherwise.

    Those of its child tasks name their task.
    """
    yield RETRY
    while True:
        found = await watcher.next_with_cursors(within=heartbeat)
        if not found:
            yield HEARTBEAT
        for update, cursor in found:
            name, data = describe_update(update)
            if not isinstance(update, TaskEnded) and update.task_id not in {None, task_id}:
                data["task_id"] = str(update.task_id)
            yield encode_event(name, data, event_id=cursor)
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
        case TranscriptDelta() | TranscriptReset() | TranscriptAside():
            return _describe_text(update)
        case ToolCallUpdate():
            return "tool_call", describe_call(update)
        case ChildBegan():
            return "child", describe_child(update)
        case TaskEnded():
            return "end", update.task.model_dump(mode="json")
        case _ as unreachable:
            assert_never(unreachable)


def _describe_text(
    update: TranscriptDelta | TranscriptReset | TranscriptAside,
) -> tuple[str, dict[str, Any]]:
    data = {"subtask_id": str(update.subtask_id), "attempt": update.attempt}
    match update:
        case TranscriptReset():
            return "discard", data
        case TranscriptAside():
            return "aside", data | {"turn": update.turn, "kind": update.kind}
    data |= {
        "offset": update.offset,
        "delta": update.delta,
        "key": update.key,
        "role": update.role,
        "model": update.model,
        "turn": update.turn,
        "start": update.start,
    }
    if update.is_answer:
        return update.kind, data
    return "activity", data | {"kind": update.kind}


def encode_event(name: str | None, data: object, *, event_id: str | None = None) -> bytes:
    """Encode one event with JSON data."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    return format_sse_event(data_str=text, event=name, id=event_id)
