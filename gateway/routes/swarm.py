"""Swarms over HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ServicesDep, TasksWrite
from gateway.problems import Problem, to_problem
from gateway.streams.sse import HEADERS, build_event_response, encode_event
from gateway.strict_json import StrictRoute
from gateway.tasks.swarms import (
    COORDINATION,
    SwarmFrame,
    build_answer,
    get_task_type,
    stream_frames,
)
from gateway.tasks.task_run import derive_session_id, run_task, start_task
from protocol.errors import CogoError
from protocol.records import NewTask

router = APIRouter(prefix="/swarm", tags=["swarms"], route_class=StrictRoute)

_NDJSON: Final = "application/x-ndjson"


class Message(BaseModel):
    """The fields of every request to a swarm."""

    message: str = Field(min_length=1)
    stream: bool = False
    session_id: str | None = Field(
        None, max_length=200, description="Names a conversation, which the swarm remembers."
    )


class SwarmRequest(Message):
    """A message to one swarm."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "swarm_id": "coding-swarm",
                    "message": "Write a Python function to calculate fibonacci",
                }
            ]
        }
    )

    swarm_id: str = Field(max_length=100, description="strategic-swarm, coding-swarm, debate-swarm")


class SwarmAnswer(BaseModel):
    """A complete answer."""

    model_config = ConfigDict(extra="allow")

    team_id: str
    session_id: str
    responses: list[str]
    status: str


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": SwarmAnswer,
        "description": (
            "The complete answer. With `stream`, one frame `{content, done, team_id, session_id}` "
            "per line, or server-sent events if the client accepts text/event-stream. Frames "
            "with `status` report progress."
        ),
    }
}


@router.post("/execute", summary="Ask one swarm", responses=_RESPONSES, response_model=None)
async def execute(
    body: SwarmRequest, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Answer a message as one swarm."""
    new = build_swarm_task(body, get_task_type(body.swarm_id), principal)
    return await _answer(body, request, services, principal, new, body.swarm_id)


@router.post("/coordinate", summary="Ask all swarms", responses=_RESPONSES, response_model=None)
async def coordinate(
    body: Message, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Answer a message with all swarms: plan, do and review."""
    new = build_swarm_task(body, "COORDINATE", principal)
    return await _answer(body, request, services, principal, new, COORDINATION)


def build_swarm_task(body: Message, task_type: str, principal: Principal) -> NewTask:
    """Build the task that answers a message."""
    session_id = derive_session_id(body.session_id, principal)
    return NewTask(prompt=body.message, type=task_type, session_id=session_id, stream=True)


async def _answer(  # noqa: PLR0917 - the parameters of both endpoints
    body: Message,
    request: Request,
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
    team_id: str,
) -> Any:
    session_id = body.session_id or str(new.session_id)
    if not body.stream:
        task = await run_task(services, request, principal, new)
        return build_answer(task, team_id=team_id, session_id=session_id)
    frames = _stream(request, services, principal, new, team_id, session_id)
    if "text/event-stream" in request.headers.get("accept", ""):
        return build_event_response(encode_event(None, each) async for each in frames)
    lines = (json.dumps(each, ensure_ascii=False) + "\n" async for each in frames)
    return StreamingResponse(lines, media_type=_NDJSON, headers=HEADERS)


async def _stream(  # noqa: PLR0917 - as above
    request: Request,
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
    team_id: str,
    session_id: str,
) -> AsyncIterator[SwarmFrame]:
    try:
        async with (
            services.credentials.guard(request),
            start_task(services, principal, new) as run,
        ):
            async for each in stream_frames(run, team_id=team_id, session_id=session_id):
                yield each
    except (Problem, CogoError) as error:
        # The response has begun, so its status cannot change: the last frame has the error.
        base = {"content": "", "done": True, "team_id": team_id, "session_id": session_id}
        yield base | {"status": "failed", "error": to_problem(error).body()}
