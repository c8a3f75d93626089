"""Servers that send exactly these bytes, on both event loops, and httpx's transport as a judge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
import uvloop

from protocol.transport.local_http import choose_transport

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OpenTransport = Callable[..., httpx.AsyncBaseTransport]
LARGE = bytes(range(256)) * 40_000
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests on the loop of tests and on that of agents."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def ours(url: str, limits: httpx.Limits = LIMITS) -> httpx.AsyncBaseTransport:
    """Return our transport."""
    transport = choose_transport(url, limits)
    assert transport is not None
    return transport


def theirs(_url: str, limits: httpx.Limits = LIMITS) -> httpx.AsyncBaseTransport:
    """Return httpx's."""
    return httpx.AsyncHTTPTransport(limits=limits)


@pytest.fixture(params=[ours, theirs])
def open_transport(request: pytest.FixtureRequest) -> OpenTransport:
    """Return one of the two: what is tested with it, both do alike."""
    opened: OpenTransport = request.param
    return opened


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Handle each connection with `handler`, which has its time until the end of the block."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        handling: list[asyncio.Task[None]] = []
        server = await asyncio.start_server(
            lambda reader, writer: handling.append(group.create_task(handle(reader, writer))),
            "127.0.0.1",
            0,
        )
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in handling:
                task.cancel()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head and the body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    if lengths:
        return head, await reader.readexactly(lengths[0])
    body = b""
    while b"transfer-encoding: chunked" in head.lower():
        size = int(await reader.readline(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            break
    return head, body


def an_answer(body: bytes, *headers: bytes) -> bytes:
    """Return an answer of a known length."""
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


def open_client(
    open_transport: OpenTransport, url: str, timeout: httpx.Timeout | float = 10
) -> httpx.AsyncClient:
    """Return a client with a transport of its own."""
    return httpx.AsyncClient(transport=open_transport(url), base_url=url, timeout=timeout)


class Recorder:
    """A server that gives each connection its answers, and counts."""

    def __init__(self, *answers: bytes, then_close: bool = False) -> None:
        self.answers = answers
        self.then_close = then_close
        self.connections = 0
        self.requests: list[tuple[bytes, bytes]] = []
        self.closed = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for answer in self.answers:
            self.requests.append(await read_request(reader))
            writer.write(answer)
            await writer.drain()
        if self.then_close:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()
        self.closed.set()
