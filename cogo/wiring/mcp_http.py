"""MCP servers over HTTP: a client whose failures end a call, not the connection."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST

from agents.tools.mcp.limits import MIB, Allowance, McpLimits, TooMuch
from agents.tools.mcp.server import McpServer

_SERVER_ERRORS: Final = 500
_CLIENT_ERRORS: Final = 400
_MAX_ERROR_BYTES: Final = 64 * 1024
_MAX_QUOTED: Final = 300


class HttpServer:
    """The way to a server at a URL."""

    def __init__(self, server: McpServer, limits: McpLimits, allowance: Allowance) -> None:
        self._server = server
        self._limits = limits
        self._allowance = allowance
        self.problem: str | None = None
        """Why its messages have ended, when they have."""

    def open(self) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        """Yield the messages from the server and to it; nothing is sent yet."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Any, Any]]:
        # A call has a time limit of its own.
        timeout = httpx2.Timeout(None, connect=self._limits.start_seconds)
        headers = {**self._server.headers, "Accept-Encoding": "identity"}
        async with (
            _Client(self._limits, self._allowance, headers=headers, timeout=timeout) as client,
            streamable_http_client(
                self._server.url or "",
                http_client=client,
                max_sse_event_size=self._limits.message_bytes,
            ) as streams,
        ):
            yield streams


class _Client(httpx2.AsyncClient):
    """Turns failures into answers, as the transport ends at the first exception."""

    def __init__(self, limits: McpLimits, allowance: Allowance, **options: Any) -> None:
        super().__init__(**options)
        self._limits = limits
        self._allowance = allowance

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request and return the response, limited and with the failures explained."""
        # The end of a session is a courtesy; everything else has time limits of its own.
        patience = self._limits.end_seconds if request.method == "DELETE" else None
        try:
            async with asyncio.timeout(patience):
                response = await super().send(request, **options)
        except TimeoutError:
            return _build_answer(request, CONNECTION_CLOSED, "it has not answered in time")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            return _build_answer(request, INVALID_REQUEST, f"no connection: {_describe(error)}")
        except httpx2.TransportError as error:
            return _build_answer(request, CONNECTION_CLOSED, _describe(error))
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            return _build_answer(request, CONNECTION_CLOSED, "it sends compressed answers")
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        most = None if is_stream else self._limits.message_bytes
        response.stream = _Limited(response.stream, most, self._allowance)
        if response.status_code < _CLIENT_ERRORS or request.method != "POST":
            return response
        return await _explain_error(request, response)


class _Limited(httpx2.AsyncByteStream):
    """A body, counted; what goes wrong while it is read is an error of the stream."""

    def __init__(self, source: Any, most: int | None, allowance: Allowance) -> None:
        self._source = source
        self._most = most
        self._allowance = allowance

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._source:
                self._allowance.take(size=len(chunk))
                self._check(size := size + len(chunk))
                yield chunk
        except TooMuch as error:
            raise httpx2.StreamError(str(error)) from error
        except httpx2.TransportError as error:
            raise httpx2.StreamError(_describe(error)) from error

    async def aclose(self) -> None:
        await self._source.aclose()

    def _check(self, size: int) -> None:
        if self._most is not None and size > self._most:
            raise TooMuch(f"it sent a message of more than {self._most / MIB:g} MiB")


async def _explain_error(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """Return an error of HTTP as one of the protocol."""
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ERROR_BYTES:
                break
    except httpx2.StreamError:
        pass
    finally:
        await response.aclose()
    status = response.status_code
    try:
        error = json.loads(body)["error"]
        code, text, data = int(error["code"]), str(error["message"]), error.get("data")
    except (ValueError, KeyError, TypeError, RecursionError):
        code = CONNECTION_CLOSED if status >= _SERVER_ERRORS else INVALID_REQUEST
        quoted = " ".join(body[:_MAX_QUOTED].decode("utf-8", "replace").split())
        text = f"HTTP {status} {response.reason_phrase}".strip()
        text += f": {quoted}" if quoted and not quoted.startswith("<") else ""
        data = None
    return _build_answer(request, code, text, status=status, data=data)


def _build_answer(
    request: httpx2.Request, code: int, message: str, *, status: int = 502, data: Any = None
) -> httpx2.Response:
    """Return a response with an error of the protocol; its data tell the status."""
    known = data if isinstance(data, dict) else {}
    error = {"code": code, "message": message, "data": {**known, "status": status}}
    content = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    headers = {"Content-Type": "application/json"}
    return httpx2.Response(status, headers=headers, content=content, request=request)


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
