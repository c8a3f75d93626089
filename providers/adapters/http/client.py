"""HTTP client for vendors that are called without an SDK; uses the HTTP library of the SDKs.

See docs/adr/0005-gemini-and-cohere-without-their-sdks.md.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any, Final, Self

import httpx2
from pydantic import SecretStr

from providers.adapters.base import LOOPBACK_MOUNTS
from providers.adapters.http.body_limits import build_body_limit_hooks, limit_body
from providers.adapters.http.client_pool import LIMITS, ClientPool
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, map_status, map_transport_error
from providers.adapters.http.tls import get_ssl_context
from providers.adapters.payload import decode_json
from providers.chat import JsonObject
from providers.errors import CallFailed, MalformedResponse, TimedOut, TimeoutPhase

_LIMITS: Final = httpx2.Limits(**LIMITS)


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
        self._headers = dict(headers)
        self._clients = ClientPool(self._build_client, httpx2.AsyncClient.aclose)

    def _build_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=self._headers,
            limits=_LIMITS,
            mounts=LOOPBACK_MOUNTS,
            verify=get_ssl_context(),
            event_hooks=build_body_limit_hooks(httpx2.AsyncByteStream),
        )

    @asynccontextmanager
    async def stream(
        self, path: str, body: JsonObject, *, connect: timedelta
    ) -> AsyncIterator[httpx2.Response]:
        """Send a POST and yield the open response, which is closed on exit.

        Only connecting has a timeout here: the caller limits the time for the answer.
        """
        timeout = httpx2.Timeout(None, connect=connect.total_seconds())
        with self._translate_errors(connect):
            async with self._clients.lease() as client:
                request = client.build_request(
                    "POST", self._base_url + path, json=body, timeout=timeout
                )
                response = await client.send(request, stream=True)
                try:
                    if not response.is_success:
                        await response.aread()
                        raise self._build_error(response)
                    yield response
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
        await self._clients.close()

    async def _request(self, method: str, path: str, within: timedelta, **options: Any) -> Any:
        with self._translate_errors(within):
            async with self._clients.lease() as client:
                response = await client.request(
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
