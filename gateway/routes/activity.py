"""The list of tasks that the caller may see, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from gateway.dependencies import ServicesDep, TasksRead
from gateway.problems import Problem
from gateway.streams.sse import (
    HEARTBEAT,
    RETRY,
    build_event_response,
    encode_event,
    encode_refusal,
)
from gateway.streams.task_lists import TaskListUpdate

router = APIRouter(tags=["tasks"])

_DESCRIPTION = (
    "`tasks`: the whole list, newest first (the newest hundred, and all unfinished tasks). "
    "`changed`: new or changed lines. Prompts are cut to 300 characters. "
    "`refused`: the key was revoked or the token has expired, and the stream ends. "
    "Reconnect with the last `id` as `Last-Event-ID`, here or at another gateway: the list is sent "
    "again if it has changed."
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
    services: ServicesDep,
    principal: TasksRead,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Stream the list, then its changes, until the client disconnects."""

    async def stream() -> AsyncIterator[bytes]:
        heartbeat = services.options.heartbeat.total_seconds()
        try:
            async with (
                services.credentials.guard(request),
                services.task_lists.watch(principal, last_event_id or "") as watcher,
            ):
                yield RETRY
                while True:
                    update = await watcher.next_update(within=heartbeat)
                    yield HEARTBEAT if update is None else _encode(update)
        except Problem as problem:
            yield encode_refusal(problem)

    return build_event_response(stream())


def _encode(update: TaskListUpdate) -> bytes:
    lines = [each.model_dump(mode="json") for each in update.lines]
    name = "tasks" if update.is_whole else "changed"
    return encode_event(name, {"tasks": lines}, event_id=update.digest)
