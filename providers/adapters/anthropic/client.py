"""Adapter for Anthropic's Messages API, also used for MiniMax, through Anthropic's SDK."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Self, cast

import anthropic
import httpx2
from pydantic import SecretStr

from providers.adapters.anthropic.request import build_anthropic_body
from providers.adapters.anthropic.stream import AnthropicStreamParser
from providers.adapters.base import Timeouts
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.adapters.http.client_pool import LIMITS, ClientPool
from providers.adapters.http.error_mapping import translate_sdk_errors
from providers.adapters.http.stream import stream_events
from providers.adapters.http.tls import get_ssl_context
from providers.adapters.listings import (
    ListedModel,
    fetch_listing,
    get_date,
    get_number,
    get_row_id,
)
from providers.adapters.payload import get_text
from providers.chat import ChatRequest, Event, JsonObject

LISTING_SECONDS: Final = 20.0
_LIMITS: Final = httpx2.Limits(**LIMITS)


class Anthropic:
    """`Adapter` for the messages API of version 2026-10-21."""

    def __init__(self, *, vendor: str, base_url: str, key: SecretStr | None) -> None:
        self._vendor = vendor
        self._secret = key.get_secret_value() if key else ""
        self._base_url = _strip_endpoint(base_url)
        self._clients = ClientPool(self._build_client, anthropic.AsyncAnthropic.close)

    def _build_client(self) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(
            api_key=self._secret,
            base_url=self._base_url,
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False,
                event_hooks=build_body_limit_hooks(httpx2.AsyncByteStream),
                verify=get_ssl_context(),
                limits=_LIMITS,
            ),
            open_telemetry=False,  # no spans from the SDK
        )
        client._custom_headers = {}  # ignore ANTHROPIC_CUSTOM_HEADERS of the environment
        return client

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        body, notes = build_anthropic_body(request, self._vendor)
        if request.tools or request.web_search:  # others are never paused
            return self._go_on(request, body, notes, timeouts)
        return self._stream_message(request, body, self._build_parser(request), notes, timeouts)

    async def _go_on(
        self,
        request: ChatRequest,
        body: dict[str, Any],
        notes: tuple[str, ...],
        timeouts: Timeouts,
    ) -> AsyncGenerator[Event, None]:
        """Stream a message, and go on at once with one that the vendor has paused."""
        deadline = time.monotonic() + timeouts.total.total_seconds()
        parser = self._build_parser(request)
        while True:
            events = self._stream_message(request, body, parser, notes, timeouts)
            async with aclosing(events):
                async for event in events:
                    yield event
            if not parser.is_paused:
                return
            turn = {"role": "assistant", "content": parser.list_blocks()}
            body = {**body, "messages": [*body["messages"], turn]}
            left = timedelta(seconds=max(deadline - time.monotonic(), 0.0))
            timeouts = replace(timeouts, total=left)
            parser = self._build_parser(request, after=parser)

    def _build_parser(
        self, request: ChatRequest, *, after: AnthropicStreamParser | None = None
    ) -> AnthropicStreamParser:
        return AnthropicStreamParser(
            vendor=self._vendor,
            secret=self._secret,
            model=request.model,
            keeps_blocks=bool(request.tools) or request.web_search,
            after=after,
        )

    def _stream_message(
        self,
        request: ChatRequest,
        body: Mapping[str, Any],
        parser: AnthropicStreamParser,
        notes: tuple[str, ...],
        timeouts: Timeouts,
    ) -> AsyncGenerator[Event, None]:
        return stream_events(
            self._vendor,
            self._clients.open(
                partial(
                    _send,
                    url=f"{self._base_url}/v1/messages",
                    body={**body, "stream": request.stream},
                    connect=timeouts.connect,
                )
            ),
            parser,
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=self._translate_errors(timeouts.connect),
            secret=self._secret,
            request_id_header="request-id",
            notes=notes,
        )

    def _translate_errors(self, connect: timedelta) -> AbstractContextManager[None]:
        return translate_sdk_errors(anthropic, self._vendor, secret=self._secret, connect=connect)

    async def list_models(self) -> list[ListedModel]:
        """See `Adapter.list_models`."""
        with self._translate_errors(timedelta(seconds=LISTING_SECONDS)):
            async with self._clients.lease() as client:
                rows = await fetch_listing(
                    self._vendor,
                    lambda parameters: client.get(
                        "/v1/models",
                        cast_to=object,
                        options={
                            "params": {"limit": 1000, **parameters},
                            "timeout": LISTING_SECONDS,
                        },
                    ),
                    next_field="last_id",
                    parameter="after_id",
                    more_field="has_more",
                )
        return [
            ListedModel(
                id=get_row_id(row, "id", "name"),
                display_name=get_text(row, "display_name"),
                context_window=get_number(row, "max_input_tokens"),
                max_output_tokens=get_number(row, "max_tokens"),
                retires_on=get_date(row, "retires_at"),
            )
            for row in rows
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._clients.close()


async def _send(
    client: anthropic.AsyncAnthropic, *, url: str, body: JsonObject, connect: timedelta
) -> httpx2.Response:
    """Send a request without the SDK's methods, which check all answers by all their types.

    A whole URL is parsed once less than a path, which the SDK would add to its base URL.
    """
    response: Any = await client.post(
        url,
        cast_to=httpx2.Response,
        body=body,
        options={"timeout": anthropic.Timeout(None, connect=connect.total_seconds())},
        stream=True,
        stream_cls=anthropic.AsyncStream[Any],
    )
    return cast("httpx2.Response", response)


def _strip_endpoint(url: str) -> str:
    """Return the base URL from one that may name the endpoint."""
    return url.rstrip("/").removesuffix("/messages").removesuffix("/v1")
