"""Adapter for OpenAI and vendors with compatible chat completions, through OpenAI's SDK."""

import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self, cast

import httpx2
import openai
from pydantic import SecretStr

from providers.adapters.base import LOOPBACK_MOUNTS, Timeouts, strip_endpoint
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.adapters.http.client_pool import LIMITS, ClientPool
from providers.adapters.http.error_mapping import translate_sdk_errors
from providers.adapters.http.stream import stream_events
from providers.adapters.http.tls import get_ssl_context
from providers.adapters.listings import (
    ListedModel,
    ListedPrices,
    Row,
    get_date,
    get_number,
    get_row_id,
    read_rows,
)
from providers.adapters.open_models import OpenModelCalls, read_model_answer
from providers.adapters.openai.dialect import apply_dialect
from providers.adapters.openai.request import NOTE_IF_BROKEN, attach_replay
from providers.adapters.openai.responses_request import build_responses_body
from providers.adapters.openai.responses_stream import ResponsesStreamParser
from providers.adapters.openai.stream import OpenAIStreamParser
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Event, JsonObject
from providers.errors import InvalidRequest, NotSupported

LISTING_SECONDS: Final = 20.0
_LIMITS: Final = httpx2.Limits(**LIMITS)
_UNKEPT: Final = httpx2.Limits(max_keepalive_connections=0)
_SUMMARY: Final = re.compile(r"reasoning summar|reasoning\.summary", re.IGNORECASE)
"""OpenAI only summarizes reasoning for verified organizations; its refusal says so."""
_UNKNOWN_API: Final = (
    "the server does not know the Responses API: give this provider "
    '`wire = { api = "chat_completions" }` in cogo.toml'
)


class OpenAICompatible:
    """An `Adapter` for one base URL."""

    def __init__(
        self,
        *,
        vendor: str,
        base_url: str,
        key: SecretStr | None,
        dialect: RequestDialect,
        keeps_connections: bool = True,
    ) -> None:
        """Create a client; unless `keeps_connections`, each request has a connection of its own.

        llama.cpp closes a connection after a stream, too late for the next request to notice.
        """
        self._vendor = vendor
        self._secret = key.get_secret_value() if key else ""
        self._dialect = dialect
        self._open_models = OpenModelCalls(takes_tool_choice=dialect.takes_tool_choice)
        self._base_url = strip_endpoint(base_url)
        self._keeps_connections = keeps_connections
        self._clients = ClientPool(self._build_client, openai.AsyncOpenAI.close)
        self._extra_headers: dict[str, Any] = dict(dialect.headers)
        if dialect.key_header is not None:
            self._extra_headers |= {
                dialect.key_header: self._secret,
                "Authorization": openai.Omit(),
            }

    def _build_client(self) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(
            api_key=self._secret or "none",  # local servers require some key
            base_url=self._base_url,
            max_retries=0,
            # A redirect would send prompt and key elsewhere.
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False,
                mounts=LOOPBACK_MOUNTS,
                event_hooks=build_body_limit_hooks(httpx2.AsyncByteStream),
                verify=get_ssl_context(),
                limits=_LIMITS if self._keeps_connections else _UNKEPT,
            ),
        )
        # The SDK reads these from OPENAI_* variables, which belong to an account at OpenAI, and
        # would send them to any base URL.
        client.organization = None
        client.project = None
        client.admin_api_key = None
        client._custom_headers = {}
        return client

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        if request.web_search or (self._dialect.api == "responses" and request.may_reason):
            return self._respond(request, timeouts)
        return self._complete(request, timeouts)

    async def _respond(
        self, request: ChatRequest, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        """Answer by the Responses API; without a summary of the reasoning if that is refused."""
        try:
            async with aclosing(self._send_responses(request, timeouts)) as events:
                async for event in events:
                    yield event
        except InvalidRequest as error:
            if error.status in {404, 405} and not error.vendor_message.startswith("Item "):
                raise NotSupported(self._vendor, _UNKNOWN_API, status=error.status) from error
            if not _SUMMARY.search(error.vendor_message):
                raise
        else:
            return
        events = self._send_responses(request, timeouts, with_summary=False)
        async with aclosing(events):
            async for event in events:
                yield event

    def _send_responses(
        self, request: ChatRequest, timeouts: Timeouts, *, with_summary: bool = True
    ) -> AsyncGenerator[Event, None]:
        body, notes = build_responses_body(
            request, self._dialect, vendor=self._vendor, with_summary=with_summary
        )
        return stream_events(
            self._vendor,
            self._open("/responses", body, timeouts.connect),
            ResponsesStreamParser(
                self._vendor,
                secret=self._secret,
                model=request.model,
                keeps_items=bool(request.tools),
            ),
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=self._translate_errors(timeouts.connect),
            secret=self._secret,
            notes=notes,
            note_if_broken=NOTE_IF_BROKEN,
        )

    def _complete(self, request: ChatRequest, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """Answer by chat completions."""
        if request.text_calls is not None:
            events = self._open_models.stream(
                request, lambda each: self._send_completion(each, timeouts)
            )
        elif self._dialect.thinking_tags or self._dialect.text_calls:
            events = read_model_answer(self._send_completion(request, timeouts), request)
        else:
            events = self._send_completion(request, timeouts)
        if self._dialect.replay_field is not None and request.tools:
            events = attach_replay(
                events, request, vendor=self._vendor, field=self._dialect.replay_field
            )
        return events

    def _send_completion(
        self, request: ChatRequest, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        body, notes = apply_dialect(request, self._dialect, vendor=self._vendor)
        return stream_events(
            self._vendor,
            self._open("/chat/completions", body, timeouts.connect),
            OpenAIStreamParser(self._vendor, secret=self._secret),
            timeouts=timeouts,
            is_streamed=request.stream,
            translate_errors=self._translate_errors(timeouts.connect),
            secret=self._secret,
            notes=notes,
            note_if_broken=NOTE_IF_BROKEN,
        )

    def _open(
        self, path: str, body: JsonObject, connect: timedelta
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        """Return the response of a request, which is sent when it is entered."""
        url = self._base_url + path
        return self._clients.open(partial(self._send, url=url, body=body, connect=connect))

    async def _send(
        self, client: openai.AsyncOpenAI, *, url: str, body: JsonObject, connect: timedelta
    ) -> httpx2.Response:
        """Send a request without the SDK's methods, which check all messages by all their types.

        A whole URL is parsed once less than a path, which the SDK would add to its base URL.
        """
        response: Any = await client.post(
            url,
            cast_to=httpx2.Response,
            body=body,
            options={
                "headers": self._extra_headers,
                "timeout": openai.Timeout(None, connect=connect.total_seconds()),
            },
            stream=True,
            stream_cls=openai.AsyncStream[Any],
        )
        return cast("httpx2.Response", response)

    def _translate_errors(self, connect: timedelta) -> AbstractContextManager[None]:
        return translate_sdk_errors(openai, self._vendor, secret=self._secret, connect=connect)

    async def list_models(self) -> list[ListedModel]:
        """See `Adapter.list_models`."""
        with self._translate_errors(timedelta(seconds=LISTING_SECONDS)):
            async with self._clients.lease() as client:
                page = await client.get(
                    "/models",
                    cast_to=object,
                    options={"headers": self._extra_headers, "timeout": LISTING_SECONDS},
                )
        return [
            ListedModel(
                id=get_row_id(row, "id", "name"),
                context_window=get_number(
                    row, "context_length", "max_model_len", "max_context_length", "context_window"
                ),
                retires_on=get_date(row, "shutdown_date"),
                prices=_get_prices(row),
            )
            for row in read_rows(self._vendor, page)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._clients.close()


def _get_prices(row: Row) -> ListedPrices | None:
    """Return dollars per million tokens; OpenRouter lists dollars per token, as text."""
    pricing = row.get("pricing")
    if not isinstance(pricing, dict):
        return None
    for names, factor in ((("prompt", "completion"), 1_000_000), (("input", "output"), 1)):
        values = [pricing.get(name) for name in names]
        try:
            each = [Decimal(str(value)) * factor for value in values if value is not None]
        except ArithmeticError:
            continue
        if len(each) == 2 and all(value.is_finite() and value >= 0 for value in each):
            return ListedPrices(input=each[0], output=each[1])
    return None
