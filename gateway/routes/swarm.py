"""Swarms over HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ServicesDep, TasksRead, TasksWrite
from gateway.problems import Problem, to_problem
from gateway.streams.sse import HEADERS, build_event_response, encode_event
from gateway.strict_json import StrictRoute
from gateway.tasks.swarms import (
    COORDINATION,
    SWARMS,
    SwarmFrame,
    build_answer,
    get_task_type,
    get_team_id,
    stream_frames,
)
from gateway.tasks.task_run import (
    MAX_SESSION_NAME,
    TaskRun,
    cancel_on_disconnect,
    derive_session_id,
    follow_task,
    load_visible_task,
    start_task,
)
from protocol.errors import CogoError
from protocol.json_values import JsonObject
from protocol.records import NewTask, Task

router = APIRouter(prefix="/swarm", tags=["swarms"], route_class=StrictRoute)

_NDJSON: Final = "application/x-ndjson"


class Message(BaseModel):
    """The fields of every request to a swarm."""

    message: str = Field(min_length=1)
    stream: bool = False
    session_id: str | None = Field(
        None,
        max_length=MAX_SESSION_NAME,
        description="Names a conversation, which the swarm remembers.",
    )
    params: JsonObject = Field(
        default_factory=dict, description="Those of a task, such as `confirm_above_usd`."
    )
    budget_usd: Decimal | None = Field(None, ge=0, le=1_000_000)


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

    swarm_id: str = Field(max_length=100, description=f"One of {', '.join(SWARMS)}.")


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
            "with `status` report progress, those with `part` what each participant says."
        ),
    }
}


@router.post("/execute", summary="Ask one swarm", responses=_RESPONSES, response_model=None)
async def execute(
    body: SwarmRequest, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Answer a message as one swarm."""
    exchange = start_exchange(services, principal, body, body.swarm_id, stream=body.stream)
    return await _answer(exchange, request, services, stream=body.stream)


@router.post("/coordinate", summary="Ask all swarms", responses=_RESPONSES, response_model=None)
async def coordinate(
    body: Message, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Answer a message with all swarms: plan, do and review."""
    exchange = start_exchange(services, principal, body, COORDINATION, stream=body.stream)
    return await _answer(exchange, request, services, stream=body.stream)


@router.get(
    "/tasks/{task_id}", summary="Pick up an answer", responses=_RESPONSES, response_model=None
)
async def resume(
    task_id: UUID,
    request: Request,
    services: ServicesDep,
    principal: TasksRead,
    stream: bool = False,
) -> Any:
    """Answer with a task that a swarm works on or has ended: from the beginning, and only read.

    For clients whose connection broke; frames name the task.
    """
    exchange = await load_exchange(services, principal, task_id)
    return await _answer(exchange, request, services, stream=stream)


@dataclass(frozen=True, slots=True)
class SwarmExchange:
    """A request to a swarm: the run that answers it, and how its answer is named."""

    run: AbstractAsyncContextManager[TaskRun]
    team_id: str
    session_id: str
    may_go_on: Callable[[Principal], bool] = lambda _: True

    @property
    def names(self) -> dict[str, str]:
        """The fields of each answer and frame that name it."""
        return {"team_id": self.team_id, "session_id": self.session_id}


def start_exchange(
    services: GatewayServices,
    principal: Principal,
    body: Message,
    team_id: str,
    *,
    stream: bool,
) -> SwarmExchange:
    """Return the exchange of a new task, which is submitted when its run is entered.

    It goes on if the connection ends, whatever the options say: the work is long and costly, and
    its answer can be picked up. Raise Problem (400) for an unknown swarm.
    """
    new = NewTask(
        prompt=body.message,
        type=get_task_type(team_id),
        params=body.params,
        budget_usd=body.budget_usd,
        session_id=derive_session_id(body.session_id, principal),
        stream=True,
    )
    run = start_task(services, principal, new, keeps_running=True, with_children=stream)
    return SwarmExchange(run, team_id, body.session_id or str(new.session_id))


async def load_exchange(
    services: GatewayServices, principal: Principal, task_id: UUID
) -> SwarmExchange:
    """Return the exchange of a task that there is already. Raise NotFound."""
    task = await load_visible_task(services, principal, task_id)
    run = follow_task(services, task_id)
    return SwarmExchange(
        run, get_team_id(task), str(task.session_id or ""), lambda now: now.sees(task)
    )


async def _answer(
    exchange: SwarmExchange, request: Request, services: GatewayServices, *, stream: bool
) -> Any:
    if not stream:
        task = await cancel_on_disconnect(services, request, _wait(exchange), exchange.may_go_on)
        return await build_answer(services.store, task, **exchange.names)
    frames = _stream(exchange, request, services)
    if "text/event-stream" in request.headers.get("accept", ""):
        return build_event_response(encode_event(None, each) async for each in frames)
    lines = (json.dumps(each, ensure_ascii=False) + "\n" async for each in frames)
    return StreamingResponse(lines, media_type=_NDJSON, headers=HEADERS)


async def _wait(exchange: SwarmExchange) -> Task:
    async with exchange.run as run:
        return await run.wait()


async def _stream(
    exchange: SwarmExchange, request: Request, services: GatewayServices
) -> AsyncIterator[SwarmFrame]:
    try:
        guard = services.credentials.guard(request, exchange.may_go_on)
        async with guard, exchange.run as run:
            async for each in stream_frames(run, services.store, **exchange.names):
                yield each
    except (Problem, CogoError) as error:
        # The response has begun, so its status cannot change: the last frame has the error.
        base = {"content": "", "done": True, **exchange.names}
        yield base | {"status": "failed", "error": to_problem(error).body()}
