"""Swarms over a WebSocket: a JSON request a message, answered one after the other in frames."""

import asyncio
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from gateway.auth.principal import Principal, Scope
from gateway.dependencies import Here, Parts, admit
from gateway.problems import Problem, problem_of
from gateway.routes.swarm import SwarmRequest
from gateway.strict_json import read_json
from gateway.tasks.swarms import COORDINATION, Frame, frames, task_type_of
from gateway.tasks.task_run import inquiry, session_of
from protocol.errors import CogoError
from protocol.json_values import explain_mistake
from protocol.records import NewTask

router = APIRouter()

WAITING: Final = 16
"""Requests that one socket may send ahead."""
_REFUSED: Final = 4401
_BYTES: Final = 1003
_OVERRUN: Final = 4429


@router.websocket("/ws/swarm")
async def converse(socket: WebSocket, here: Here) -> None:
    """Answer requests `{swarm_id, message, session_id?}` until the client goes.

    Each counts for the rate of the key, as a request of its own would.
    """
    await socket.accept()
    try:
        asker = await admit(socket, Scope.TASKS_WRITE)
        async with here.admissions.hold(socket):
            await _converse(socket, here, asker)
    except Problem as problem:
        await socket.send_json({"content": "", "done": True, "error": problem.body()})
        await socket.close(_REFUSED, problem.code)


async def _converse(socket: WebSocket, here: Parts, asker: Principal) -> None:
    requests: asyncio.Queue[str] = asyncio.Queue(WAITING)
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(_answer_all(socket, here, asker, requests))
        try:
            while True:
                requests.put_nowait(await socket.receive_text())
        except asyncio.QueueFull:
            await socket.close(_OVERRUN, "too many requests wait")
        except WebSocketDisconnect:
            pass
        except KeyError:
            await socket.close(_BYTES, "a request is a text frame with JSON")
        finally:
            answering.cancel()


async def _answer_all(
    socket: WebSocket, here: Parts, asker: Principal, requests: "asyncio.Queue[str]"
) -> None:
    while True:
        text = await requests.get()
        try:
            await _answer(socket, here, asker, text)
        except (WebSocketDisconnect, RuntimeError):
            return  # it has gone while we spoke
        except (Problem, CogoError) as error:
            problem = problem_of(error) if isinstance(error, CogoError) else error
            await _send(socket, {"content": "", "done": True, "error": problem.body()})


async def _answer(socket: WebSocket, here: Parts, asker: Principal, text: str) -> None:
    here.gatekeeper.spend(asker.key_id)
    try:
        body = SwarmRequest.model_validate(read_json(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "message"
        raise Problem(400, "invalid_request", f"{field}: {explain_mistake(first)}") from error
    is_coordinated = body.swarm_id == COORDINATION
    task_type = "COORDINATE" if is_coordinated else task_type_of(body.swarm_id)
    session = session_of(body.session_id, asker)
    new = NewTask(prompt=body.message, type=task_type, session_id=session)
    session_id = body.session_id or str(session)
    async with inquiry(here, asker, new) as asked:
        async for each in frames(asked, team_id=body.swarm_id, session_id=session_id):
            await _send(socket, each)


async def _send(socket: WebSocket, frame: Frame) -> None:
    await socket.send_json(frame)
