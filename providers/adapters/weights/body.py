"""Downloads of one file, which can go on where they stopped."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from providers.adapters.weights.client import WeightsUnavailable, explain_errors, refuse_status

_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_NO_RANGE: Final = 416


@dataclass(frozen=True, slots=True)
class Body:
    """The rest of a file."""

    offset: int
    """Position of its first byte in the file; 0 if the server sends all of it again."""
    size: int | None
    """Size of the whole file, as the server says."""
    response: httpx2.Response
    where: str

    async def iter_chunks(self) -> AsyncIterator[bytes]:
        """Yield the rest. Raises WeightsUnavailable if the connection is cut."""
        with explain_errors(self.where):
            async for chunk in self.response.aiter_raw():
                yield chunk


@asynccontextmanager
async def open_body(
    http: httpx2.AsyncClient, url: str, *, offset: int = 0, token: SecretStr | None = None
) -> AsyncIterator[Body]:
    """Ask for a file from `offset` on. Raises WeightsUnavailable.

    The token goes only to the host of the address, not to another one that it redirects to.
    """
    where = urlsplit(url).hostname or url
    headers = {"accept-encoding": "identity"}
    if offset:
        headers["range"] = f"bytes={offset}-"
    if token is not None:
        headers["authorization"] = f"Bearer {token.get_secret_value()}"
    with explain_errors(where):
        request = http.build_request("GET", url, headers=headers)
        response = await http.send(request, stream=True)
    try:
        if response.status_code == _NO_RANGE and offset:
            await response.aclose()
            del request.headers["range"]
            with explain_errors(where):
                response = await http.send(request, stream=True)
        refuse_status(response, where, hint=_get_hint(response))
        begin, size = _read_position(response, offset, where)
        yield Body(begin, size, response, where)
    finally:
        await response.aclose()


async def read_beginning(
    http: httpx2.AsyncClient, url: str, longest: int, *, token: SecretStr | None = None
) -> tuple[bytes, int | None]:
    """Return the first bytes of a file, and its size if the server says it."""
    beginning = b""
    async with open_body(http, url, token=token) as body:
        async for chunk in body.iter_chunks():
            beginning += chunk
            if len(beginning) >= longest:
                break
        return beginning[:longest], body.size


def _get_hint(response: httpx2.Response) -> str:
    if response.status_code in {401, 403}:
        return "if it is gated, accept its terms there and set HF_TOKEN to a key that may read it"
    return ""


def _read_position(response: httpx2.Response, offset: int, where: str) -> tuple[int, int | None]:
    """Return where the body begins, and the size of the file."""
    length = response.headers.get("content-length", "")
    announced = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    if response.status_code != 206:
        return 0, announced
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != offset:
        raise WeightsUnavailable(f"{where} sends another part than the one that it was asked for")
    return offset, None if found[3] == "*" else int(found[3])
