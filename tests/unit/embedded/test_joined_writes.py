"""Responses and frames leave in one write, and nothing is lost when the connection closes."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from embedded.joined_writes import JoiningHttpProtocol
from tests.support.eventually import eventually


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
    )
    await send({"type": "http.response.body", "body": b"hello"})


def connect() -> tuple[JoiningHttpProtocol, Transport]:
    config = uvicorn.Config(answer, lifespan="off", log_config=None, ws="none")
    config.load()
    protocol, transport = JoiningHttpProtocol(config, ServerState(), {}), Transport()
    protocol.connection_made(transport)
    return protocol, transport


async def test_head_and_body_are_one_write() -> None:
    protocol, transport = connect()

    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await eventually(lambda: transport.written, every=0)

    [written] = transport.written
    assert written.startswith(b"HTTP/1.1 200 OK")
    assert written.endswith(b"\r\n\r\nhello")
    protocol.connection_lost(None)


async def test_what_was_written_is_sent_before_the_connection_closes() -> None:
    protocol, transport = connect()

    protocol.data_received(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    await eventually(lambda: transport.is_closed, every=0)

    assert b"".join(transport.written).endswith(b"\r\n\r\nhello")
    protocol.connection_lost(None)


async def test_nothing_is_written_to_a_connection_that_has_closed() -> None:
    protocol, transport = connect()

    protocol.transport.write(b"late")
    transport.is_closed = True
    await asyncio.sleep(0)

    assert not transport.written
    protocol.connection_lost(None)
