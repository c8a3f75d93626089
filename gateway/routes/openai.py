"""The API of OpenAI's clients: chat completions and models."""

from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ModelsRead, ServicesDep, TasksWrite
from gateway.models import UnknownModelName
from gateway.problems import Problem, build_openai_error, to_problem
from gateway.streams.sse import HEARTBEAT, build_event_response, encode_event
from gateway.strict_json import StrictRoute
from gateway.tasks.completions import build_completion, stream_chunks
from gateway.tasks.conversation import AUTO, ChatCompletionRequest, build_task
from gateway.tasks.task_run import run_task, start_task
from protocol.errors import CogoError
from protocol.records import NewTask

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], route_class=StrictRoute)

GATEWAY: Final = {"x-cogo-gateway": "1"}
"""Keeps a search for local model servers from mistaking the gateway for one."""
_DONE: Final = b"data: [DONE]\n\n"


@router.get("/models", summary="List models")
async def list_models(
    services: ServicesDep, _principal: ModelsRead, answer: Response
) -> dict[str, Any]:
    """List the served models; `auto` lets the CIO choose."""
    answer.headers.update(GATEWAY)
    models = [
        _build_model(each.id) | ({"simulated": True} if each.simulated else {})
        for each in await services.model_directory.models()
    ]
    return {"object": "list", "data": [_build_model(AUTO), *models]}


@router.get("/models/{model:path}", summary="Show a model")
async def show_model(
    model: str, services: ServicesDep, _principal: ModelsRead, answer: Response
) -> dict[str, Any]:
    """Show the model with this name."""
    answer.headers.update(GATEWAY)
    return _build_model(await _resolve(services, model) or AUTO)


@router.post("/chat/completions", summary="Continue a conversation")
async def complete(
    body: ChatCompletionRequest, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Answer a conversation as a task of type CHAT. Tools and images are refused."""
    new = build_task(body, model=await _resolve(services, body.model))
    headers = GATEWAY | ({"x-cogo-ignored": ",".join(body.ignored)} if body.ignored else {})
    if body.stream:
        return build_event_response(_stream(body, request, services, principal, new), headers)
    task = await run_task(services, request, principal, new)
    headers["x-cogo-task"] = str(task.id)
    return JSONResponse(build_completion(task, model=body.model), headers=headers)


async def _stream(
    body: ChatCompletionRequest,
    request: Request,
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
) -> AsyncIterator[bytes]:
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    try:
        async with (
            services.credentials.guard(request),
            start_task(services, principal, new) as run,
        ):
            async for chunk in stream_chunks(run, model=body.model, with_usage=with_usage):
                yield HEARTBEAT if chunk is None else encode_event(None, chunk)
    except (Problem, CogoError) as error:
        yield encode_event(None, build_openai_error(to_problem(error)))
    else:
        yield _DONE


async def _resolve(services: GatewayServices, name: str) -> str | None:
    """Return the served model's id, or None for `auto`. Raise Problem (404, as OpenAI does)."""
    if name in {AUTO, ""}:
        return None
    try:
        return await services.model_directory.resolve(name)
    except UnknownModelName as error:
        raise Problem(404, "model_not_found", error.sentence, extra={"param": "model"}) from error


def _build_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "cogo"}
