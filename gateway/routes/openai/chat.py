"""The API of OpenAI's clients: chat completions and models."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ModelsRead, ServicesDep, TasksWrite
from gateway.models import UnknownModelName
from gateway.problems import Problem, build_openai_error, to_problem
from gateway.streams.sse import HEARTBEAT, LateEventResponse, encode_event
from gateway.strict_json import StrictRoute
from gateway.tasks.openai.chat_answer import ChunkStream, build_completion
from gateway.tasks.openai.chat_request import (
    AUTO,
    NAMES_IN_CHAT,
    ChatCompletionRequest,
    build_chat_task,
    list_turn_places,
)
from gateway.tasks.openai.results import rename_parameter
from gateway.tasks.task_run import run_task, start_task
from protocol.errors import CogoError
from protocol.records import NewTask

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], route_class=StrictRoute)

GATEWAY: Final = {"x-cogo-gateway": "1"}
"""Keeps a search for local model servers from mistaking the gateway for one."""
OwnToolsHeader = Annotated[
    str | None,
    Header(max_length=10_000, description="As `cogo_tools`, separated by commas."),
]
_DONE: Final = b"data: [DONE]\n\n"


@router.get("/models", summary="List models")
async def list_models(
    services: ServicesDep, _principal: ModelsRead, answer: Response
) -> dict[str, Any]:
    """List the served models, and those for embeddings; `auto` lets the CIO choose."""
    answer.headers.update(GATEWAY)
    directory = services.model_directory
    simulated = {each.id: each.simulated for each in await directory.models()}
    simulated |= {each.id: each.simulated for each in await directory.embedding_models()}
    models = [
        _build_model(id_) | ({"simulated": True} if is_simulated else {})
        for id_, is_simulated in simulated.items()
    ]
    return {"object": "list", "data": [_build_model(AUTO), *models]}


@router.get("/models/{model:path}", summary="Show a model")
async def show_model(
    model: str, services: ServicesDep, _principal: ModelsRead, answer: Response
) -> dict[str, Any]:
    """Show the model with this name."""
    answer.headers.update(GATEWAY)
    try:
        return _build_model((await services.model_directory.resolve_embedding(model)).id)
    except UnknownModelName:
        return _build_model(await resolve_model_name(services, model) or AUTO)


@router.post("/chat/completions", summary="Continue a conversation")
async def complete(
    body: ChatCompletionRequest,
    request: Request,
    services: ServicesDep,
    principal: TasksWrite,
    x_cogo_tools: OwnToolsHeader = None,
) -> Any:
    """Answer a conversation as a task of type CHAT. The caller runs the tools of the request.

    A call of one ends the answer; send its result as a message of the role `tool`. `cogo_tools`
    names tools of ours, which the model may call while it answers.
    """
    model = await resolve_model_name(services, body.model)
    new = build_chat_task(body, model=model, own_tools=x_cogo_tools)
    headers = GATEWAY | ({"x-cogo-ignored": ",".join(body.ignored)} if body.ignored else {})
    if body.stream:
        frames = _stream(body, request, services, principal, new)
        return LateEventResponse(frames, request.url.path, headers)
    try:
        task = await run_task(services, request, principal, new)
        answer = build_completion(task, model=body.model)
    except Problem as problem:
        raise rename_parameter(problem, NAMES_IN_CHAT, list_turn_places(body)) from problem
    headers["x-cogo-task"] = str(task.id)
    return JSONResponse(answer, headers=headers)


async def _stream(
    body: ChatCompletionRequest,
    request: Request,
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
) -> AsyncIterator[bytes]:
    """Yield frames. Raise Problem before the first one only; a later one is the last frame."""
    has_begun = False
    try:
        async with (
            services.credentials.guard(request),
            start_task(services, principal, new) as run,
        ):
            stream = ChunkStream(
                run,
                model=body.model,
                with_usage=bool(body.stream_options and body.stream_options.include_usage),
                holds_text="response_schema" in new.params,
            )
            async for chunk in stream.read():
                yield HEARTBEAT if chunk is None else encode_event(None, chunk)
                has_begun = True
    except (Problem, CogoError) as error:
        problem = rename_parameter(to_problem(error), NAMES_IN_CHAT, list_turn_places(body))
        if not has_begun:
            raise problem from error
        yield encode_event(None, build_openai_error(problem))
    else:
        yield _DONE


async def resolve_model_name(services: GatewayServices, name: str) -> str | None:
    """Return the served model's id, or None for `auto`. Raise Problem (404, as OpenAI does)."""
    if name in {AUTO, ""}:
        return None
    try:
        return await services.model_directory.resolve(name)
    except UnknownModelName as error:
        raise Problem(404, "model_not_found", error.sentence, extra={"param": "model"}) from error


def _build_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "cogo"}
