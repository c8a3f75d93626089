"""The routes of Realtime: the websocket, and broadcast over HTTP."""

import asyncio
import json

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from embedded.realtime.access.callers import Fault, TokenRefused, Visitor
from embedded.realtime.connection import Connection
from embedded.realtime.http_broadcast import HttpBroadcast
from embedded.realtime.hub import Hub
from embedded.realtime.services import Services
from embedded.realtime.wire.frames import Version


def realtime_routes(hub: Hub) -> list[BaseRoute]:
    """Give the routes, to be mounted below /realtime/v1."""
    services = hub.services
    http = HttpBroadcast(services)

    async def serve_socket(socket: WebSocket) -> None:
        await _serve_socket(socket, services)

    return [
        WebSocketRoute("/websocket", serve_socket),
        Route("/api/broadcast", http.send_batch, methods=["POST"]),
        Route("/api/broadcast/{topic:path}/events/{event:path}", http.send_one, methods=["POST"]),
    ]


async def _serve_socket(socket: WebSocket, services: Services) -> None:
    try:
        version = Version(socket.query_params.get("vsn", Version.V1))
    except ValueError:
        await socket.send_denial_response(Response(status_code=403))
        return
    try:
        visitor = _visitor(socket, services)
    except TokenRefused as error:
        await asyncio.sleep(services.limits.refusal_seconds)
        said = error.fault.value[1] if error.fault is Fault.EXPIRED else str(error)
        await socket.send_denial_response(JSONResponse({"error": said}, status_code=401))
        return
    await socket.accept()
    await Connection(
        socket,
        version=version,
        visitor=visitor,
        headers=_headers_for_policies(socket.headers),
        services=services,
    ).run()


def _visitor(socket: WebSocket, services: Services) -> Visitor:
    """Read the key, of which the header wins. Raises TokenRefused."""
    key = socket.headers.get("x-api-key") or socket.query_params.get("apikey")
    if key is None:
        raise TokenRefused(Fault.MISSING)
    return services.visitors.by_key(key, user_agent=socket.headers.get("user-agent"))


def _headers_for_policies(headers: Headers) -> str:
    """Give the x-headers but the key, as JSON."""
    return json.dumps(
        {
            name: value
            for name, value in headers.items()
            if name.startswith("x-") and name != "x-api-key"
        }
    )
