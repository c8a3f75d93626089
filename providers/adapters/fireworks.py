"""Adapter for Fireworks, through its own SDK: chat completions with the model's reasoning."""

import re
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, Final, Self, cast

import fireworks
import httpx
from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.adapters.http.client_pool import LIMITS, ClientPool
from providers.adapters.http.error_mapping import PARSE_ERRORS, translate_sdk_errors
from providers.adapters.http.stream import stream_events
from providers.adapters.listings import ListedModel, fetch_listing, get_number, get_row_id
from providers.adapters.open_models import read_model_answer
from providers.adapters.openai.request import (
    NOTE_IF_BROKEN,
    attach_replay,
    build_chat_body,
)
from providers.adapters.openai.stream import OpenAIStreamParser
from providers.adapters.payload import get_text
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS, RequestDialect
from providers.chat import ChatRequest, Event, JsonObject
from providers.errors import InvalidRequest

VENDOR: Final = "fireworks"
LISTING_SECONDS: Final = 20.0
_LIMITS: Final = httpx.Limits(**LIMITS)
_DIALECT: Final = RequestDialect(constrains_only=True)
_LISTED: Final = {"filter": "supports_serverless=true", "pageSize": "200"}
_STREAM: Final = re.compile(r"\bstream", re.IGNORECASE)
"""Fireworks refuses long answers that are not streamed; its message says so."""


@dataclass(frozen=True, slots=True)
class _Roots:
    """Base URLs, to which the SDK appends `/v1/...`; at Fireworks chat is below `/inference`."""

    chat: str
    listing: str


class Fireworks:
    """An `Adapter` for serverless and on-demand models."""

    def __init__(self, *, base_url: str, key: SecretStr | None) -> None:
        self._secret = key.get_secret_value() if key else ""
        roots = _parse_roots(base_url)
        self._clients = ClientPool(
            partial(_build_client, self._secret, roots.chat), fireworks.AsyncFireworks.close
        )
        self._listing = _build_client(self._secret, roots.listing)

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        events = read_model_answer(self._answer(request, timeouts), request)
        if request.tools:
            events = attach_replay(events, request, vendor=VENDOR, field="reasoning_content")
        return events

    async def _answer(
        self, request: ChatRequest, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        """Send the request; if the vendor refuses it unstreamed, repeat it as a stream."""
        if not request.stream:
            try:
                async with aclosing(self._send(request, timeouts)) as events:
                    async for event in events:
                        yield event
            except InvalidRequest as error:
                if not _STREAM.search(error.vendor_message):
                    raise
            else:
                return
            request = replace(request, stream=True)
        async with aclosing(self._send(request, timeouts)) as events:
            async for event in events:
                yield event

    def _send(self, request: ChatRequest, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        body, notes = _build_body(request)
        return stream_events(
            VENDOR,
            self._clients.open(partial(_send, body=body, connect=timeouts.connect)),
            OpenAIStreamParser(VENDOR, secret=self._secret),
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=self._translate_errors(timeouts.connect),
            secret=self._secret,
            notes=tuple(notes),
            note_if_broken=NOTE_IF_BROKEN,
        )

    def _translate_errors(self, connect: timedelta) -> AbstractContextManager[None]:
        return translate_sdk_errors(fireworks, VENDOR, secret=self._secret, connect=connect)

    async def list_models(self) -> list[ListedModel]:
        """Return the serverless models; others need a dedicated deployment."""
        with self._translate_errors(timedelta(seconds=LISTING_SECONDS)):
            rows = await fetch_listing(
                VENDOR,
                lambda parameters: self._listing.get(
                    "/v1/accounts/fireworks/models",
                    cast_to=object,
                    options={"params": {**_LISTED, **parameters}, "timeout": LISTING_SECONDS},
                ),
            )
        return [
            ListedModel(
                id=get_row_id(row, "name", "id"),
                display_name=get_text(row, "displayName"),
                context_window=get_number(row, "contextLength", "context_length"),
                retires_on=_to_date(row.get("deprecationDate")),
            )
            for row in rows
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._clients.close()
        await self._listing.close()


def _build_client(secret: str, base_url: str) -> fireworks.AsyncFireworks:
    # The default aiohttp transport reports broken connections as timeouts.
    client = fireworks.AsyncFireworks(
        api_key=secret,
        base_url=base_url,
        max_retries=0,
        http_client=fireworks.DefaultAsyncHttpxClient(
            follow_redirects=False,
            event_hooks=build_body_limit_hooks(httpx.AsyncByteStream),
            limits=_LIMITS,
        ),
    )
    client._custom_headers = {}  # ignore FIREWORKS_CUSTOM_HEADERS of the environment
    return client


async def _send(
    client: fireworks.AsyncFireworks, *, body: JsonObject, connect: timedelta
) -> httpx.Response:
    """Send a request without the SDK's methods, which check all messages by all their types."""
    timeout = fireworks.Timeout(None, connect=connect.total_seconds())
    response: Any = await client.post(
        "/v1/chat/completions",
        cast_to=httpx.Response,
        body=body,
        options={"timeout": timeout},
        stream=True,
        stream_cls=fireworks.AsyncStream[Any],
    )
    return cast("httpx.Response", response)


def _build_body(request: ChatRequest) -> tuple[dict[str, Any], list[str]]:
    body, notes = build_chat_body(request, vendor=VENDOR, dialect=_DIALECT)
    body["max_tokens"] = request.max_output_tokens or DEFAULT_OUTPUT_TOKENS["fireworks"]
    # By default the server would truncate the prompt silently.
    body["context_length_exceeded_behavior"] = "error"
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    if "user" in request.metadata:
        body["user"] = request.metadata["user"]
    return body, notes


def _parse_roots(base_url: str) -> _Roots:
    """Return the base URLs for a host, `.../inference`, `.../v1` or `.../chat/completions`."""
    root = base_url.rstrip("/").removesuffix("/chat/completions").removesuffix("/v1").rstrip("/")
    if root.endswith("/inference"):
        return _Roots(chat=root, listing=root.removesuffix("/inference"))
    if root == "https://api.fireworks.ai":
        return _Roots(chat=f"{root}/inference", listing=root)
    return _Roots(chat=root, listing=root)


def _to_date(value: object) -> date | None:
    """Return the date of an object with year, month and day."""
    if not isinstance(value, dict):
        return None
    try:
        return date(value["year"], value["month"], value["day"])
    except PARSE_ERRORS:
        return None
