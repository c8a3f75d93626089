"""One request for a URL, its redirects and its body, within limits."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from ipaddress import ip_address
from typing import Any, Final

import httpcore2
import httpx2

from agents.fetching.allow_list import Address, AllowList, FetchTarget
from agents.fetching.errors import FetchFailed, FetchRefused

USER_AGENT: Final = "cogo"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERRORS: Final = 500
_TRANSPORT_ERRORS: Final = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError,
    httpcore2.TimeoutException,
)  # fmt: skip
_DEFAULT_TYPE: Final = "application/octet-stream"

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
FindProxy = Callable[[str, str], str | None]
"""Returns the URL of the proxy for a scheme and a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much a fetch may take, with all redirects."""

    content_bytes: int
    seconds: float = 30.0
    redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a URL led to."""

    url: str
    """After redirects."""
    media_type: str
    """As the server declares it, in lower case and without parameters."""
    charset: str | None
    content: bytes


async def resolve_host(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(each[4][0]) for each in found))


def use_no_proxy(_scheme: str, _host: str) -> str | None:
    """Return that no host is reached by a proxy."""
    return None


class Fetcher:
    """Fetches URLs of an allow list, without cookies and credentials.

    A name is resolved once for each request, and the connection goes to an address that was
    checked. Where a proxy is used, the proxy resolves names: which addresses it reaches is up to
    it, and only names are checked here.
    """

    def __init__(
        self,
        allow: AllowList,
        *,
        find_proxy: FindProxy = use_no_proxy,
        resolve: Resolve = resolve_host,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.allow = allow
        self._find_proxy = find_proxy
        self._resolve = resolve
        self._ssl_context = ssl_context

    async def fetch(self, url: str, *, limits: FetchLimits, accept: str = "*/*") -> Fetched:
        """Return what a URL leads to. Raises FetchRefused or FetchFailed."""
        target = self.allow.check_url(url)
        try:
            async with asyncio.timeout(limits.seconds):
                for _ in range(limits.redirects + 1):
                    found = await self._request(target, limits, accept)
                    if isinstance(found, Fetched):
                        return found
                    target = self.allow.check_url(found)
        except TimeoutError:
            raise FetchFailed(
                f"{target.host} has not answered in full within {limits.seconds:g} s"
            ) from None
        raise FetchRefused(f"{target.host} redirects more than {limits.redirects} times")

    async def _request(
        self, target: FetchTarget, limits: FetchLimits, accept: str
    ) -> Fetched | str:
        """Return the answer to one request, or the URL to which it redirects."""
        headers: dict[bytes | str, bytes | str] = {
            "Host": target.url.netloc.decode("ascii"),
            "Accept": accept,
            # A few compressed bytes could become many.
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.url.raw_path
        )
        try:
            async with (
                await self._open_pool(target) as pool,
                pool.stream("GET", url, headers=headers) as response,
            ):
                return await _read(response, target, limits)
        except _TRANSPORT_ERRORS as error:
            raise FetchFailed(f"{target.host}: {str(error) or type(error).__name__}") from error

    async def _open_pool(self, target: FetchTarget) -> httpcore2.AsyncConnectionPool:
        if self._ssl_context is None:
            self._ssl_context = await asyncio.to_thread(httpx2.create_ssl_context)
        proxy = self._find_proxy(target.scheme, target.host)
        if proxy is None:
            backend = _CheckedBackend(target, self.allow, self._resolve)
            return httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context, network_backend=backend
            )
        given = httpx2.Proxy(proxy)
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._ssl_context,
            proxy=httpcore2.Proxy(url=str(given.url), auth=given.raw_auth),
        )


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses of a host that are allowed."""

    def __init__(self, target: FetchTarget, allow: AllowList, resolve: Resolve) -> None:
        self._target = target
        self._allow = allow
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - of the interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve the host and connect to it."""
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"its name has no address: {error.strerror}") from error
        for each in addresses:
            self._allow.check_address(self._target, each)
        problem: Exception = httpcore2.ConnectError("its name has no address")
        for each in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(each), port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                problem = error
        raise problem


async def _read(
    response: httpcore2.Response, target: FetchTarget, limits: FetchLimits
) -> Fetched | str:
    """Return a response, or the URL to which it redirects."""
    headers = httpx2.Headers(response.headers)
    if response.status in _REDIRECTS and "location" in headers:
        return _join(target, headers["location"])
    if response.status != httpx2.codes.OK:
        text = f"{target.host} answered with HTTP {response.status}"
        is_later = response.status in _LATER or response.status >= _SERVER_ERRORS
        raise FetchFailed(text) if is_later else FetchRefused(text)
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise FetchRefused(f"{target.host} sends compressed content, which is not read")
    most = limits.content_bytes
    too_large = FetchRefused(f"what {target.host} sends is larger than {most:,} bytes")
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > most:
        raise too_large
    content = bytearray()
    async for chunk in response.aiter_stream():
        content += chunk
        if len(content) > most:
            raise too_large
    declared = Message()
    declared["Content-Type"] = headers.get("content-type", _DEFAULT_TYPE)
    return Fetched(
        url=str(target.url),
        media_type=declared.get_content_type(),
        charset=declared.get_content_charset(),
        content=bytes(content),
    )


def _join(target: FetchTarget, location: str) -> str:
    try:
        return str(target.url.join(location))
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchRefused(f"{target.host} redirects to what is no URL: {error}") from error
