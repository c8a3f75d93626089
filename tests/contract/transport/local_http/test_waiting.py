"""What a client waits for, how long, and what becomes of the connection."""

import asyncio
import re

import httpx
import pytest

from tests.contract.transport.local_http.conftest import (
    LARGE,
    OpenTransport,
    Recorder,
    an_answer,
    open_client,
    ours,
    read_request,
    serving,
)


async def test_a_server_that_is_silent_is_given_up(open_transport: OpenTransport) -> None:
    server = Recorder(b"HTTP/1.1 200 OK\r\n")
    timeout = httpx.Timeout(5, read=0.05)

    async with serving(server.handle) as url, open_client(open_transport, url, timeout) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/")
        async with asyncio.timeout(5):
            await server.closed.wait()


async def test_a_slow_answer_is_waited_for_as_long_as_it_goes_on(
    open_transport: OpenTransport,
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in re.findall(b".{5}|.+", an_answer(b"slow"), re.DOTALL):
            await asyncio.sleep(0.15)
            writer.write(part)

    timeout = httpx.Timeout(5, read=1)
    async with serving(handle) as url, open_client(open_transport, url, timeout) as client:
        assert (await client.get("/")).text == "slow"


async def test_a_body_that_stops_is_given_up(open_transport: OpenTransport) -> None:
    server = Recorder(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    timeout = httpx.Timeout(5, read=0.05)

    async with serving(server.handle) as url, open_client(open_transport, url, timeout) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/")


async def test_a_server_that_does_not_read_is_given_up(open_transport: OpenTransport) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    timeout = httpx.Timeout(5, write=0.05)
    async with serving(handle) as url, open_client(open_transport, url, timeout) as client:
        with pytest.raises(httpx.WriteTimeout):
            await client.post("/", content=LARGE)


async def test_a_request_waits_for_a_connection_of_the_pool(open_transport: OpenTransport) -> None:
    released = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await released.wait()
            writer.write(an_answer(b"yes"))

    async with serving(handle) as url:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        async with (
            httpx.AsyncClient(
                transport=open_transport(url, limits),
                base_url=url,
                timeout=httpx.Timeout(5, pool=0.05),
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            first = group.create_task(client.get("/"))
            await asyncio.sleep(0.01)
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/")
            waiting = group.create_task(client.get("/", timeout=5))
            await asyncio.sleep(0.01)
            released.set()
    assert [each.result().text for each in (first, waiting)] == ["yes", "yes"]


async def test_a_cancelled_request_closes_its_connection(open_transport: OpenTransport) -> None:
    server = Recorder(b"")

    async with serving(server.handle) as url, open_client(open_transport, url) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get("/")
        async with asyncio.timeout(5):
            await server.closed.wait()
    assert len(server.requests) == 1


async def test_after_errors_and_cancellations_all_connections_can_be_used() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        if b"/silent" in head:
            await reader.read()
        elif b"/stream" in head:
            writer.write(an_answer(b"x" * 9)[:-3])
            await reader.read()
        elif b"/good" in head:
            writer.write(an_answer(b"yes"))

    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    async with (
        serving(handle) as url,
        httpx.AsyncClient(transport=ours(url, limits), base_url=url, timeout=5) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/closed")
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/silent", timeout=0.02)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await client.get("/silent")
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/good", headers={"a": "b\r\nc: d"})
        async with client.stream("GET", "/stream") as response:
            assert response.status_code == 200
        assert (await client.get("/good", timeout=httpx.Timeout(5, pool=0.1))).text == "yes"


async def test_a_large_answer_waits_in_the_socket_until_it_is_read(
    open_transport: OpenTransport,
) -> None:
    sent = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(an_answer(LARGE))
            await writer.drain()
            sent.set()

    async with serving(handle) as url, open_client(open_transport, url) as client:
        async with client.stream("GET", "/") as response:
            await asyncio.sleep(0.1)
            assert not sent.is_set()
            assert await response.aread() == LARGE
        assert (await client.get("/")).content == LARGE


async def test_a_client_that_closes_has_closed_its_connections() -> None:
    """A server of the same loop that waits for them would hang otherwise."""
    is_lost = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        is_lost.set()

    async with serving(handle) as url, asyncio.timeout(5):
        client = open_client(ours, url)
        async with asyncio.TaskGroup() as group:
            pending = group.create_task(fail(client))
            await asyncio.sleep(0.02)
            await client.aclose()
        await is_lost.wait()
    assert "disconnected" in pending.result()


async def fail(client: httpx.AsyncClient) -> str:
    with pytest.raises(httpx.RemoteProtocolError) as raised:
        await client.get("/")
    return str(raised.value)


async def test_idle_connections_expire(open_transport: OpenTransport) -> None:
    server = Recorder(an_answer(b"yes"), an_answer(b"yes"))

    async with serving(server.handle) as url:
        limits = httpx.Limits(keepalive_expiry=0.01)
        async with httpx.AsyncClient(transport=open_transport(url, limits), base_url=url) as client:
            await client.get("/")
            await asyncio.sleep(0.05)
            await client.get("/")

    assert server.connections == 2
