"""Events of a task and of the list of tasks.

As streams of server-sent events, which can be resumed at any gateway, and as a history with times.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from gateway.dependencies import ServicesDep, TasksRead
from gateway.problems import Problem
from gateway.streams.cursor import TreeCursor
from gateway.streams.sse import (
    HEARTBEAT,
    RETRY,
    build_event_response,
    encode_event,
    encode_refusal,
    stream_task,
)
from gateway.streams.task_lists import TaskListUpdate
from gateway.streams.task_trees import watch_tree
from gateway.tasks.task_run import load_visible_task
from gateway.tasks.timeline import AttemptOutputs, TaskTimeline, pair_tool_turns

router = APIRouter(tags=["tasks"])

_MAX_CURSOR: Final = 60_000
"""Characters: a cursor has some 45 for each subtask with text."""
_DESCRIPTION = (
    "`event`: a transition, numbered by `seq`. `selection`: the selection of a model. `text` and "
    "`reasoning`: `delta` starts at `offset` characters of that `attempt`; of other steps it is "
    "`activity`. `tool_call`: a call of a tool, again when it has ended. `aside`: the text of that "
    "`turn` so far is not the answer, but narration before a call, or reasoning. `discard`: the "
    "text of earlier attempts of that subtask is no longer valid. `child`: with `children`, a step "
    "is a child task, whose updates follow with its `task_id`; their text is `activity`. `end`: "
    "the final row of the task. `refused`: the key was revoked or the token has expired, and the "
    "stream ends. Reconnect with the last `id` as `Last-Event-ID`, here or at another gateway: "
    "nothing is missed or repeated. 204: everything was sent before."
)

_LIST_DESCRIPTION = (
    "`tasks`: the whole list, newest first (the newest hundred, and all unfinished tasks). "
    "`changed`: new or changed lines. Prompts are cut to 300 characters. "
    "`refused`: the key was revoked or the token has expired, and the stream ends. "
    "Reconnect with the last `id` as `Last-Event-ID`, here or at another gateway: the list is sent "
    "again if it has changed."
)


@router.get(
    "/tasks/{task_id}/events",
    summary="Watch a task",
    description=_DESCRIPTION,
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "The task has ended and everything was sent before"},
    },
)
async def watch_task(
    *,
    task_id: UUID,
    request: Request,
    services: ServicesDep,
    principal: TasksRead,
    last_event_id: Annotated[str | None, Header(max_length=_MAX_CURSOR)] = None,
    after: Annotated[
        str | None,
        Query(max_length=_MAX_CURSOR, description="As Last-Event-ID, for a first request."),
    ] = None,
    children: Annotated[
        bool, Query(description="Include the updates of child tasks, which have their `task_id`.")
    ] = False,
) -> Response:
    """Stream the updates of a task until it has ended."""
    task = await load_visible_task(services, principal, task_id)
    cursor = TreeCursor.parse(last_event_id or after)
    if (
        task.status.is_final
        and cursor.root.has_ended
        and not await services.store.fetch_events(task_id=task_id, after=cursor.root.seq)
    ):
        return Response(status_code=204)  # a browser's EventSource does not reconnect

    async def stream() -> AsyncIterator[bytes]:
        heartbeat, feeds = services.options.heartbeat.total_seconds(), services.feeds
        watched = (
            watch_tree(feeds, task_id, cursor) if children else feeds.watch(task_id, cursor.root)
        )
        try:
            guard = services.credentials.guard(request, lambda now: now.sees(task))
            async with guard, watched as watcher:
                async for each in stream_task(watcher, task_id, heartbeat=heartbeat):
                    yield each
        except Problem as problem:
            yield encode_refusal(problem)

    return build_event_response(stream())


@router.get("/tasks/{task_id}/timeline", summary="Show what took how long")
async def show_timeline(
    task_id: UUID,
    services: ServicesDep,
    principal: TasksRead,
    after: Annotated[
        int, Query(ge=0, le=2**31, description="`seq` of the last event that is known.")
    ] = 0,
) -> TaskTimeline:
    """Return the transitions of a task, its calls to models and its tool calls, with their times.

    Those of child tasks are theirs.
    """
    await load_visible_task(services, principal, task_id)
    store = services.store
    return TaskTimeline(
        events=await store.fetch_events(task_id=task_id, after=after),
        calls=await store.fetch_task_calls(task_id=task_id),
        tool_calls=pair_tool_turns(await store.fetch_tool_turns(task_id=task_id)),
    )


@router.get("/tasks/{task_id}/attempts", summary="Show what failed attempts had written")
async def show_attempt_outputs(
    task_id: UUID, services: ServicesDep, principal: TasksRead
) -> AttemptOutputs:
    """Return the texts of attempts that failed or lost their lease, as far as they were stored.

    Each text is cut to 65,536 characters. What the accepted attempt wrote is in the step's output.
    """
    await load_visible_task(services, principal, task_id)
    return AttemptOutputs(attempts=await services.store.fetch_attempt_outputs(task_id=task_id))


@router.get(
    "/events",
    summary="Watch the list of tasks",
    description=_LIST_DESCRIPTION,
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def watch_list(
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
                services.credentials.guard(
                    request, lambda now: now.visibility == principal.visibility
                ),
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
