"""Swarms over HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.auth.principal import Principal
from gateway.dependencies import Here, Parts, Writer
from gateway.problems import Problem, problem_of
from gateway.streams.sse import HEADERS, event_stream, frame
from gateway.strict_json import StrictRoute
from gateway.tasks.swarms import COORDINATION, Frame, frames, task_type_of, whole
from gateway.tasks.task_run import inquiry, session_of, unless_gone
from protocol.errors import CogoError
from protocol.records import NewTask

router = APIRouter(prefix="/swarm", tags=["swarms"], route_class=StrictRoute)

_NDJSON: Final = "application/x-ndjson"


class Message(BaseModel):
    """What every request to a swarm has."""

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
    """A whole answer."""

    model_config = ConfigDict(extra="allow")

    team_id: str
    session_id: str
    responses: list[str]
    status: str


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": SwarmAnswer,
        "description": (
            "The whole answer; with `stream` one frame `{content, done, team_id, session_id}` a "
            "line, or as server-sent events to whoever accepts text/event-stream. Frames with "
            "`status` tell what happens meanwhile."
        ),
    }
}


@router.post("/execute", summary="Ask one swarm", responses=_RESPONSES, response_model=None)
async def execute(body: SwarmRequest, request: Request, here: Here, asker: Writer) -> Any:
    """Answer a message as the swarm does."""
    task_type = task_type_of(body.swarm_id)
    return await _answer(body, request, here, asker, task_type, body.swarm_id)


@router.post("/coordinate", summary="Ask all together", responses=_RESPONSES, response_model=None)
async def coordinate(body: Message, request: Request, here: Here, asker: Writer) -> Any:
    """Plan, do and review."""
    return await _answer(body, request, here, asker, "COORDINATE", COORDINATION)


async def _answer(  # noqa: PLR0917 - both endpoints hand on all that they have
    body: Message, request: Request, here: Parts, asker: Principal, task_type: str, team_id: str
) -> Any:
    session = session_of(body.session_id, asker)
    session_id = body.session_id or str(session)
    new = NewTask(prompt=body.message, type=task_type, session_id=session, stream=True)
    if body.stream:
        told = _told(request, here, asker, new, team_id, session_id)
        if "text/event-stream" in request.headers.get("accept", ""):
            return event_stream(frame(None, each) async for each in told)
        lines = (json.dumps(each, ensure_ascii=False) + "\n" async for each in told)
        return StreamingResponse(lines, media_type=_NDJSON, headers=HEADERS)

    async def work() -> Frame:
        async with inquiry(here, asker, new) as asked:
            return whole(await asked.answer(), team_id=team_id, session_id=session_id)

    return await unless_gone(here, request, work())


async def _told(  # noqa: PLR0917 - as above
    request: Request,
    here: Parts,
    asker: Principal,
    new: NewTask,
    team_id: str,
    session_id: str,
) -> AsyncIterator[Frame]:
    try:
        async with here.admissions.hold(request), inquiry(here, asker, new) as asked:
            async for each in frames(asked, team_id=team_id, session_id=session_id):
                yield each
    except (Problem, CogoError) as error:
        # The answer has begun, so its status says nothing any more: the last frame does.
        problem = problem_of(error) if isinstance(error, CogoError) else error
        base = {"content": "", "done": True, "team_id": team_id, "session_id": session_id}
        yield base | {"status": "failed", "error": problem.body()}
