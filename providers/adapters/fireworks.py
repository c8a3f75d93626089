"""Fireworks, through its own SDK: chat completions with the model's thinking kept."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import TracebackType
from typing import Any, Final, Self

import fireworks
import httpx
from pydantic import SecretStr

from providers.adapters.base import ListedModel, Timeouts
from providers.adapters.http.body_limits import body_limits
from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.error_mapping import UNREADABLE
from providers.adapters.http.sdk_errors import SdkErrors
from providers.adapters.openai.extra_body import untyped
from providers.adapters.openai.reasoning_replay import hand_back, replayable
from providers.adapters.openai.request import read_answer, request_body
from providers.adapters.openai.thinking_tags import without_thinking_tags
from providers.adapters.output_limits import FIREWORKS
from providers.adapters.payload import text_in
from providers.catalogue.listing_rows import number_in, read_pages, row_id
from providers.chat import ChatRequest, Event
from providers.errors import InvalidRequest

__all__ = ["Fireworks"]

VENDOR: Final = "fireworks"
LISTING_SECONDS: Final = 20.0
_LISTED: Final = {"filter": "supports_serverless=true", "pageSize": "200"}
_STREAM: Final = re.compile(r"\bstream", re.IGNORECASE)
"""Long answers are refused unless they are streamed; the refusal says so."""

_ERRORS: Final = SdkErrors(
    status=fireworks.APIStatusError,
    timeout=fireworks.APITimeoutError,
    connection=fireworks.APIConnectionError,
    shape=fireworks.APIResponseValidationError,
    api=fireworks.APIError,
)


@dataclass(frozen=True, slots=True)
class _Roots:
    """The SDK appends `/v1/...` to both; chat lives below `/inference` at the vendor's own host."""

    chat: str
    listing: str


class Fireworks:
    """An `Adapter` for serverless and on-demand models."""

    def __init__(self, *, base_url: str, key: SecretStr | None) -> None:
        self._secret = key.get_secret_value() if key else ""
        roots = _roots(base_url)
        # The default aiohttp transport reports dropped connections as timeouts; this one does not.
        self._client = fireworks.AsyncFireworks(
            api_key=self._secret,
            base_url=roots.chat,
            max_retries=0,
            http_client=fireworks.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks=body_limits(httpx.AsyncByteStream)
            ),
        )
        self._client._custom_headers = {}  # ambient FIREWORKS_CUSTOM_HEADERS are not ours to send
        self._listing = self._client.with_options(base_url=roots.listing)
        self._listing._custom_headers = {}

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        events = without_thinking_tags(self._answer(request, timeouts))
        if request.tools:
            events = replayable(events, request, vendor=VENDOR, field="reasoning_content")
        return events

    async def _answer(
        self, request: ChatRequest, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        """Answer in one piece where that is asked for and allowed, else as a stream."""
        if request.whole:
            try:
                async with aclosing(self._ask(request, timeouts)) as events:
                    async for event in events:
                        yield event
            except InvalidRequest as error:
                if not _STREAM.search(error.vendor_message):
                    raise
            else:
                return
            request = replace(request, whole=False)
        async with aclosing(self._ask(request, timeouts)) as events:
            async for event in events:
                yield event

    async def _ask(self, request: ChatRequest, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        body = _parameters(request)
        long = untyped(body)
        opening = self._client.chat.completions.with_streaming_response.create(
            **body,
            messages=(),
            extra_body=long,
            stream=not request.whole,
            timeout=fireworks.Timeout(None, connect=timeouts.connect.total_seconds()),
        )
        with (
            Deadlines(VENDOR, timeouts, whole=request.whole) as deadlines,
            _ERRORS.translated(VENDOR, secret=self._secret, connect=timeouts.connect),
        ):
            async with aclosing(
                read_answer(VENDOR, opening, deadlines, secret=self._secret, notes=())
            ) as events:
                async for event in events:
                    yield event

    async def list_models(self) -> list[ListedModel]:
        """The serverless models: the others need a deployment of one's own."""
        with _ERRORS.translated(
            VENDOR, secret=self._secret, connect=timedelta(seconds=LISTING_SECONDS)
        ):
            rows = await read_pages(
                VENDOR,
                lambda after: self._listing.get(
                    "/v1/accounts/fireworks/models",
                    cast_to=object,
                    options={"params": {**_LISTED, **after}, "timeout": LISTING_SECONDS},
                ),
            )
        return [
            ListedModel(
                id=row_id(row, "name", "id"),
                display_name=text_in(row, "displayName"),
                context_window=number_in(row, "contextLength", "context_length"),
                retires_on=_day(row.get("deprecationDate")),
            )
            for row in rows
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()


def _parameters(request: ChatRequest) -> dict[str, Any]:
    body = request_body(request)
    hand_back(request.messages, body["messages"], vendor=VENDOR, model=request.model)
    body["max_tokens"] = request.max_output_tokens or FIREWORKS
    # The server's default would cut the prompt silently.
    body["context_length_exceeded_behavior"] = "error"
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    if "user" in request.metadata:
        body["user"] = request.metadata["user"]
    return body


def _roots(base_url: str) -> _Roots:
    """Accepts the bare host, `.../inference`, `.../v1` and `.../chat/completions`."""
    root = base_url.rstrip("/").removesuffix("/chat/completions").removesuffix("/v1").rstrip("/")
    if root.endswith("/inference"):
        return _Roots(chat=root, listing=root.removesuffix("/inference"))
    if root == "https://api.fireworks.ai":
        return _Roots(chat=f"{root}/inference", listing=root)
    return _Roots(chat=root, listing=root)


def _day(value: object) -> date | None:
    """Fireworks sends the parts of a date."""
    if not isinstance(value, dict):
        return None
    try:
        return date(value["year"], value["month"], value["day"])
    except UNREADABLE:
        return None
