"""Slow clients are dropped; those that wait for a long answer are not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from cogo.process.gateway import build_server_config
from gateway.limits.connection_limiter import ConnectionLimiter, get_client_address
from gateway.metrics import GatewayMetrics
from gateway.middleware import EdgeMiddleware
from gateway.options import GatewayOptions
from gateway.problems import Problem
from tests.support.eventually import eventually

SOON = timedelta(seconds=0.4)
LONG = timedelta(minutes=5)
PATIENT = {"header_timeout": LONG, "body_timeout": LONG, "read_timeout": LONG}
PIECE = b"x" * 65_536
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Application:
    """Reads bodies; streams for ever, or until it is told to end."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.ended = asyncio.Event()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/")
        async def read(request: Request) -> int:
            return len(await request.body())

        @app.get("/address")
        async def address(request: Request) -> str:
            return get_client_address(request.scope)

        app.mount("/flood", self._flood)
        app.mount("/slow", self._slow)
        return app

    async def _flood(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            if scope["type"] == "websocket":
                await send({"type": "websocket.accept"})
                while True:
                    await send({"type": "websocket.send", "bytes": PIECE})
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(10_000):
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                await asyncio.sleep(0)
        finally:
            self.ended.set()

    async def _slow(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await self.end.wait()
        await send({"type": "http.response.body", "body": b"ended"})


@asynccontextmanager
async def serving(application: Application, **changes: object) -> AsyncIterator[int]:
    """Serve on a free port; nothing is limited but what `changes` say."""
    options = GatewayOptions(is_loopback=True, **(PATIENT | changes))  # type: ignore[arg-type]
    edge = EdgeMiddleware(application.app(), options=options, metrics=GatewayMetrics())
    server = uvicorn.Server(build_server_config(edge, options))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listening]))
            await eventually(lambda: server.started)
            try:
                yield listening.getsockname()[1]
            finally:
                server.should_exit = server.force_exit = True


async def sent(port: int, text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    await writer.drain()
    return reader, writer


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send byte after byte until the other side has had enough."""
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(b"y")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await reader.read(1_000)
    writer.close()


@pytest.fixture
async def application() -> Application:
    return Application()


@pytest.mark.parametrize("begin", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_a_client_that_does_not_send_a_whole_header_is_dropped(
    application: Application, begin: str
) -> None:
    async with serving(application, header_timeout=SOON) as port:
        reader, writer = await sent(port, begin)
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_header_that_comes_byte_by_byte_is_not_given_more_time(
    application: Application,
) -> None:
    async with serving(application, header_timeout=SOON) as port:
        reader, writer = await sent(port, "GET / HTTP/1.1\r\nx-")
        await trickle(reader, writer)


async def test_a_body_that_trickles_is_refused_and_its_connection_closed(
    application: Application,
) -> None:
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    async with serving(application, body_timeout=SOON) as port:
        reader, writer = await sent(port, head)
        answer = await reader.read()  # to the end of the connection
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within" in answer


async def test_the_rest_of_a_body_that_nobody_wants_does_not_hold_a_connection(
    application: Application,
) -> None:
    head = "POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    async with serving(application, header_timeout=SOON) as port:
        reader, writer = await sent(port, head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
        await trickle(reader, writer)


@pytest.mark.parametrize("upgrade", [False, True], ids=["stream", "socket"])
async def test_a_client_that_does_not_read_is_dropped(
    application: Application, upgrade: bool
) -> None:
    request = "GET /flood/ HTTP/1.1\r\nHost: localhost\r\n"
    async with serving(application, read_timeout=SOON) as port:
        _, writer = await sent(port, request + (UPGRADE if upgrade else "") + "\r\n")
        await eventually(application.ended.is_set, within=30)
        writer.close()


async def test_a_client_that_waits_for_a_long_answer_is_not_dropped(
    application: Application,
) -> None:
    limits = {"header_timeout": SOON, "body_timeout": SOON, "read_timeout": SOON}
    async with serving(application, **limits) as port:
        waiting, writer = await sent(port, "GET /slow/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await waiting.readuntil(b"begun")
        other, idle = await sent(port, "GET / HT")
        await other.read()  # longer than all limits
        application.end.set()
        await waiting.readuntil(b"ended")
        writer.close()
        idle.close()


async def test_the_longest_waiting_of_an_address_make_room_for_new_connections(
    application: Application,
) -> None:
    async with serving(application, share=2) as port:
        held = [await sent(port, "GET / HT") for _ in range(3)]
        answer = await held[0][0].read()
        reader, writer = await sent(port, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
        for _, each in [*held, (reader, writer)]:
            each.close()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 2" in answer


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [((), "127.0.0.1"), (("10.0.0.1",), "127.0.0.1"), (("127.0.0.0/8",), "192.0.2.7")],
)
async def test_nobody_chooses_the_address_that_they_count_for_but_through_a_proxy_that_is_trusted(
    application: Application, proxies: tuple[str, ...], expected: str
) -> None:
    async with serving(application, proxies=proxies) as port:
        header = "Host: localhost\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close"
        reader, writer = await sent(port, f"GET /address HTTP/1.1\r\n{header}\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.endswith(f'"address:{expected}"'.encode())


def test_nobody_holds_more_than_a_share_and_what_is_given_back_can_be_taken_again() -> None:
    limiter = ConnectionLimiter(share=2)
    with limiter.acquire("address:1") as one, limiter.acquire("address:1") as two:
        assert limiter.is_exhausted("address:1")
        one.transfer_to("anna")
        two.transfer_to("anna")
        assert not limiter.is_exhausted("address:1")  # it is known whose they are
        with limiter.acquire("address:1") as three:
            with pytest.raises(Problem) as refused:
                three.transfer_to("anna")
            three.transfer_to("bela")

    assert refused.value.status_code == 429
    assert int(refused.value.headers["Retry-After"]) >= 1  # type: ignore[index]
    assert limiter.taken == 0
    assert not any(map(limiter.is_exhausted, ("anna", "bela", "address:1")))
