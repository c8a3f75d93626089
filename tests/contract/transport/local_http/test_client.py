"""What the official clients ask for reaches the server as httpx would send it."""

import gzip
from typing import Any

import httpx
import pytest

from protocol.transport.local_http import LocalClient, LocalTransport
from tests.contract.transport.local_http.conftest import Recorder, an_answer, ours, serving

HEADERS = httpx.Headers({"apiKey": "key", "Accept": "application/json", "Prefer": "count=exact"})
CALL: dict[str, Any] = {
    "content": b'{"p_a": 1}',
    "headers": HEADERS,
    "params": httpx.QueryParams(),
    "auth": None,
}


def open_ours(url: str) -> httpx.AsyncClient:
    transport = ours(url)
    assert isinstance(transport, LocalTransport)
    return LocalClient(transport, httpx.Timeout(5))


def open_theirs(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=5)


@pytest.mark.parametrize(
    "options",
    [
        CALL,
        CALL | {"content": b""},
        CALL | {"headers": httpx.Headers({"Host": "name", "User-Agent": "mine"})},
        CALL | {"headers": httpx.Headers()},
        CALL | {"params": httpx.QueryParams({"select": "a,b"})},
        CALL | {"auth": httpx.BasicAuth("name", "secret")},
        CALL | {"headers": {"apikey": "key"}},
        CALL | {"content": None},
        {"json": {"a": 1}, "cookies": {"name": "value"}},
        {"data": {"a": "1"}, "files": {"file": b"content"}, "headers": {"x": "y"}},
    ],
    ids=[
        "call",
        "empty",
        "own host",
        "no headers",
        "parameters",
        "credentials",
        "other headers",
        "no body",
        "JSON",
        "files",
    ],
)
@pytest.mark.filterwarnings("ignore:Setting per-request cookies:DeprecationWarning")
async def test_a_request_is_the_same(options: dict[str, Any]) -> None:
    seen = []
    for open_client in (open_ours, open_theirs):
        server = Recorder(an_answer(b"yes"))
        async with serving(server.handle) as url, open_client(url) as client:
            response = await client.request("POST", f"{url}/rest/v1/rpc/a%20b", **options)
            assert (response.text, response.request.method) == ("yes", "POST")
            assert response.request.url == response.url
        [(head, body)] = server.requests
        line, *headers = head.split(b"\r\n")
        port = url.rpartition(":")[2].encode()
        boundary = head.partition(b"boundary=")[2].partition(b"\r\n")[0] or b"none"
        sent = sorted(each.replace(port, b"1").replace(boundary, b"") for each in headers)
        seen.append((line, sent, body.replace(boundary, b"")))

    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(b'{"a": 1}', b"content-type: application/json", b"set-cookie: a=b"),
        an_answer(gzip.compress(b"packed", mtime=0), b"content-encoding: gzip"),
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone",
        b"HTTP/1.1 307 Moved\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_an_answer_is_the_same(answer: bytes) -> None:
    seen = []
    for open_client in (open_ours, open_theirs):
        server = Recorder(answer)
        async with serving(server.handle) as url, open_client(url) as client:
            response = await client.request("POST", f"{url}/", **CALL)
            seen.append((response.status_code, response.content, response.headers.raw))
            assert response.is_closed
            assert len(server.requests) == 1

    assert seen[0] == seen[1]


async def test_a_body_that_cannot_be_read_is_an_error() -> None:
    server = Recorder(an_answer(b"gzip?", b"content-encoding: gzip"))
    async with serving(server.handle) as url, open_ours(url) as client:
        with pytest.raises(httpx.DecodingError):
            await client.request("POST", f"{url}/", **CALL)
