"""Decoded payloads from an SDK's open response, under the deadlines of the call."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, Protocol

from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.debug import raw_events
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS
from providers.adapters.http.sse import LONGEST_EVENT, Decoder, EventTooLong
from providers.adapters.payload import read_json
from providers.errors import MalformedResponse

__all__ = ["OpenResponse", "payloads"]

DRAIN_SECONDS: Final = 0.1


class OpenResponse(Protocol):
    """What the three SDKs' streaming responses have in common."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer; names in any case."""

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The decoded body."""


async def payloads(
    vendor: str, response: OpenResponse, deadlines: Deadlines
) -> AsyncGenerator[tuple[str, Any], None]:
    """Pairs of event name and decoded JSON, until the body or `[DONE]` ends it.

    A body that is plain JSON, from a server that cannot stream, is one payload.

    Raises:
        MalformedResponse: something is not JSON, too long, or a page for people.
        TimedOut: a deadline passed.
    """
    decoder = Decoder()
    show = raw_events()
    kind = response.headers.get("content-type", "")
    if "text/html" in kind:
        raise MalformedResponse(
            vendor,
            "it answers with a web page instead of an answer: correct the base URL, "
            "or sign in to the network if it asks for that",
        )
    whole = bytearray() if "json" in kind else None
    body = response.iter_bytes()
    while True:
        try:
            chunk = await deadlines.wait(anext(body))
        except StopAsyncIteration:
            break
        if whole is not None:
            whole += chunk
            if len(whole) > LONGEST_EVENT:
                raise _too_long(vendor)
            continue
        try:
            events = decoder.feed(chunk)
        except EventTooLong as error:
            raise _too_long(vendor) from error
        for event in events:
            if show is not None:
                show(vendor, event.data.decode("utf-8", "replace"))
            if event.data == b"[DONE]":
                await _drain(body)
                return
            yield event.name, read_json(vendor, event.data)
    if whole is not None:
        yield "", read_json(vendor, bytes(whole))


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read what is left, usually nothing: only then can the connection serve the next call."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
    except (TimeoutError, *TRANSPORT_ERRORS):
        return  # the answer is whole; closing the response drops the connection


def _too_long(vendor: str) -> MalformedResponse:
    return MalformedResponse(
        vendor, f"one piece of the answer is longer than {LONGEST_EVENT // 1024**2} MiB"
    )
