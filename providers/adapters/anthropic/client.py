"""Anthropic's messages, through its own SDK; MiniMax speaks them, too."""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import anthropic
import httpx2
from pydantic import SecretStr

from providers.adapters.anthropic.stream import MessageReader
from providers.adapters.base import ListedModel, Timeouts
from providers.adapters.http.body_limits import body_limits
from providers.adapters.http.deadlines import Deadlines
from providers.adapters.http.error_mapping import TRANSPORT_ERRORS
from providers.adapters.http.sdk_errors import SdkErrors
from providers.adapters.http.stream import payloads
from providers.adapters.output_limits import ANTHROPIC
from providers.adapters.payload import text_in
from providers.catalogue.listing_rows import day_in, number_in, read_pages, row_id
from providers.chat import ChatRequest, Event, Message, ReasoningDelta, TextDelta, ToolCallDelta
from providers.errors import CallFailed

__all__ = ["Anthropic"]

LISTING_SECONDS: Final = 20.0

_ERRORS: Final = SdkErrors(
    status=anthropic.APIStatusError,
    timeout=anthropic.APITimeoutError,
    connection=anthropic.APIConnectionError,
    shape=anthropic.APIResponseValidationError,
    api=anthropic.APIError,
)
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})


class Anthropic:
    """An `Adapter` for the messages API of version 2026-10-21."""

    def __init__(self, *, vendor: str, base_url: str, key: SecretStr | None) -> None:
        self._vendor = vendor
        self._secret = key.get_secret_value() if key else ""
        self._client = anthropic.AsyncAnthropic(
            api_key=self._secret,
            base_url=_root(base_url),
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks=body_limits(httpx2.AsyncByteStream)
            ),
            open_telemetry=False,  # spans are made where the attempt is known
        )
        self._client._custom_headers = {}  # ambient ANTHROPIC_CUSTOM_HEADERS are not ours to send

    async def stream(
        self, request: ChatRequest, *, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        """See `Adapter.stream`."""
        body, notes = _parameters(request, self._vendor)
        opening = self._client.messages.with_streaming_response.create(
            **body,
            stream=not request.whole,
            timeout=anthropic.Timeout(None, connect=timeouts.connect.total_seconds()),
        )
        reader = MessageReader(
            vendor=self._vendor,
            secret=self._secret,
            asked=request.model,
            keeps_thinking=bool(request.tools),
        )
        with (
            Deadlines(self._vendor, timeouts, whole=request.whole) as deadlines,
            _ERRORS.translated(self._vendor, secret=self._secret, connect=timeouts.connect),
        ):
            async with AsyncExitStack() as stack:
                response = await deadlines.wait(stack.enter_async_context(opening))
                try:
                    async with aclosing(payloads(self._vendor, response, deadlines)) as items:
                        async for _, payload in items:
                            for event in reader.read(payload):
                                if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta):
                                    deadlines.first_token()
                                yield event
                except (CallFailed, *TRANSPORT_ERRORS):
                    if not reader.is_finished:
                        raise
                request_id = response.headers.get("request-id")
                for event in reader.close(request_id=request_id, notes=notes):
                    yield event

    async def list_models(self) -> list[ListedModel]:
        """See `Adapter.list_models`."""
        wait = timedelta(seconds=LISTING_SECONDS)
        with _ERRORS.translated(self._vendor, secret=self._secret, connect=wait):
            rows = await read_pages(
                self._vendor,
                lambda after: self._client.get(
                    "/v1/models",
                    cast_to=object,
                    options={"params": {"limit": 1000, **after}, "timeout": LISTING_SECONDS},
                ),
                said="last_id",
                sent="after_id",
                more="has_more",
            )
        return [
            ListedModel(
                id=row_id(row, "id", "name"),
                display_name=text_in(row, "display_name"),
                context_window=number_in(row, "max_input_tokens"),
                max_output_tokens=number_in(row, "max_tokens"),
                retires_on=day_in(row, "retires_at"),
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


def _parameters(request: ChatRequest, vendor: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    notes = []
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens or ANTHROPIC,
        "messages": [_message(message, vendor, request.model) for message in request.messages],
    }
    for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
        if value is not None:
            notes.append(f"{name} was not sent: this API no longer takes it")
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
        notes.append(f"reasoning_effort {request.reasoning_effort} was not sent: not known here")
    if output:
        body["output_config"] = output
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if "user" in request.metadata:
        body["metadata"] = {"user_id": request.metadata["user"]}
    return body, tuple(notes)


def _message(message: Message, vendor: str, model: str) -> dict[str, Any]:
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
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call.arguments)}
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": blocks}


def _arguments(text: str) -> dict[str, Any]:
    """The vendor wants an object back, even for a call whose arguments were not one."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _root(url: str) -> str:
    """The base URL that the SDK wants, from one that may name the endpoint itself."""
    return url.rstrip("/").removesuffix("/messages").removesuffix("/v1")
