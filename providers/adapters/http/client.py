"""Vendors that we speak to without an SDK of theirs: plain HTTP on the stack of the other SDKs.

Why there are such is in docs/adr/0005-gemini-and-cohere-without-their-sdks.md.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from pydantic import SecretStr

from providers.adapters.http.body_limits import body_limits, no_longer_than
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, from_status, from_transport
from providers.adapters.payload import read_json
from providers.chat import JsonObject
from providers.errors import CallFailed, MalformedResponse, TimedOut, TimeoutPhase

__all__ = ["NativeClient", "NativeResponse"]

_LIMITS: Final = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


@dataclass(frozen=True, slots=True)
class NativeResponse:
    """An open answer whose status was good."""

    response: httpx2.Response

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer; names in any case."""
        return self.response.headers

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The decoded body."""
        return self.response.aiter_bytes(chunk_size)


class NativeClient:
    """Connections to one vendor. No retries; whatever goes wrong is a `CallFailed`."""

    def __init__(
        self,
        *,
        vendor: str,
        base_url: str,
        key: SecretStr | None,
        headers: Mapping[str, str],
        refine: Callable[[CallFailed, object], CallFailed],
    ) -> None:
        """`refine` may make a better error of one, given the body that it came from."""
        self._vendor = vendor
        self._refine = refine
        self.secret = key.get_secret_value() if key else ""
        self._base_url = base_url.rstrip("/")
        self._client = httpx2.AsyncClient(
            headers=dict(headers), limits=_LIMITS, event_hooks=body_limits(httpx2.AsyncByteStream)
        )

    @asynccontextmanager
    async def streamed(
        self, path: str, body: JsonObject, *, connect: timedelta
    ) -> AsyncIterator[NativeResponse]:
        """Post and hold the answer open; leaving closes the connection if more would come.

        Only the connection has a deadline here: the caller bounds the waits for the answer.
        """
        timeout = httpx2.Timeout(None, connect=connect.total_seconds())
        request = self._client.build_request(
            "POST", self._base_url + path, json=body, timeout=timeout
        )
        with self._translated(connect):
            response = await self._client.send(request, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    raise self._refused(response)
                yield NativeResponse(response)
            finally:
                await response.aclose()

    async def post(self, path: str, body: JsonObject, *, within: timedelta, longest: int) -> Any:
        """Post and read the whole answer as JSON, of at most `longest` bytes."""
        return await self._whole(
            "POST", path, within, json=body, extensions=no_longer_than(longest)
        )

    async def get(self, path: str, params: Mapping[str, str], *, within: timedelta) -> Any:
        """Read JSON."""
        return await self._whole("GET", path, within, params=dict(params))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def _whole(self, method: str, path: str, within: timedelta, **what: Any) -> Any:
        with self._translated(within):
            response = await self._client.request(
                method, self._base_url + path, timeout=within.total_seconds(), **what
            )
        if not response.is_success:
            raise self._refused(response)
        return read_json(self._vendor, response.content)

    def _refused(self, response: httpx2.Response) -> CallFailed:
        body: object = response.text
        with suppress(MalformedResponse):  # a page of a proxy, say: then its text is the message
            body = read_json(self._vendor, response.content)
        error = from_status(
            self._vendor, response.status_code, body, response.headers, secret=self.secret
        )
        return self._refine(error, body)

    def _translated(self, waited: timedelta) -> "_Translated":
        return _Translated(self._vendor, self.secret, waited)


class _Translated:
    """Transport errors leave this block as ours."""

    def __init__(self, vendor: str, secret: str, waited: timedelta) -> None:
        self._vendor, self._secret, self._waited = vendor, secret, waited

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout | httpx2.PoolTimeout):
            raise TimedOut(self._vendor, TimeoutPhase.TOTAL, self._waited) from error
        if isinstance(error, TRANSPORT_ERRORS):
            raise from_transport(
                self._vendor, error, connect=self._waited, secret=self._secret
            ) from error
