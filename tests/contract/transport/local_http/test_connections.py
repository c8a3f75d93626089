"""When connections are kept and closed, and what is sent over them."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from protocol.transport.local_http import choose_transport
from tests.contract.transport.local_http.conftest import (
    LARGE,
    LIMITS,
    OpenTransport,
    Recorder,
    an_answer,
    open_client,
    ours,
    read_request,
    serving,
)


async def test_a_connection_is_used_again(open_transport: OpenTransport) -> None:
    server = Recorder(*[an_answer(b"yes")] * 3)

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        for number in range(3):
            assert (await client.post(f"/{number}", content=b"body")).text == "yes"

    assert server.connections == 1
    assert [body for _, body in server.requests] == [b"body"] * 3


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(b"yes", b"connection: close"),
        an_answer(b"yes") + b"and more",
        an_answer(b"yes") + an_answer(b"another"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nyes",
    ],
    ids=["close", "more", "a second answer", "HTTP/1.0"],
)
async def test_a_connection_is_not_used_again_after(answer: bytes) -> None:
    server = Recorder(answer)

    async with serving(server.handle) as url, open_client(ours, url) as client:
        for _ in range(2):
            assert (await client.post("/", content=b"x")).text == "yes"

    assert server.connections == 2


async def test_a_connection_that_was_closed_while_idle_is_not_used(
    open_transport: OpenTransport,
) -> None:
    server = Recorder(an_answer(b"yes"), then_close=True)

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        for _ in range(3):
            assert (await client.post("/", content=b"x")).text == "yes"
            await server.closed.wait()
            server.closed.clear()

    assert server.connections == 3


@pytest.mark.parametrize(("method", "is_repeated"), [("GET", True), ("PUT", True), ("POST", False)])
async def test_a_request_without_an_answer_is_repeated_if_it_may_be(
    method: str, is_repeated: bool
) -> None:
    """The connection ends after the second request has been read: was it done?"""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader))[0])
        writer.write(an_answer(b"yes"))
        seen.append((await read_request(reader))[0])

    async with serving(handle) as url, open_client(ours, url) as client:
        await client.get("/")
        if is_repeated:
            assert (await client.request(method, "/", content=b"x")).text == "yes"
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.request(method, "/", content=b"x")

    assert len(seen) == 2 + is_repeated


async def test_a_request_with_half_an_answer_is_not_repeated() -> None:
    server = Recorder(an_answer(b"yes"), b"HTTP/1.1 200", then_close=True)

    async with serving(server.handle) as url, open_client(ours, url) as client:
        await client.get("/")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/")

    assert server.connections == 1


async def test_nobody_listens(open_transport: OpenTransport) -> None:
    async with open_client(open_transport, "http://127.0.0.1:9") as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/")


async def test_a_body_is_read_as_it_comes(open_transport: OpenTransport) -> None:
    went_on = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await went_on.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        await reader.read()

    async with (
        serving(handle) as url,
        open_client(open_transport, url) as client,
        client.stream("GET", "/") as response,
    ):
        parts = response.aiter_bytes()
        assert await anext(parts) == b"one"
        went_on.set()
        assert b"".join([part async for part in parts]) == b"two"


@pytest.mark.parametrize("headers", [{}, {"content-length": "6"}], ids=["chunked", "length"])
async def test_a_body_is_sent_as_it_comes(
    headers: dict[str, str], open_transport: OpenTransport
) -> None:
    server = Recorder(an_answer(b"yes"), an_answer(b"yes"))

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        for _ in range(2):
            response = await client.post(
                "/", content=in_parts(b"abc", b"", b"def"), headers=headers
            )
            assert response.text == "yes"

    assert [body for _, body in server.requests] == [b"abcdef"] * 2
    assert server.connections == 1


@pytest.mark.parametrize("length", ["5", "7"])
async def test_a_body_of_another_length_is_an_error_of_the_caller(length: str) -> None:
    server = Recorder(an_answer(b"yes"))

    async with serving(server.handle) as url, open_client(ours, url) as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.post(
                "/", content=in_parts(b"abc", b"def"), headers={"content-length": length}
            )


async def test_large_bodies_arrive_whole(open_transport: OpenTransport) -> None:
    server = Recorder(an_answer(b"yes"), an_answer(b"yes"))

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        await client.post("/", content=LARGE)
        await client.post("/", content=in_parts(*[LARGE[:100_000]] * 20))

    assert [body for _, body in server.requests] == [LARGE, LARGE[:100_000] * 20]


async def test_a_refusal_is_seen_before_the_body_is_sent() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await asyncio.Event().wait()

    async with serving(handle) as url, open_client(ours, url) as client:
        for body in (LARGE, in_parts(*[LARGE] * 3)):
            assert (await client.post("/", content=body)).status_code == 413


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"name": "one\r\ntwo: three"}),
        ("GET", {"name": "a\0b"}),
        ("GET", {"na me": "value"}),
        ("GET", {"": "value"}),
        ("GET / HTTP/1.1\r\nx:", {}),
    ],
)
async def test_no_request_smuggles_another(
    method: str, headers: dict[str, str], open_transport: OpenTransport
) -> None:
    server = Recorder(an_answer(b"yes"))

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.request(method, "/", headers=headers)

    assert not server.requests


async def test_no_more_than_the_limit_are_kept(open_transport: OpenTransport) -> None:
    server = Recorder(*[an_answer(b"yes")] * 9)

    async with serving(server.handle) as url:
        limits = httpx.Limits(max_keepalive_connections=1)
        async with httpx.AsyncClient(transport=open_transport(url, limits), base_url=url) as client:
            for expected in (3, 5):
                async with asyncio.TaskGroup() as group:
                    for _ in range(3):
                        group.create_task(client.get("/"))
                assert server.connections == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:5",
        "http://10.0.0.1",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "",
        "http://[",
    ],
)
def test_other_servers_are_left_to_httpx(url: str) -> None:
    assert choose_transport(url, LIMITS) is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5", "http://127.9.9.9", "http://localhost:5/path", "http://[::1]:5"]
)
async def test_servers_on_this_machine_are_ours(url: str) -> None:
    assert choose_transport(url, LIMITS) is not None


@pytest.mark.parametrize("url", ["https://127.0.0.1:5/", "http://127.0.0.1:6/", "http://10.0.0.1/"])
async def test_a_transport_is_for_one_server(url: str) -> None:
    async with open_client(ours, "http://127.0.0.1:5") as client:
        with pytest.raises(httpx.UnsupportedProtocol, match=re.escape(url)):
            await client.get(url)


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
