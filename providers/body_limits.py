"""How much is read of an error or of a list of models: a hook for every HTTP client of a vendor.

Answers to calls have limits of their own where they are read, piece by piece.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

__all__ = ["LONGEST_ERROR", "LONGEST_LISTING", "BodyTooLong", "body_limits"]

LONGEST_ERROR: Final = 64 * 1024
"""Bytes. What comes after them is not read: no more than a sentence is ever shown."""
LONGEST_LISTING: Final = 16 * 1024 * 1024
"""Bytes of one page. Half a list is none, so a longer one is refused."""


class BodyTooLong(ValueError):
    """The list is longer than `LONGEST_LISTING`."""


class _Bounded:
    """The decoded body of `response`, as much of it as is wanted."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._response.aiter_bytes():
            room = LONGEST_ERROR - size
            size += len(chunk)
            if self._response.is_success:
                if size > LONGEST_LISTING:
                    mebibytes = LONGEST_LISTING // 1024**2
                    raise BodyTooLong(f"the list of models is longer than {mebibytes} MiB")
            elif len(chunk) >= room:
                yield chunk[:room]
                return
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def body_limits(stream: type) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
    """Return `event_hooks` for a client of the library whose `AsyncByteStream` this is.

    Calls are POSTs, and whatever is fetched with GET is a list.
    """
    bounded = type("Bounded", (_Bounded, stream), {})

    async def bound(response: Any) -> None:
        if response.is_success and response.request.method != "GET":
            return
        # Limits are of decoded bytes, so this one decodes: a few may stand for very many.
        encoded = type(response)(
            response.status_code,
            headers=response.headers,
            request=response.request,
            stream=response.stream,
        )
        response.headers.pop("content-encoding", None)
        response.stream = bounded(encoded)

    return {"response": [bound]}
