"""Routes of Realtime: the websocket, and broadcast over HTTP."""

import asyncio
import json

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from embedded.realtime.access.callers import Caller, TokenProblem, TokenRefused
from embedded.realtime.connection import SocketConnection
from embedded.realtime.http_broadcast import HttpBroadcast
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.wire.frames import Version


def realtime_routes(services: RealtimeServices) -> list[BaseRoute]:
    """Build the routes, to be mounted below /realtime/v1."""
    http = HttpBroadcast(services)

    async def serve_socket(socket: WebSocket) -> None:
        await _serve_socket(socket, services)

    return [
        WebSocketRoute("/websocket", serve_socket),
        Route("/api/broadcast", http.send_batch, methods=["POST"]),
        Route("/api/broadcast/{topic:path}/events/{event:path}", http.send_one, methods=["POST"]),
    ]


async def _serve_socket(socket: WebSocket, services: RealtimeServices) -> None:
    try:
        version = Version(socket.query_params.get("vsn", Version.V1))
    except ValueError:
        await socket.send_denial_response(Response(status_code=403))
        return
    try:
        caller = _resolve_caller(socket, services)
    except TokenRefused as error:
        await asyncio.sleep(services.limits.refusal_seconds)
        message = error.problem.value[1] if error.problem is TokenProblem.EXPIRED else str(error)
        await socket.send_denial_response(JSONResponse({"error": message}, status_code=401))
        return
    await socket.accept()
    await SocketConnection(
        socket,
        version=version,
        caller=caller,
        headers=_dump_headers(socket.headers),
        services=services,
    ).run()


def _resolve_caller(socket: WebSocket, services: RealtimeServices) -> Caller:
    """Return the caller; the key in the header has precedence. Raise `TokenRefused`."""
    key = socket.headers.get("x-api-key") or socket.query_params.get("apikey")
    if key is None:
        raise TokenRefused(TokenProblem.MISSING)
    return services.callers.resolve_key(key, user_agent=socket.headers.get("user-agent"))


def _dump_headers(headers: Headers) -> str:
    """Return the x-headers except the key, as JSON."""
    return json.dumps(
        {
            name: value
            for name, value in headers.items()
            if name.startswith("x-") and name != "x-api-key"
        }
    )
