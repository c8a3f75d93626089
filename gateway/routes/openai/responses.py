"""OpenAI's responses: each is a task, which its id names."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ServicesDep, TasksRead, TasksWrite
from gateway.problems import Problem, to_problem
from gateway.routes.openai.chat import GATEWAY, OwnToolsHeader, resolve_model_name
from gateway.streams.sse import HEARTBEAT, LateEventResponse, encode_event
from gateway.strict_json import StrictRoute
from gateway.tasks.openai.content import refuse_parameter
from gateway.tasks.openai.responses.answer import build_response
from gateway.tasks.openai.responses.input import (
    InputItem,
    PlacedTurn,
    list_earlier_turns,
    list_input_items,
    read_response_id,
)
from gateway.tasks.openai.responses.references import find_item_references, replace_references
from gateway.tasks.openai.responses.request import (
    NAMES_IN_RESPONSES,
    ResponseRequest,
    build_response_task,
)
from gateway.tasks.openai.responses.stream import ResponseStream
from gateway.tasks.openai.results import rename_parameter
from gateway.tasks.task_run import (
    load_visible_task,
    require_completed,
    run_task,
    start_task,
    submit_task_for,
)
from protocol.errors import CogoError, NotFound
from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task

router = APIRouter(prefix="/v1/responses", tags=["OpenAI-compatible"], route_class=StrictRoute)

_PAGE: Final = 20


@router.post("", summary="Create a response")
async def create_response(
    body: ResponseRequest,
    request: Request,
    services: ServicesDep,
    principal: TasksWrite,
    x_cogo_tools: OwnToolsHeader = None,
) -> Any:
    """Answer as a task of type CHAT, whose rows are the response.

    With `background` it is returned at once; without it the request waits.
    """
    body.input = await _load_referenced(services, principal, body.input)
    new = build_response_task(
        body,
        model=await resolve_model_name(services, body.model),
        earlier=await _load_earlier(services, principal, body.previous_response_id),
        own_tools=x_cogo_tools,
    )
    headers = GATEWAY | ({"x-cogo-ignored": ",".join(body.ignored)} if body.ignored else {})
    if body.stream:
        frames = _stream(request, services, principal, new, keeps_running=bool(body.background))
        return LateEventResponse(frames, request.url.path, headers)
    if body.background:
        task = await submit_task_for(services, principal, new)
    else:
        try:
            task = require_completed(await run_task(services, request, principal, new))
        except Problem as problem:
            raise rename_parameter(problem, NAMES_IN_RESPONSES) from problem
    headers["x-cogo-task"] = str(task.id)
    return JSONResponse(build_response(task), headers=headers)


@router.get("/{response_id}", summary="Read a response")
async def read_response(
    response_id: str,
    services: ServicesDep,
    principal: TasksRead,
    stream: Annotated[bool, Query(description="Refused: watch GET /tasks/{id}/events.")] = False,
) -> Any:
    """Return a response in its present state."""
    task = await _load(services, principal, response_id)
    if stream:
        raise refuse_parameter(
            "stream", "a response is streamed once", hint=f"watch GET /tasks/{task.id}/events"
        )
    return build_response(task)


@router.get("/{response_id}/input_items", summary="List the input of a response")
async def read_input_items(
    *,
    response_id: str,
    services: ServicesDep,
    principal: TasksRead,
    limit: Annotated[int, Query(ge=1, le=100)] = _PAGE,
    order: Literal["asc", "desc"] = "desc",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Any:
    """List the items of the request, with those of the responses before it."""
    items = list_input_items(await _load(services, principal, response_id))
    if order == "desc":
        items.reverse()
    ids = [each["id"] for each in items]
    first = ids.index(after) + 1 if after in ids else 0
    page = items[first : first + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": first + limit < len(items),
    }


@router.post("/{response_id}/cancel", summary="Cancel a response")
async def cancel_response(response_id: str, services: ServicesDep, principal: TasksWrite) -> Any:
    """Cancel a response that is not complete; return it in its state otherwise."""
    task = await _load(services, principal, response_id)
    if not task.status.is_final:
        task = await services.store.cancel_task(task_id=task.id, reason="cancelled by the client")
    return build_response(task)


@router.delete("/{response_id}", summary="Delete a response")
async def delete_response(response_id: str, services: ServicesDep, principal: TasksWrite) -> Any:
    """Delete the task of a response, and all that belongs to it; cancel it first if it runs."""
    task = await _load(services, principal, response_id)
    if not task.status.is_final:
        raise Problem(409, "not_complete", "it is not complete", hint="cancel it, then delete it")
    await services.store.delete_task(task_id=task.id)
    return {"id": response_id, "object": "response", "deleted": True}


async def _stream(
    request: Request,
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
    *,
    keeps_running: bool,
) -> AsyncIterator[bytes]:
    """Yield frames. Raise Problem before the first one only; later it becomes two events."""
    stream: ResponseStream | None = None
    has_begun = False
    try:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(services.credentials.guard(request))
            run = await stack.enter_async_context(
                start_task(services, principal, new, keeps_running=keeps_running)
            )
            stream = ResponseStream(run, _preview_task(new, run.task_id))
            async for event in stream.read():
                yield HEARTBEAT if event is None else encode_event(event["type"], event)
                has_begun = True
    except (Problem, CogoError) as error:
        problem = rename_parameter(to_problem(error), NAMES_IN_RESPONSES)
        if not has_begun or stream is None:
            raise problem from error
        for event in stream.build_failure(problem):
            yield encode_event(event["type"], event)


def _preview_task(new: NewTask, task_id: UUID) -> Task:
    """Return the row of a new task, as far as a response repeats it."""
    fields = new.model_dump(include={"type", "prompt", "params", "model"})
    return Task(id=task_id, status=TaskState.RUNNING, created_at=utc_now(), **fields)


async def _load(services: GatewayServices, principal: Principal, response_id: str) -> Task:
    """Read the task of a response. Raise Problem (404) if there is none, or it is another's."""
    task_id = read_response_id(response_id)
    try:
        if task_id is not None:
            return await load_visible_task(services, principal, task_id)
    except NotFound:
        pass
    raise Problem(
        404, "response_not_found", f"there is no response {response_id[:100]!r}, or it is not yours"
    )


async def _load_referenced(
    services: GatewayServices, principal: Principal, items: str | list[InputItem]
) -> str | list[InputItem]:
    """Return the input with the items that it refers to. Raise Problem if one is not there."""
    references = find_item_references(items)
    if isinstance(items, str) or not references:
        return items
    tasks: dict[UUID, Task] = {}
    for task_id in {each.task_id for each in references.values()}:
        with suppress(NotFound):
            tasks[task_id] = await load_visible_task(services, principal, task_id)
    return replace_references(items, references, tasks)


async def _load_earlier(
    services: GatewayServices, principal: Principal, response_id: str | None
) -> list[PlacedTurn]:
    if not response_id:
        return []
    name = "previous_response_id"
    try:
        task = await _load(services, principal, response_id)
    except Problem as problem:
        problem.extra["param"] = name
        raise
    if task.type != "CHAT" or task.status is not TaskState.COMPLETED:
        raise refuse_parameter(
            name,
            f"the response is {build_response(task)['status']}, and only a completed one goes on",
            code="invalid_request",
        )
    return list_earlier_turns(task)
