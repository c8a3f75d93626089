"""Limits on response bodies that are read as a whole: hooks for the vendors' HTTP clients.

Streams are limited where they are read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

LONGEST_ERROR: Final = 64 * 1024
"""Bytes. The rest is not read, because only the beginning is ever shown."""
LONGEST_LISTING: Final = 16 * 1024 * 1024
"""Bytes of one page. A longer one is refused, because a partial list is unusable."""
_EXTENSION: Final = "cogo.longest"


class BodyTooLong(ValueError):
    """The body is longer than allowed, or cannot be decoded without becoming so."""


class _Bounded:
    """Decoded body of `response`: a long error is truncated, any other long body is refused."""

    def __init__(self, response: Any, longest: int) -> None:
        self._response = response
        self._longest = longest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._response.aiter_bytes():
            room = self._longest - size
            size += len(chunk)
            if len(chunk) <= room:
                yield chunk
            elif self._response.is_success:
                raise BodyTooLong(f"the answer is longer than {self._longest / 1024**2:g} MiB")
            else:
                yield chunk[:room]
                return

    async def aclose(self) -> None:
        await self._response.aclose()


def build_body_limit_hooks(stream: type) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
    """Return `event_hooks` for a client of httpx or httpx2, given its `AsyncByteStream`."""
    bounded = type("Bounded", (_Bounded, stream), {})

    async def bound(response: Any) -> None:
        if _is_encoded_twice(response):
            await response.aclose()
            raise BodyTooLong("the answer is compressed more than once")
        longest = _get_limit(response)
        if longest is None:
            return
        # Decode here, because a few compressed bytes may expand to very many bytes.
        encoded = type(response)(
            response.status_code,
            headers=response.headers,
            request=response.request,
            stream=response.stream,
        )
        response.headers.pop("content-encoding", None)
        response.stream = bounded(encoded, longest)

    return {"response": [bound]}


def limit_body(longest: int) -> dict[str, Any]:
    """Return request `extensions` that limit the response body to this many bytes."""
    return {_EXTENSION: longest}


def _is_encoded_twice(response: Any) -> bool:
    """Return whether one chunk of the body could become gigabytes before any limit counts."""
    codings = response.headers.get("content-encoding", "").casefold().split(",")
    return len([each for each in codings if each.strip() not in ("", "identity")]) > 1


def _get_limit(response: Any) -> int | None:
    if not response.is_success:
        return LONGEST_ERROR
    if response.request.method == "GET":  # calls are POSTs, so this is a list
        return LONGEST_LISTING
    longest: int | None = response.request.extensions.get(_EXTENSION)
    return longest
