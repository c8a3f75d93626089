"""What happens to a task, as server-sent events that can be resumed anywhere."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from gateway.dependencies import Here, Parts, Reader
from gateway.problems import Problem
from gateway.streams.cursor import Cursor
from gateway.streams.sse import event_stream, refused, told
from gateway.tasks.access import visible
from protocol.records import Task

router = APIRouter(prefix="/tasks", tags=["tasks"])

_LONGEST_PLACE: Final = 60_000
"""Characters of a cursor: it grows by some 45 with each subtask that has spoken."""
_DESCRIPTION = (
    "`event`: a transition, numbered by `seq`. `selection`: a choice of a model. `text` and "
    "`reasoning`: `delta` begins at `offset` characters of that `attempt`. `discard`: forget what "
    "earlier attempts of that subtask said. `end`: the task's final row; nothing follows. "
    "`refused`: the key was revoked or the token has run out, and the stream ends. "
    "Reconnect with the last `id` as `Last-Event-ID`, here or at another gateway: nothing is "
    "missed, and nothing comes twice. 204: all of it was seen."
)


@router.get(
    "/{task_id}/events",
    summary="Watch a task",
    description=_DESCRIPTION,
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "The task is over and everything was seen"},
    },
)
async def watch(
    *,
    task_id: UUID,
    request: Request,
    here: Here,
    asker: Reader,
    last_event_id: Annotated[str | None, Header(max_length=_LONGEST_PLACE)] = None,
    after: Annotated[
        str | None,
        Query(max_length=_LONGEST_PLACE, description="As Last-Event-ID, for a first request."),
    ] = None,
) -> Any:
    """Stream what happens until the task has ended."""
    task = await visible(here, asker, task_id)
    cursor = Cursor.parse(last_event_id or after)
    if task.status.is_final and cursor.has_ended and await _saw_all(here, task, cursor):
        return Response(status_code=204)  # a browser's EventSource stops asking

    async def frames() -> Any:
        heartbeat = here.options.heartbeat.total_seconds()
        try:
            async with (
                here.admissions.hold(request),
                here.hub.watch(task_id, cursor) as watcher,
            ):
                async for each in told(watcher, heartbeat=heartbeat):
                    yield each
        except Problem as problem:
            yield refused(problem)

    return event_stream(frames())


async def _saw_all(here: Parts, task: Task, cursor: Cursor) -> bool:
    return not await here.store.fetch_events(task_id=task.id, after=cursor.seq)
