"""News as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final, assert_never

from starlette.responses import StreamingResponse

from gateway.problems import Problem
from gateway.streams.hub import Watcher
from gateway.streams.updates import Discarded, Ended, News, Said
from protocol.records import Event, SelectionRow

HEARTBEAT: Final = ": nothing new\n\n"
RECONNECT_MILLISECONDS: Final = 1_000
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No cache and no proxy may keep what should flow."""


def event_stream(frames: AsyncIterator[str], headers: dict[str, str] | None = None) -> Any:
    """Make the response that sends frames as they come."""
    return StreamingResponse(
        frames, media_type="text/event-stream", headers=HEADERS | (headers or {})
    )


async def told(watcher: Watcher, *, heartbeat: float) -> AsyncIterator[str]:
    """Give frames until the task has ended, with a comment whenever nothing happened for long."""
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    while True:
        found = await watcher.placed_news(within=heartbeat)
        if not found:
            yield HEARTBEAT
            continue
        for item, place in found:
            yield frame(*named(item), event_id=place)
            if isinstance(item, Ended):
                return


def refused(problem: Problem) -> str:
    """Return the last frame of a stream whose reader is no longer admitted."""
    return frame("refused", problem.body())


def named(item: News) -> tuple[str, dict[str, Any]]:
    """Give the name of the event and its data."""
    match item:
        case Event():
            return "event", item.model_dump(mode="json")
        case SelectionRow():
            return "selection", item.model_dump(mode="json")
        case Said():
            data = {"subtask_id": str(item.subtask_id), "attempt": item.attempt}
            return item.kind, data | {"offset": item.offset, "delta": item.delta}
        case Discarded():
            return "discard", {"subtask_id": str(item.subtask_id), "attempt": item.attempt}
        case Ended():
            return "end", item.task.model_dump(mode="json")
        case _ as unreachable:
            assert_never(unreachable)


def frame(name: str | None, data: object, *, event_id: str | None = None) -> str:
    """Make one frame; JSON has no line breaks of its own."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    lines = [f"event: {name}"] if name else []
    lines += [f"id: {event_id}"] if event_id else []
    return "\n".join([*lines, f"data: {text}"]) + "\n\n"
