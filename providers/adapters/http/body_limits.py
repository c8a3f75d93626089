"""How much is read of an answer that is read as a whole: a hook for every HTTP client of a vendor.

Streams have limits of their own where they are read, piece by piece.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

__all__ = ["LONGEST_ERROR", "LONGEST_LISTING", "BodyTooLong", "body_limits", "no_longer_than"]

LONGEST_ERROR: Final = 64 * 1024
"""Bytes. What comes after them is not read: no more than a sentence is ever shown."""
LONGEST_LISTING: Final = 16 * 1024 * 1024
"""Bytes of one page. Half a list is none, so a longer one is refused."""
_EXTENSION: Final = "cogo.longest"


class BodyTooLong(ValueError):
    """The answer is longer than it may be."""


class _Bounded:
    """The decoded body of `response`; an error is cut, what else is too long is refused."""

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


def body_limits(stream: type) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
    """Return `event_hooks` for a client of the library whose `AsyncByteStream` this is."""
    bounded = type("Bounded", (_Bounded, stream), {})

    async def bound(response: Any) -> None:
        longest = _longest(response)
        if longest is None:
            return
        # Limits are of decoded bytes, so this one decodes: a few may stand for very many.
        encoded = type(response)(
            response.status_code,
            headers=response.headers,
            request=response.request,
            stream=response.stream,
        )
        response.headers.pop("content-encoding", None)
        response.stream = bounded(encoded, longest)

    return {"response": [bound]}


def no_longer_than(longest: int) -> dict[str, Any]:
    """Return the `extensions` of a call whose answer has at most so many bytes."""
    return {_EXTENSION: longest}


def _longest(response: Any) -> int | None:
    if not response.is_success:
        return LONGEST_ERROR
    if response.request.method == "GET":  # calls are POSTs, so it is a list
        return LONGEST_LISTING
    longest: int | None = response.request.extensions.get(_EXTENSION)
    return longest
