"""Swarms over a WebSocket: requests are answered one after the other, in frames."""

import asyncio
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from gateway.auth.principal import Principal, Scope
from gateway.dependencies import GatewayServices, ServicesDep, authorize
from gateway.problems import Problem, to_problem
from gateway.routes.swarm import SwarmRequest, build_swarm_task
from gateway.strict_json import read_strict_json
from gateway.tasks.swarms import COORDINATION, get_task_type, stream_frames
from gateway.tasks.task_run import start_task
from protocol.errors import CogoError
from protocol.json_values import explain_mistake

router = APIRouter()

MAX_QUEUED: Final = 16
"""Requests that a client may send ahead."""
_REFUSED: Final = 4401
_BYTES: Final = 1003
_OVERRUN: Final = 4429


@router.websocket("/ws/swarm")
async def converse(socket: WebSocket, services: ServicesDep) -> None:
    """Answer requests `{swarm_id, message, session_id?}` until the client disconnects.

    Each counts towards the rate of the key, like an HTTP request.
    """
    await socket.accept()
    try:
        principal = await authorize(socket, Scope.TASKS_WRITE)
        async with services.credentials.guard(socket):
            await _receive_requests(socket, services, principal)
    except Problem as problem:
        await _send_error(socket, problem)
        await socket.close(_REFUSED, problem.code)


async def _receive_requests(
    socket: WebSocket, services: GatewayServices, principal: Principal
) -> None:
    requests: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED)
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(_answer_all(socket, services, principal, requests))
        try:
            while True:
                requests.put_nowait(await socket.receive_text())
        except asyncio.QueueFull:
            await socket.close(_OVERRUN, "too many requests are waiting")
        except WebSocketDisconnect:
            pass
        except KeyError:
            await socket.close(_BYTES, "requests must be text frames with JSON")
        finally:
            answering.cancel()


async def _answer_all(
    socket: WebSocket,
    services: GatewayServices,
    principal: Principal,
    requests: "asyncio.Queue[str]",
) -> None:
    while True:
        text = await requests.get()
        try:
            await _answer(socket, services, principal, text)
        except (WebSocketDisconnect, RuntimeError):
            return  # the client has disconnected
        except (Problem, CogoError) as error:
            await _send_error(socket, to_problem(error))


async def _answer(
    socket: WebSocket, services: GatewayServices, principal: Principal, text: str
) -> None:
    services.authenticator.count_request(principal.key_id)
    try:
        body = SwarmRequest.model_validate(read_strict_json(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "message"
        raise Problem(400, "invalid_request", f"{field}: {explain_mistake(first)}") from error
    is_coordinated = body.swarm_id == COORDINATION
    task_type = "COORDINATE" if is_coordinated else get_task_type(body.swarm_id)
    new = build_swarm_task(body, task_type, principal)
    session_id = body.session_id or str(new.session_id)
    async with start_task(services, principal, new) as run:
        async for each in stream_frames(run, team_id=body.swarm_id, session_id=session_id):
            await socket.send_json(each)


async def _send_error(socket: WebSocket, problem: Problem) -> None:
    await socket.send_json({"content": "", "done": True, "error": problem.body()})
