"""What becomes of an answer, whole or in pieces: the same as with httpx's own transport."""

import asyncio
import gzip
from dataclasses import dataclass

import httpx
import pytest

from tests.contract.transport.local_http.conftest import (
    OpenTransport,
    an_answer,
    open_client,
    ours,
    read_request,
    serving,
)

PIECES = {"whole": 100_000, "bytes": 1, "parts": 20}


@dataclass(frozen=True)
class Seen:
    """What a client sees of an answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    reason: str = "OK"
    version: str = "HTTP/1.1"


GOOD = {
    "a length": (
        an_answer(b"hello", b"x-name: value"),
        Seen(200, b"hello", ((b"content-length", b"5"), (b"x-name", b"value"))),
    ),
    "nothing": (an_answer(b""), Seen(200, b"", ((b"content-length", b"0"),))),
    "an empty header, and one twice": (
        an_answer(b"", b"a:", b"b:  1 ", b"b: \xe9"),
        Seen(200, b"", ((b"content-length", b"0"), (b"a", b""), (b"b", b"1"), (b"b", b"\xe9"))),
    ),
    "chunks with extensions and trailers": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b'5;name="value"\r\nhello\r\n1\r\n!\r\n0\r\nx-trailer: ignored\r\n\r\n',
        Seen(200, b"hello!", ((b"transfer-encoding", b"chunked"),)),
    ),
    "interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + an_answer(b"final"),
        Seen(200, b"final", ((b"content-length", b"5"),)),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Seen(204, b"", (), "No Content")),
    "304 with a length": (
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        Seen(304, b"", ((b"content-length", b"9"),), "Not Modified"),
    ),
    "until the connection ends": (
        b"HTTP/1.1 200 OK\r\n\r\nall of it",
        Seen(200, b"all of it"),
    ),
    "HTTP/1.0": (
        b"HTTP/1.0 404 Where\r\nserver: old\r\n\r\nnone",
        Seen(404, b"none", ((b"server", b"old"),), "Where", "HTTP/1.0"),
    ),
    "no reason": (
        b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n",
        Seen(200, b"", ((b"content-length", b"0"),), ""),
    ),
    "compressed": (
        an_answer(gzip.compress(b"packed", mtime=0), b"content-encoding: gzip"),
        Seen(200, b"packed", ((b"content-length", b"26"), (b"content-encoding", b"gzip"))),
    ),
}

BAD = {
    "nothing at all": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "half a body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    "half of the chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "no size of a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\nhello\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nab",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000,
    "a head that is one line": b"HTTP/1.1 200 " + b"x" * 200_000,
}


@pytest.mark.parametrize("size", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize(("answer", "seen"), GOOD.values(), ids=GOOD)
async def test_an_answer_is_understood(
    answer: bytes, seen: Seen, size: int, open_transport: OpenTransport
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await send_in_pieces(writer, answer, size)

    async with serving(handle) as url, open_client(open_transport, url) as client:
        response = await client.post("/", content=b"question")

    assert seen == Seen(
        response.status_code,
        response.content,
        tuple((name.lower(), value) for name, value in response.headers.raw),
        response.reason_phrase,
        response.http_version,
    )


@pytest.mark.parametrize("size", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
async def test_what_is_no_answer_is_an_error_of_the_server(
    answer: bytes, size: int, open_transport: OpenTransport
) -> None:
    if size == 1 and len(answer) > 1000:
        pytest.skip("too many pieces")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await send_in_pieces(writer, answer, size if len(answer) < 1000 else 50_000)

    async with serving(handle) as url, open_client(open_transport, url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/", content=b"question")


async def test_an_answer_to_head_has_no_body(open_transport: OpenTransport) -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n")

    async with serving(handle) as url, open_client(open_transport, url) as client:
        for _ in range(2):
            response = await client.head("/")
            assert (response.content, response.headers["content-length"]) == (b"", "12")
    assert connections == 1


async def test_a_change_of_protocols_was_not_asked_for() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nbytes")

    async with serving(handle) as url, open_client(ours, url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")


async def send_in_pieces(writer: asyncio.StreamWriter, answer: bytes, size: int) -> None:
    for start in range(0, len(answer), size):
        writer.write(answer[start : start + size])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
