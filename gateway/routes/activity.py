"""What happens to all tasks that the asker may see, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from gateway.dependencies import Here, Reader
from gateway.problems import Problem
from gateway.streams.sse import HEARTBEAT, RECONNECT_MILLISECONDS, event_stream, frame, refused
from gateway.streams.task_lists import Look

router = APIRouter(tags=["tasks"])

_DESCRIPTION = (
    "`tasks`: the list as it is, the newest first (the newest hundred, and whatever is not over). "
    "`changed`: lines that are new or other than before. Prompts are cut to 300 characters. "
    "`refused`: the key was revoked or the token has run out, and the stream ends. "
    "Reconnect with the last `id` as `Last-Event-ID`, here or at another gateway: the list comes "
    "again when it is another one by now."
)


@router.get(
    "/events",
    summary="Watch the list of tasks",
    description=_DESCRIPTION,
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def watch(
    request: Request,
    here: Here,
    asker: Reader,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Any:
    """Stream the list, then its changes, until the client goes away."""

    async def frames() -> AsyncIterator[str]:
        heartbeat = here.options.heartbeat.total_seconds()
        try:
            async with (
                here.admissions.hold(request),
                here.boards.watch(asker, last_event_id or "") as watcher,
            ):
                yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
                while True:
                    look = await watcher.look(within=heartbeat)
                    yield HEARTBEAT if look is None else _told(look)
        except Problem as problem:
            yield refused(problem)

    return event_stream(frames())


def _told(look: Look) -> str:
    lines = [each.model_dump(mode="json") for each in look.lines]
    return frame("tasks" if look.is_whole else "changed", {"tasks": lines}, event_id=look.digest)
