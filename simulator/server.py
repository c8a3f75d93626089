"""The simulator on a port of the loopback interface."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_simulator
from simulator.response import ABORT

_FAREWELL_SECONDS: Final = 1.0
# Longer than any client keeps an idle connection, so that none is closed just as it is used again.
_KEEP_ALIVE_SECONDS: Final = 600


class _Protocol(H11Protocol):
    """Gives the application the means to drop its connection, which ASGI does not have."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.app = _with_abort(self.app, transport)


def _with_abort(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), ABORT: transport.abort}
        await app({**scope, "extensions": extensions}, receive, send)

    return wrapped


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it, and ends at once, whatever is being said."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_FAREWELL_SECONDS)


@contextlib.asynccontextmanager
async def running_simulator(*, port: int = 0, speed: float = 1.0) -> AsyncIterator[str]:
    """Serve a simulator on loopback for the length of the block; yields its URL.

    Port 0 takes a free one. Raises OSError when the port is in use. At the end of the block,
    connections are dropped at once, whatever was being said on them.
    """
    # Without the protocol's number asyncio leaves Nagle's delay on: 40 ms for each small chunk.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        config = uvicorn.Config(
            create_simulator(speed=speed),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        server = _Server(config)
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]), name="vendor simulator")
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            except Exception as error:  # the block's own, which a task group would wrap
                failure = error
            finally:
                server.leave.set()
        if failure is not None:
            raise failure
