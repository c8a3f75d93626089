"""Adapter for Anthropic's Messages API, also used for MiniMax, through Anthropic's SDK."""

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final, Self

import anthropic
import httpx2
from pydantic import SecretStr

from providers.adapters.anthropic.stream import AnthropicStreamParser
from providers.adapters.base import Timeouts
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.adapters.http.error_mapping import translate_sdk_errors
from providers.adapters.http.stream import stream_events
from providers.adapters.listings import (
    ListedModel,
    fetch_listing,
    get_date,
    get_number,
    get_row_id,
)
from providers.adapters.payload import get_text, parse_object
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS
from providers.chat import ChatRequest, Event, Message

LISTING_SECONDS: Final = 20.0

_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})


class Anthropic:
    """`Adapter` for the messages API of version 2026-10-21."""

    def __init__(self, *, vendor: str, base_url: str, key: SecretStr | None) -> None:
        self._vendor = vendor
        self._secret = key.get_secret_value() if key else ""
        self._client = anthropic.AsyncAnthropic(
            api_key=self._secret,
            base_url=_strip_endpoint(base_url),
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks=build_body_limit_hooks(httpx2.AsyncByteStream)
            ),
            open_telemetry=False,  # no spans from the SDK
        )
        self._client._custom_headers = {}  # ignore ANTHROPIC_CUSTOM_HEADERS of the environment

    def stream(self, request: ChatRequest, *, timeouts: Timeouts) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        body, notes = _build_body(request, self._vendor)
        return stream_events(
            self._vendor,
            lambda: self._client.messages.with_streaming_response.create(
                **body,
                stream=request.stream,
                timeout=anthropic.Timeout(None, connect=timeouts.connect.total_seconds()),
            ),
            AnthropicStreamParser(
                vendor=self._vendor,
                secret=self._secret,
                model=request.model,
                keeps_thinking=bool(request.tools),
            ),
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
            rows = await fetch_listing(
                self._vendor,
                lambda parameters: self._client.get(
                    "/v1/models",
                    cast_to=object,
                    options={"params": {"limit": 1000, **parameters}, "timeout": LISTING_SECONDS},
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
        await self._client.close()


def _build_body(request: ChatRequest, vendor: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    notes = []
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens or DEFAULT_OUTPUT_TOKENS["anthropic"],
        "messages": [
            _build_message(message, vendor, request.model) for message in request.messages
        ],
    }
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is not None:
            notes.append(f"{name} was not sent: this API no longer accepts it")
    if request.system is not None:
        body["system"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": dict(tool.parameters),
            }
            for tool in request.tools
        ]
    output: dict[str, Any] = {}
    if request.response_schema is not None:
        output["format"] = {"type": "json_schema", "schema": dict(request.response_schema)}
    if request.reasoning_effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif request.reasoning_effort in _EFFORTS:
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
        output["effort"] = request.reasoning_effort
    elif request.reasoning_effort is not None:
        notes.append(
            f"reasoning_effort {request.reasoning_effort} was not sent: unknown to this API"
        )
    if output:
        body["output_config"] = output
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if "user" in request.metadata:
        body["metadata"] = {"user_id": request.metadata["user"]}
    return body, tuple(notes)


def _build_message(message: Message, vendor: str, model: str) -> dict[str, Any]:
    if message.role == "tool":
        result = {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": message.content,
        }
        return {"role": "user", "content": [result]}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    blocks: list[dict[str, Any]] = []
    if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
        blocks += map(dict, message.replay.blocks)
    if message.content:
        blocks.append({"type": "text", "text": message.content})
    blocks += [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": parse_object(call.arguments),
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": blocks}


def _strip_endpoint(url: str) -> str:
    """Return the base URL from one that may name the endpoint."""
    return url.rstrip("/").removesuffix("/messages").removesuffix("/v1")
