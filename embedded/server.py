"""The HTTP and websocket server on loopback that clients take for Supabase."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from embedded.auth.accounts import Accounts
from embedded.auth.routes import auth_routes
from embedded.auth.sessions import ACCESS_SECONDS, Sessions
from embedded.errors import CannotStart, PortInUse
from embedded.faults.controller import FaultController, fault_routes
from embedded.faults.middleware import FaultMiddleware
from embedded.http.cors import Cors
from embedded.http.unsupported import respond_internal_error, respond_unsupported
from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.realtime.hub import Hub
from embedded.realtime.routes import realtime_routes
from embedded.rest.app import rest_routes

HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 54321

_DATABASE_PORT: Final = 54322
_PORTS_TRIED: Final = 200
_BACKLOG: Final = 2048
_GRACE_SECONDS: Final = 3


def create_supabase_app(
    database: Database, keys: Keys, hub: Hub, *, fault_controller: FaultController | None = None
) -> Starlette:
    """Everything that a client may ask for, below the paths of a hosted project.

    With a `fault_controller` there is also the endpoint that orders faults, and the faults.
    """

    def access_seconds() -> int:
        return (fault_controller and fault_controller.active.token_seconds) or ACCESS_SECONDS

    sessions = Sessions(database, keys, access_seconds=access_seconds)
    return Starlette(
        routes=[
            Route("/health", _report_health, methods=["GET"]),
            Mount("/rest/v1", routes=rest_routes(database, keys)),
            Mount("/realtime/v1", routes=realtime_routes(hub)),
            Mount("/auth/v1", routes=auth_routes(Accounts(database), sessions, keys)),
            *(fault_routes(fault_controller, keys) if fault_controller else []),
        ],
        middleware=[Middleware(Cors), *([Middleware(FaultMiddleware, fault_controller)] if fault_controller else [])],
        exception_handlers={
            ClientDisconnect: _ignore_disconnect,
            HTTPException: respond_unsupported,
            Exception: respond_internal_error,
        },
    )


def bind_port(port: int | None, host: str = HOST, *, is_firm: bool = True) -> socket.socket:
    """Take this port of an address, or the first free one from 54321 on.

    The port of the database is left to it. When `port` is taken and `is_firm` is off, the first
    free one is taken then too. Raises PortInUse, or CannotStart when none is free.
    """
    if port is not None:
        listener = _listen(host, port)
        if listener is not None:
            return listener
        if is_firm:
            raise PortInUse(f"Port {port} is in use: give another --port, or none.")
    for candidate in range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED):
        if candidate != _DATABASE_PORT and (listener := _listen(host, candidate)):
            return listener
    raise CannotStart(f"No free port from {FIRST_PORT} on.")


@contextlib.asynccontextmanager
async def serve_app(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `listener` for as long as the context lasts; open sockets are closed then."""
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_ping_interval=None,  # clients of Realtime send the heartbeats
        )
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(sockets=[listener]), name="http server")
        await server.ready.wait()
        try:
            yield
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves the signals to its owner and says when it takes requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not ours to take."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then tell."""
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket | None:
    # asyncio turns Nagle's delay off only for sockets that name their protocol; without it each
    # answer waits 40 ms for an acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        reason = error.strerror or error
        raise CannotStart(f"Port {port} of {host} cannot be opened: {reason}.") from error
    return listener


async def _ignore_disconnect(_request: Request, _error: Exception) -> Response:
    """End a request whose client left before its body was there; nobody reads the answer."""
    return Response(status_code=400)


async def _report_health(_request: Request) -> Response:
    return JSONResponse({"status": "ok", "pid": os.getpid()})
