"""Objects of Supabase Storage over the official client."""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import httpx
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError

from protocol.errors import NotFound, StoreUnavailable, TooLarge, Unauthorized
from protocol.transport.error_mapping import map_network_error
from protocol.transport.local_http import choose_transport
from protocol.transport.rpc_client import RpcClient
from protocol.transport.tls import choose_ssl_context

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_CALL: Final = "Storage"
_MISSING: Final = frozenset({"400", "404", "NoSuchKey", "NoSuchBucket", "not_found"})
_REFUSED: Final = frozenset({"401", "403"})
_MAX_ERROR: Final = 64 * 1024


class SupabaseObjectStore(RpcClient):
    """Reads objects with the secret key, whoever owns them: ask `may_read_object` first."""

    async def fetch_object(self, *, bucket: str, path: str, most: int) -> bytes:
        """Return the content of an object of at most `most` bytes."""
        # A few compressed bytes could become many.
        headers = {**self._client.options.headers, "Accept-Encoding": "identity"}
        hooks = {"response": [_Limiter(most).limit]}
        url = str(self._client.storage_url)
        transport = choose_transport(url)
        async with httpx.AsyncClient(
            timeout=_TIMEOUT, event_hooks=hooks, transport=transport, verify=choose_ssl_context(url)
        ) as http:
            storage = AsyncStorageClient(url, headers, http_client=http)
            try:
                # The client unquotes paths: another object than the one that may be read.
                return await storage.from_(bucket).download(quote(path))
            except StorageApiError as error:
                raise _map_error(error) from error
            except httpx.RequestError as error:
                raise map_network_error(error, call=_CALL) from error


class _Limiter:
    """Ends a response that is too large while it is read."""

    def __init__(self, most: int) -> None:
        self._most = most

    async def limit(self, response: httpx.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise StoreUnavailable(f"{_CALL} sends compressed content, which is not read")
        if not response.is_success:
            response.stream = _Limited(
                response.stream,
                _MAX_ERROR,
                StoreUnavailable(f"{_CALL}: HTTP {response.status_code}"),
            )
            return
        most = self._most
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise TooLarge(f"it has {int(length):,} bytes")
        too_large = TooLarge(f"it has more than {most:,} bytes")
        response.stream = _Limited(response.stream, most, too_large)


class _Limited(httpx.AsyncByteStream):
    def __init__(self, source: Any, most: int, error: Exception) -> None:
        self._source = source
        self._most = most
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._source:
            size += len(chunk)
            if size > self._most:
                raise self._error
            yield chunk

    async def aclose(self) -> None:
        await self._source.aclose()


def _map_error(error: StorageApiError) -> NotFound | StoreUnavailable | Unauthorized:
    codes = {str(error.code), str(error.status)}
    if codes & _REFUSED:
        return Unauthorized(f"{_CALL}: the key is not accepted: {error.message}")
    if codes & _MISSING:
        return NotFound(f"{_CALL}: {error.message}")
    return StoreUnavailable(f"{_CALL}: {error.message}")
