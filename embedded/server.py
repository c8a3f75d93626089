"""The HTTP and websocket server that clients use in place of Supabase."""

import asyncio
import contextlib
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
from embedded.cors import CorsMiddleware
from embedded.faults.controller import FaultController, fault_routes
from embedded.faults.middleware import FaultMiddleware
from embedded.joined_writes import JoiningHttpProtocol
from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.routes import realtime_routes
from embedded.rest.app import rest_routes
from embedded.storage.contents import ContentFolder
from embedded.storage.routes import storage_routes

_GRACE_SECONDS: Final = 3
_ALTERNATIVE: Final = (
    "The embedded server implements a part of Supabase: use `supabase start` or a hosted project "
    "for the rest, and set SUPABASE_URL and SUPABASE_SECRET_KEY accordingly."
)
_SUPABASE_PREFIXES: Final = ("/auth/", "/functions/", "/graphql/", "/pg/", "/rest/", "/storage/")


def create_supabase_app(
    database: Database,
    keys: Keys,
    realtime: RealtimeServices,
    contents: ContentFolder,
    *,
    faults: FaultController | None = None,
) -> Starlette:
    """Build the application with the paths of a hosted project.

    With `faults` it also has the endpoint that sets faults, and the faults.
    """

    def access_seconds() -> int:
        return (faults and faults.active.token_seconds) or ACCESS_SECONDS

    sessions = Sessions(database, keys, access_seconds=access_seconds)
    return Starlette(
        routes=[
            Mount("/rest/v1", routes=rest_routes(database, keys)),
            Route("/health", _report_health, methods=["GET"]),
            Mount("/realtime/v1", routes=realtime_routes(realtime)),
            Mount("/auth/v1", routes=auth_routes(Accounts(database), sessions, keys)),
            Mount("/storage/v1", routes=storage_routes(database, keys, contents)),
            *(fault_routes(faults, keys) if faults else []),
        ],
        middleware=[
            Middleware(CorsMiddleware),
            *([Middleware(FaultMiddleware, faults)] if faults else []),
        ],
        exception_handlers={
            ClientDisconnect: _ignore_disconnect,
            HTTPException: _refuse_unsupported,
            Exception: _report_internal_error,
        },
    )


@contextlib.asynccontextmanager
async def serve_app(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `listener` within the block, and close open connections at its end."""
    server = _Server(
        uvicorn.Config(
            app,
            access_log=False,
            http=JoiningHttpProtocol,
            lifespan="off",
            proxy_headers=False,  # nobody asks for the address of the client
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
    """Leaves signals to its owner and reports when it accepts requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port and set `ready`."""
        await super().startup(sockets)
        self.ready.set()


async def _report_health(_request: Request) -> Response:
    return JSONResponse({"status": "ok", "pid": os.getpid()})


async def _ignore_disconnect(_request: Request, _error: Exception) -> Response:
    """End a request whose client disconnected before its body arrived."""
    return Response(status_code=400)


async def _refuse_unsupported(request: Request, error: Exception) -> Response:
    """Answer a path or method without a route, in a form that every Supabase client can read."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 404 and request.url.path.startswith(_SUPABASE_PREFIXES):
        status = 501
    message = f"{request.method} {request.url.path} is not offered here. {_ALTERNATIVE}"
    return JSONResponse(
        {
            "code": "not_offered",
            "error": "not_offered",
            "error_code": "not_offered",
            "statusCode": str(status),
            "message": message,
            "msg": message,
            "hint": _ALTERNATIVE,
        },
        status,
    )


async def _report_internal_error(_request: Request, _error: Exception) -> Response:
    """Answer after an error of the server, which has logged the traceback."""
    return JSONResponse({"code": "unexpected", "message": "The embedded server failed."}, 500)
