"""Fetching from servers that may be hostile."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import pytest

from agents.fetching import AllowList, Fetcher, FetchFailed, FetchLimits, FetchRefused
from agents.fetching.allow_list import Address
from tests.support.servers.raw_http import RawHttpServer, build_answer, serve_raw

LIMITS = FetchLimits(content_bytes=10_000, seconds=60)


@pytest.fixture
async def server() -> AsyncIterator[RawHttpServer]:
    async with serve_raw() as it:
        yield it


def build_fetcher(server: RawHttpServer) -> Fetcher:
    return Fetcher(AllowList.parse([server.entry]))


async def test_a_page_is_fetched_without_cookies_and_credentials(server: RawHttpServer) -> None:
    page = build_answer(b"<p>hello", "Content-Type: Text/HTML; charset=UTF-8", "Set-Cookie: a=b")
    server.answers["/next"] = page
    server.answers["/first?q=1"] = build_answer(
        b"", "Location: /next", "Set-Cookie: a=b", status="302 Found"
    )

    found = await build_fetcher(server).fetch(server.url("/first?q=1#part"), limits=LIMITS)

    assert (found.media_type, found.charset, found.content) == ("text/html", "utf-8", b"<p>hello")
    assert found.url == server.url("/next")
    sent = "".join(server.requests).lower()
    assert "accept-encoding: identity" in sent
    assert "cookie" not in sent
    assert "authorization" not in sent
    assert f"host: 127.0.0.1:{server.port}" in sent


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://example.com/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "http://[::1]/",
        "//evil.net/",
        "http://2130706433/",
        "http://0x7f000001/",
        "gopher://127.0.0.1:25/",
        "http://u:p@127.0.0.1/",
        "http://[",
    ],
)
async def test_every_redirect_is_checked_anew(server: RawHttpServer, location: str) -> None:
    server.answers["/"] = build_answer(b"", f"Location: {location}", status="301 Moved")

    with pytest.raises(FetchRefused):
        await build_fetcher(server).fetch(server.url(), limits=LIMITS)
    assert len(server.requests) == 1


async def test_endless_redirects_end(server: RawHttpServer) -> None:
    server.answers["/"] = build_answer(b"", "Location: /", status="302 Found")

    with pytest.raises(FetchRefused, match="redirects more than 5 times"):
        await build_fetcher(server).fetch(server.url(), limits=LIMITS)
    assert len(server.requests) == 6


@pytest.mark.parametrize("host", ["name.example", "2130706433", "0x7f.0.0.1", "127.1"])
async def test_a_name_that_leads_to_loopback_is_not_connected_to(
    server: RawHttpServer, host: str
) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.1")]

    allow = AllowList.parse(["name.example:8443"])
    target = f"https://{host}:8443/"
    with pytest.raises(FetchRefused):
        await Fetcher(allow, resolve=resolve).fetch(target, limits=LIMITS)


async def test_a_name_is_resolved_once_and_all_its_addresses_are_checked() -> None:
    answers = [["93.184.215.14", "127.0.0.1"], ["93.184.215.14"]]

    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address(each) for each in answers.pop(0)]

    fetcher = Fetcher(AllowList.parse(["name.example"]), resolve=resolve)
    with pytest.raises(FetchRefused, match=r"name.example is 127.0.0.1"):
        await fetcher.fetch("https://name.example/", limits=LIMITS)
    assert len(answers) == 1


async def test_the_connection_goes_to_the_address_that_was_checked(server: RawHttpServer) -> None:
    """The name has no address outside of this test."""
    asked = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append((host, port))
        return [ip_address("127.0.0.1")]

    server.answers["/"] = build_answer(b"hello")
    fetcher = Fetcher(AllowList.parse([f"localhost:{server.port}"]), resolve=resolve)

    found = await fetcher.fetch(f"http://localhost:{server.port}/", limits=LIMITS)

    assert found.content == b"hello"
    assert asked == [("localhost", server.port)]


async def test_a_name_without_address_may_be_tried_later() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[Address]:
        raise OSError(-2, "Name or service not known")

    fetcher = Fetcher(AllowList.parse(["name.example"]), resolve=resolve)
    with pytest.raises(FetchFailed, match="its name has no address"):
        await fetcher.fetch("https://name.example/", limits=LIMITS)


async def test_an_endless_body_is_cut_off(server: RawHttpServer) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 4_000)
            await writer.drain()

    server.answers["/"] = flood
    with pytest.raises(FetchRefused, match="larger than 10,000 bytes"):
        await build_fetcher(server).fetch(server.url(), limits=LIMITS)


async def test_endless_answers_before_the_answer_end_in_time(server: RawHttpServer) -> None:
    async def hint(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            await writer.drain()

    server.answers["/"] = hint
    limits = FetchLimits(content_bytes=100, seconds=0.2)
    with pytest.raises(FetchFailed, match=r"within 0.2 s"):
        await build_fetcher(server).fetch(server.url(), limits=limits)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nx"])
async def test_a_body_that_does_not_come_ends_in_time(server: RawHttpServer, start: bytes) -> None:
    async def stall(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        await asyncio.Event().wait()

    server.answers["/"] = stall
    limits = FetchLimits(content_bytes=100, seconds=0.2)
    with pytest.raises(FetchFailed, match=r"within 0.2 s"):
        await build_fetcher(server).fetch(server.url(), limits=limits)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", FetchFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx", FetchFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", FetchFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", FetchRefused),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx", FetchFailed),
        (b"no HTTP at all\r\n\r\n", FetchFailed),
        (b"", FetchFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\nx", FetchFailed),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", FetchFailed),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000 + b"\r\n\r\n", FetchFailed),
        (build_answer(b"", status="404 Not Found"), FetchRefused),
        (build_answer(b"", status="503 Busy"), FetchFailed),
        (build_answer(b"", status="302 Found"), FetchRefused),
        (build_answer(gzip.compress(b"0" * 1_000_000), "Content-Encoding: gzip"), FetchRefused),
    ],
)
async def test_wrong_answers_are_errors(
    server: RawHttpServer, answer: bytes, problem: type[Exception]
) -> None:
    server.answers["/"] = answer

    with pytest.raises(problem, match=r"127\.0\.0\.1"):
        await build_fetcher(server).fetch(server.url(), limits=LIMITS)


async def test_a_proxy_gets_the_name_and_no_credentials_of_ours(server: RawHttpServer) -> None:
    proxy = f"http://user:pass@127.0.0.1:{server.port}"
    server.answers["name.example:443"] = build_answer(b"", status="407 Proxy")
    fetcher = Fetcher(AllowList.parse(["name.example"]), find_proxy=lambda *_: proxy)

    with pytest.raises(FetchFailed, match="407"):
        await fetcher.fetch("https://name.example/", limits=LIMITS)
    assert server.requests[0].startswith("CONNECT name.example:443 HTTP/1.1")
    assert "Proxy-Authorization: Basic" in server.requests[0]
