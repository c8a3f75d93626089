"""The simulator on a port of the loopback interface."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_local_server, create_simulator
from simulator.request import Vendor
from simulator.response import ABORT, CLOSE

_SHUTDOWN_SECONDS: Final = 1.0
# Longer than any client keeps an idle connection, so that none is closed just as it is used again.
_KEEP_ALIVE_SECONDS: Final = 600

LONE_PORTS: Final = {
    Vendor.LLAMACPP: 8080,
    Vendor.LMSTUDIO: 1234,
    Vendor.MLX: 8080,
    Vendor.OLLAMA: 11434,
    Vendor.VLLM: 8000,
}
"""The usual ports of the servers of which each can be simulated alone."""


class _Protocol(H11Protocol):
    """Lets the application drop its connection, which plain ASGI cannot."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.app = _add_abort(self.app, transport)


def _add_abort(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def call_app(scope: Scope, receive: Receive, send: Send) -> None:
        own = {ABORT: transport.abort, CLOSE: transport.close}
        extensions = {**scope.get("extensions", {}), **own}
        await app({**scope, "extensions": extensions}, receive, send)

    return call_app


class _Server(uvicorn.Server):
    """Leaves signals to its caller, and stops without waiting for open responses."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.should_stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.should_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_SHUTDOWN_SECONDS)


@contextlib.asynccontextmanager
async def run_simulator(
    *, port: int = 0, speed: float = 1.0, alone: Vendor | None = None
) -> AsyncIterator[str]:
    """Serve a simulator on loopback and yield its URL.

    With `alone`, it is only this server of open-weight models; see `create_local_server`. Port 0
    picks a free one. Raise `OSError` if the port is in use. At the end of the block all connections
    are dropped, also in the middle of a response.
    """
    # Without the protocol's number asyncio leaves Nagle's delay on: 40 ms for each small chunk.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        config = uvicorn.Config(
            create_local_server(alone, speed=speed) if alone else create_simulator(speed=speed),
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
                server.should_stop.set()
        if failure is not None:
            raise failure
