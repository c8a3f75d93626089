"""Swarms over a WebSocket: requests are answered one after the other, in frames."""

import asyncio
from typing import Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError

from gateway.auth.principal import Principal, Scope
from gateway.dependencies import GatewayServices, ServicesDep, authorize
from gateway.problems import Problem, to_problem
from gateway.routes.swarm import SwarmRequest, load_exchange, start_exchange
from gateway.strict_json import read_strict_json
from gateway.tasks.swarms import stream_frames
from protocol.errors import CogoError
from protocol.json_values import explain_mistake

router = APIRouter()

_M = TypeVar("_M", bound=BaseModel)

MAX_QUEUED: Final = 16
"""Requests that a client may send ahead."""
_REFUSED: Final = 4401
_BYTES: Final = 1003
_OVERRUN: Final = 4429


class TaskReference(BaseModel):
    """A request for the answer of a task that there is already."""

    task_id: UUID


@router.websocket("/ws/swarm")
async def converse(socket: WebSocket, services: ServicesDep) -> None:
    """Answer requests `{swarm_id, message, session_id?}` until the client disconnects.

    `{task_id}` picks up the answer to an earlier one, from its beginning; its task goes on without
    a client. Each message counts towards the rate of the key, like an HTTP request.
    """
    await socket.accept()
    try:
        principal = await authorize(socket, Scope.TASKS_WRITE)
        guard = services.credentials.guard(
            socket, lambda now: now.read_projects >= principal.read_projects
        )
        async with guard:
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
    given = read_strict_json(text)
    if isinstance(given, dict) and "task_id" in given:
        task_id = _validate(TaskReference, given).task_id
        exchange = await load_exchange(services, principal, task_id)
    else:
        body = _validate(SwarmRequest, given)
        exchange = start_exchange(services, principal, body, body.swarm_id, stream=True)
    async with exchange.run as run:
        async for each in stream_frames(run, services.store, **exchange.names):
            await socket.send_json(each)


def _validate(shape: type[_M], given: object) -> _M:
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "message"
        raise Problem(400, "invalid_request", f"{field}: {explain_mistake(first)}") from error


async def _send_error(socket: WebSocket, problem: Problem) -> None:
    await socket.send_json({"content": "", "done": True, "error": problem.body()})
