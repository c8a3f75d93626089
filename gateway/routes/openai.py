"""The API that OpenAI's clients speak: chat completions and models."""

from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.auth.principal import Principal
from gateway.dependencies import Here, ModelsReader, Parts, Writer
from gateway.models import UnknownModelName
from gateway.problems import Problem, openai_error, problem_of
from gateway.streams.sse import HEARTBEAT, event_stream, frame
from gateway.strict_json import StrictRoute
from gateway.tasks.completions import chunks, completion
from gateway.tasks.conversation import AUTO, ChatCompletionRequest, task_of
from gateway.tasks.task_run import inquiry, unless_gone
from protocol.errors import CogoError
from protocol.records import NewTask, Task

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], route_class=StrictRoute)

GATEWAY: Final = {"x-cogo-gateway": "1"}
"""So that whoever looks for model servers does not take us for one."""
_DONE: Final = "data: [DONE]\n\n"


@router.get("/models", summary="List models")
async def list_models(here: Here, _asker: ModelsReader, answer: Response) -> dict[str, Any]:
    """List what can be asked for; `auto` lets the CIO choose."""
    answer.headers.update(GATEWAY)
    models = [
        _model(each.id) | ({"simulated": True} if each.simulated else {})
        for each in await here.directory.models()
    ]
    return {"object": "list", "data": [_model(AUTO), *models]}


@router.get("/models/{model:path}", summary="Show a model")
async def show_model(
    model: str, here: Here, _asker: ModelsReader, answer: Response
) -> dict[str, Any]:
    """Show the model that a name stands for."""
    answer.headers.update(GATEWAY)
    return _model(await _resolved(here, model) or AUTO)


@router.post("/chat/completions", summary="Go on with a conversation")
async def complete(body: ChatCompletionRequest, request: Request, here: Here, asker: Writer) -> Any:
    """Answer a conversation as a task of type CHAT. Tools and pictures are refused."""
    new = task_of(body, model=await _resolved(here, body.model))
    headers = GATEWAY | ({"x-cogo-ignored": ",".join(body.ignored)} if body.ignored else {})
    if body.stream:
        options = body.stream_options
        told = _told(
            request,
            here,
            asker,
            new,
            body.model,
            with_usage=bool(options and options.include_usage),
        )
        return event_stream(told, headers)

    async def work() -> Task:
        async with inquiry(here, asker, new) as asked:
            return await asked.answer()

    task = await unless_gone(here, request, work())
    headers["x-cogo-task"] = str(task.id)
    return JSONResponse(completion(task, model=body.model), headers=headers)


async def _told(
    request: Request,
    here: Parts,
    asker: Principal,
    new: NewTask,
    model: str,
    *,
    with_usage: bool,
) -> AsyncIterator[str]:
    try:
        async with here.admissions.hold(request), inquiry(here, asker, new) as asked:
            async for chunk in chunks(asked, model=model, with_usage=with_usage):
                yield HEARTBEAT if chunk is None else frame(None, chunk)
    except (Problem, CogoError) as error:
        problem = problem_of(error) if isinstance(error, CogoError) else error
        yield frame(None, openai_error(problem))
    else:
        yield _DONE


async def _resolved(here: Parts, name: str) -> str | None:
    """Give the served model's id, None for `auto`. Raises Problem as OpenAI does: 404."""
    if name in {AUTO, ""}:
        return None
    try:
        return await here.directory.resolve(name)
    except UnknownModelName as error:
        raise Problem(404, "model_not_found", error.sentence, extra={"param": "model"}) from error


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "cogo"}
