"""Transport of httpx for plain HTTP on this machine, at a fraction of the CPU time of its own.

A call of the embedded server costs httpx's own transport about as much as the server: two writes,
several reads, each with a timeout of its own, locks, and a trace of every step. Here a request is
one write, and its answer usually one read.
"""

import asyncio
import ipaddress
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import httpx

from protocol.transport.local_connection import LocalConnection, encode_head

_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods whose requests may be sent twice (RFC 9110, 9.2.2)."""
_DEFAULT_PORT: Final = 80
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)
"""Those of httpx."""

_OF_CALLS: Final = frozenset({"auth", "content", "headers", "params"})
_parse_url: Final = lru_cache(maxsize=256)(httpx.URL)

Seconds = Mapping[str, float | None]


def choose_transport(url: str, limits: httpx.Limits = _LIMITS) -> "LocalTransport | None":
    """Return the transport for a server: ours if it speaks plain HTTP on a loopback address.

    None stands for httpx's own, and for the proxies of the environment.
    """
    try:
        parsed = httpx.URL(url)
        is_loopback = parsed.host == "localhost" or ipaddress.ip_address(parsed.host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return None
    if parsed.scheme != "http" or not is_loopback:
        return None
    return LocalTransport(parsed.host, parsed.port or _DEFAULT_PORT, limits)


class LocalTransport(httpx.AsyncBaseTransport):
    """Pool of connections to one server on this machine. One per event loop.

    A request whose connection turns out to be closed is sent again on another one, if no byte of an
    answer has arrived and its method allows that.
    """

    def __init__(self, host: str, port: int, limits: httpx.Limits) -> None:
        self._host, self._port = host, port
        self._slots = asyncio.Semaphore(limits.max_connections or sys.maxsize)
        most_idle = limits.max_keepalive_connections
        self._most_idle = sys.maxsize if most_idle is None else most_idle
        self._idle_seconds = limits.keepalive_expiry
        self._is_closed = False
        self._connections: set[LocalConnection] = set()
        self._idle: deque[LocalConnection] = deque()
        """The one that was used last at the end."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer."""
        url = request.url
        if url.scheme != "http" or (url.host, url.port or _DEFAULT_PORT) != (
            self._host,
            self._port,
        ):
            raise httpx.UnsupportedProtocol(f"{url} is not of this server")
        head = encode_head(request)
        seconds: Seconds = request.extensions.get("timeout", {})
        await self._take_slot(seconds.get("pool"))
        try:
            connection = await self._send(request, head, seconds)
        except BaseException:
            self._slots.release()
            raise
        if connection.is_complete:
            response = connection.build_response()
            self._put_back(connection)
            return response
        return connection.build_response(_Body(connection, seconds.get("read"), self._put_back))

    async def aclose(self) -> None:
        """Close all connections, and wait until they are closed."""
        self._is_closed = True
        connections = tuple(self._connections)
        for connection in connections:
            connection.abort()
        if connections:
            await asyncio.wait([each.lost for each in connections])

    async def _take_slot(self, seconds: float | None) -> None:
        if not self._slots.locked():
            await self._slots.acquire()  # returns at once
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("all connections are in use") from error

    async def _send(self, request: httpx.Request, head: bytes, seconds: Seconds) -> LocalConnection:
        """Send a request and return the connection, on which the head of the answer has arrived."""
        while True:
            kept = self._take_idle()
            connection = kept or await self._connect(seconds.get("connect"))
            try:
                await connection.send(head, request, seconds.get("write"))
                await connection.read_head(seconds.get("read"))
            except (httpx.ReadError, httpx.RemoteProtocolError):
                connection.abort()
                is_stale = kept is not None and not connection.is_answered
                if self._is_closed or not is_stale or not _may_repeat(request):
                    raise
            except BaseException:
                connection.abort()
                raise
            else:
                return connection

    async def _connect(self, seconds: float | None) -> LocalConnection:
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: LocalConnection(self._forget), self._host, self._port
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {seconds:g} s") from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        self._connections.add(connection)
        if self._is_closed:
            connection.abort()
        return connection

    def _take_idle(self) -> LocalConnection | None:
        """Return the connection that was used last, if it is still open."""
        while self._idle:
            connection = self._idle.pop()
            if not self._is_expired(connection) and connection.is_usable:
                return connection
            connection.abort()
        return None

    def _put_back(self, connection: LocalConnection) -> None:
        """End the use of a connection, and keep it if it can be used again."""
        self._slots.release()
        if not connection.finish() or len(self._idle) >= self._most_idle:
            connection.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        while self._idle and self._is_expired(self._idle[0]):
            self._idle.popleft().abort()

    def _is_expired(self, connection: LocalConnection) -> bool:
        idle = asyncio.get_running_loop().time() - connection.idle_since
        return self._idle_seconds is not None and idle > self._idle_seconds

    def _forget(self, connection: LocalConnection) -> None:
        self._connections.discard(connection)


class LocalClient(httpx.AsyncClient):
    """Client of one server, which hands the calls of the official clients to the transport.

    httpx would merge headers, parse the address three times, and look for cookies, redirects and
    challenges, which a call of a function has none of.
    """

    def __init__(self, transport: LocalTransport, timeout: httpx.Timeout) -> None:
        super().__init__(transport=transport, timeout=timeout)
        self._local = transport

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """Send a request; one that is more than headers and a body of bytes goes through httpx."""
        content, headers = options.get("content"), options.get("headers")
        has_more = options.keys() - _OF_CALLS or options.get("params") or options.get("auth")
        if has_more or not isinstance(content, bytes) or not isinstance(headers, httpx.Headers):
            return await super().request(method, url, **options)
        target = _parse_url(str(url))
        sent = headers.raw
        given = {name.lower() for name, _ in sent}
        length = (b"Content-Length", b"%d" % len(content))
        defaults = (b"Host", target.netloc), *self.headers.raw, length
        request = httpx.Request(
            method,
            target,
            headers=[pair for pair in defaults if pair[0].lower() not in given] + sent,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self.timeout.as_dict()},
        )
        request.read()
        response = await self._local.handle_async_request(request)
        response.request = request
        await response.aread()
        return response


class _Body(httpx.AsyncByteStream):
    """A body that had not arrived with the head; httpx closes it at its end, or before."""

    def __init__(
        self,
        connection: LocalConnection,
        seconds: float | None,
        on_close: Callable[[LocalConnection], None],
    ) -> None:
        self._connection = connection
        self._seconds = seconds
        self._on_close: Callable[[LocalConnection], None] | None = on_close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._connection.read_body(self._seconds):
            yield chunk

    async def aclose(self) -> None:
        """Return the connection, or close it if the body was not read to its end."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self._connection)


def _may_repeat(request: httpx.Request) -> bool:
    return request.method in _REPEATABLE and isinstance(request.stream, httpx.ByteStream)
