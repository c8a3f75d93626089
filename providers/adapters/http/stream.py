"""Events of a response as it arrives, under the deadlines of the call."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    aclosing,
)
from typing import Any, Final, Protocol

from providers.adapters.base import Timeouts
from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS, map_payload
from providers.adapters.http.json_lines import LineDecoder
from providers.adapters.http.sse import (
    LONGEST_EVENT,
    Decoder,
    EventTooLong,
    get_raw_event_listener,
)
from providers.adapters.payload import decode_json
from providers.chat import Event, ReasoningDelta, TextDelta, ToolCallDelta
from providers.errors import CallFailed, MalformedResponse

DRAIN_SECONDS: Final = 0.1


class OpenResponse(Protocol):
    """The common interface of the responses of httpx and httpx2."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, with case-insensitive names."""

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over the decoded body."""


class EventParser(Protocol):
    """The common interface of the adapters' stream parsers."""

    @property
    def is_finished(self) -> bool:
        """Whether the answer is complete."""

    def parse(self, payload: object) -> Iterable[Event]:
        """Return the events of one payload."""

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterable[Event]:
        """Return the events that end the answer, or raise if it is not complete."""


async def stream_events(
    vendor: str,
    opening: AbstractAsyncContextManager[OpenResponse],
    parser: EventParser,
    *,
    timeouts: Timeouts,
    is_streamed: bool,
    translate_errors: AbstractContextManager[None],
    secret: str,
    request_id_header: str = "x-request-id",
    notes: tuple[str, ...] = (),
    note_if_broken: str | None = None,
    in_lines: bool = False,
) -> AsyncGenerator[Event, None]:
    """Send the request by entering `opening`, and yield the events of the answer.

    If the connection breaks after the answer is complete, only `note_if_broken` is added.
    `in_lines`: the payloads are lines of JSON instead of events.
    """
    with Deadlines(vendor, timeouts, stream=is_streamed) as deadlines, translate_errors:
        async with AsyncExitStack() as stack:
            response = await deadlines.wait(stack.enter_async_context(opening))
            try:
                payloads = read_payloads(vendor, response, deadlines, in_lines=in_lines)
                async with aclosing(payloads):
                    async for name, payload in payloads:
                        if name == "error":
                            raise map_payload(vendor, payload, secret=secret)
                        for event in parser.parse(payload):
                            if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                                deadlines.mark_first_token()
                            yield event
            except (CallFailed, *TRANSPORT_ERRORS):
                if not parser.is_finished:
                    raise
                if note_if_broken is not None:
                    notes += (note_if_broken,)
            request_id = response.headers.get(request_id_header)
            for event in parser.close(request_id=request_id, notes=notes):
                yield event


async def read_payloads(
    vendor: str, response: OpenResponse, deadlines: Deadlines, *, in_lines: bool = False
) -> AsyncGenerator[tuple[str, Any], None]:
    """Yield pairs of event name and decoded JSON, until the body or `[DONE]` ends the stream.

    A body of plain JSON, from a server that cannot stream, is one payload.

    Raises:
        MalformedResponse: a payload is not JSON or too long, or the body is a web page.
        TimedOut: a deadline passed.
    """
    decoder: Decoder | LineDecoder = LineDecoder() if in_lines else Decoder()
    listener = get_raw_event_listener()
    content_type = response.headers.get("content-type", "")
    if "text/html" in content_type:
        raise MalformedResponse(
            vendor,
            "the response is a web page: correct the base URL, or sign in to the network if it "
            "requires that",
        )
    whole = bytearray() if "json" in content_type and not in_lines else None
    body = response.aiter_bytes()
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
            if listener is not None:
                listener(vendor, event.data.decode("utf-8", "replace"))
            if event.data == b"[DONE]":
                await _drain(body)
                return
            yield event.name, decode_json(vendor, event.data)
    if whole is not None:
        yield "", decode_json(vendor, bytes(whole))
    for event in decoder.flush() if isinstance(decoder, LineDecoder) else ():
        yield event.name, decode_json(vendor, event.data)


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read the rest of the body, usually nothing, so that the connection can be reused."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
    except (TimeoutError, *TRANSPORT_ERRORS):
        return  # the answer is complete; closing the response drops the connection


def _too_long(vendor: str) -> MalformedResponse:
    return MalformedResponse(
        vendor, f"one piece of the answer is longer than {LONGEST_EVENT // 1024**2} MiB"
    )
