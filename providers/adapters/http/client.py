"""HTTP client for vendors that are called without an SDK; uses the HTTP library of the SDKs.

See docs/adr/0005-gemini-and-cohere-without-their-sdks.md.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import httpx2
from pydantic import SecretStr

from providers.adapters.base import LOOPBACK_MOUNTS
from providers.adapters.http.body_limits import build_body_limit_hooks, limit_body
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, map_status, map_transport_error
from providers.adapters.http.tls import get_ssl_context
from providers.adapters.payload import decode_json
from providers.chat import JsonObject
from providers.errors import CallFailed, MalformedResponse, TimedOut, TimeoutPhase

_LIMITS: Final = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """An open response with a successful status."""

    response: httpx2.Response

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, with case-insensitive names."""
        return self.response.headers

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over the decoded body."""
        return self.response.aiter_bytes(chunk_size)


class VendorClient:
    """Client of one vendor, without retries. It raises `CallFailed` only."""

    def __init__(
        self,
        *,
        vendor: str,
        base_url: str,
        key: SecretStr | None,
        headers: Mapping[str, str],
        refine: Callable[[CallFailed, object], CallFailed],
    ) -> None:
        """Create a client; `refine` may replace an error, given its response body."""
        self._vendor = vendor
        self._refine = refine
        self.secret = key.get_secret_value() if key else ""
        self._base_url = base_url.rstrip("/")
        self._client = httpx2.AsyncClient(
            headers=dict(headers),
            limits=_LIMITS,
            mounts=LOOPBACK_MOUNTS,
            verify=get_ssl_context(),
            event_hooks=build_body_limit_hooks(httpx2.AsyncByteStream),
        )

    @asynccontextmanager
    async def stream(
        self, path: str, body: JsonObject, *, connect: timedelta
    ) -> AsyncIterator[StreamedResponse]:
        """Send a POST and yield the open response, which is closed on exit.

        Only connecting has a timeout here: the caller limits the time for the answer.
        """
        timeout = httpx2.Timeout(None, connect=connect.total_seconds())
        request = self._client.build_request(
            "POST", self._base_url + path, json=body, timeout=timeout
        )
        with self._translate_errors(connect):
            response = await self._client.send(request, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    raise self._build_error(response)
                yield StreamedResponse(response)
            finally:
                await response.aclose()

    async def post(self, path: str, body: JsonObject, *, within: timedelta, longest: int) -> Any:
        """Send a POST and return the JSON of the response, of at most `longest` bytes."""
        return await self._request("POST", path, within, json=body, extensions=limit_body(longest))

    async def get(self, path: str, params: Mapping[str, str], *, within: timedelta) -> Any:
        """Send a GET and return the JSON of the response."""
        return await self._request("GET", path, within, params=dict(params))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    async def _request(self, method: str, path: str, within: timedelta, **options: Any) -> Any:
        with self._translate_errors(within):
            response = await self._client.request(
                method, self._base_url + path, timeout=within.total_seconds(), **options
            )
        if not response.is_success:
            raise self._build_error(response)
        return decode_json(self._vendor, response.content)

    def _build_error(self, response: httpx2.Response) -> CallFailed:
        body: object = response.text
        # If it is not JSON, a proxy's page for example, its text is the message.
        with suppress(MalformedResponse):
            body = decode_json(self._vendor, response.content)
        error = map_status(
            self._vendor, response.status_code, body, response.headers, secret=self.secret
        )
        return self._refine(error, body)

    @contextmanager
    def _translate_errors(self, timeout: timedelta) -> Iterator[None]:
        try:
            yield
        except (httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout) as error:
            raise TimedOut(self._vendor, TimeoutPhase.TOTAL, timeout) from error
        except TRANSPORT_ERRORS as error:
            raise map_transport_error(
                self._vendor, error, connect=timeout, secret=self.secret
            ) from error
