"""The wire of Anthropic: POST /v1/messages and GET /v1/models.

Version 2026-10-21 of the API refuses sampling parameters; older versions still take them.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from simulator.planned import Draft, halves_of, is_reasoning_model, pieces_of, tokens_in
from simulator.request import (
    OfferedTool,
    Question,
    Vendor,
    WireMessage,
    split_prompt,
    text_of,
)
from simulator.formats.base import Frame, RefusalError, Step, dump

_REFUSING_SAMPLING: Final = "2026-10-21"
_ERROR_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class _Thinking(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    display: Literal["summarized", "omitted"] | None = None


class _Tool(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    input_schema: JsonValue = None


class _Format(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    json_schema: JsonValue = Field(default=None, alias="schema")


class _OutputConfig(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    format: _Format | None = None


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[WireMessage] = Field(min_length=1)
    system: str | list[dict[str, JsonValue]] | None = None
    stream: bool = False
    thinking: _Thinking | None = None
    tools: list[_Tool] = []
    output_config: _OutputConfig | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


class AnthropicWire:
    """Messages in, one message or a stream of events out."""

    vendor: Final = Vendor.ANTHROPIC
    request_id_header: Final = "request-id"

    def read(self, body: bytes, headers: Mapping[str, str]) -> Question:
        """Read a request. Raises RefusalError."""
        try:
            request = _Request.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RefusalError(400, f"{where}: {first['msg']}") from error
        _refuse_sampling(request, headers.get("anthropic-version", ""))
        kind = request.thinking.type if request.thinking else None
        prompt, context = split_prompt(request.messages, text_of(request.system))
        return Question(
            vendor=self.vendor,
            model=request.model,
            prompt=prompt,
            context=context,
            message_count=len(request.messages),
            max_tokens=request.max_tokens,
            stream=request.stream,
            wants_reasoning=is_reasoning_model(request.model) if kind is None else _reasons(kind),
            shows_reasoning=request.thinking is None or request.thinking.display != "omitted",
            wants_usage=True,
            is_cacheable=b'"cache_control"' in body,
            tools=tuple(OfferedTool(tool.name, tool.input_schema) for tool in request.tools),
            has_results=_is_result(request.messages[-1]),
            schema=_schema(request.output_config),
        )

    def frames(self, draft: Draft, *, wants_usage: bool) -> Iterator[Frame]:
        """Write an answer as named events; this vendor counts in any case."""
        del wants_usage
        shell = _message(draft, content=[], stop_reason=None, usage=_usage(draft, output=1))
        yield _event("message_start", message=shell)
        index = 0
        if draft.reasoning:
            yield from _thinking_frames(draft)
            index = 1
        if draft.text:
            empty: JsonValue = {"type": "text", "text": ""}
            yield _event("content_block_start", index=index, content_block=empty)
            yield _event("ping")
            for piece in pieces_of(draft.text):
                delta: JsonValue = {"type": "text_delta", "text": piece}
                yield _piece(len(piece) / 4, index, delta)
            yield _closing("content_block_stop", index=index)
            index += 1
        yield from _call_frames(draft, index)
        ending: JsonValue = {"stop_reason": _stop_reason(draft), "stop_sequence": None}
        yield _closing("message_delta", delta=ending, usage=_usage(draft))
        yield _closing("message_stop")

    def whole(self, draft: Draft, *, is_finished: bool = True) -> JsonValue:
        """Write an answer as one message."""
        content: list[JsonValue] = []
        if draft.reasoning:
            thinking = draft.reasoning if draft.shows_reasoning else ""
            content.append(
                {"type": "thinking", "thinking": thinking, "signature": _signature(draft)}
            )
        if draft.text:
            content.append({"type": "text", "text": draft.text})
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            for call in draft.calls
        ]
        stop_reason = _stop_reason(draft) if is_finished else None
        return _message(draft, content=content, stop_reason=stop_reason, usage=_usage(draft))

    def headers(self, draft: Draft) -> dict[str, str]:
        """Headers of an answer."""
        return {self.request_id_header: f"req_{draft.id}"}

    def refusal(self, refused: RefusalError, *, request_id: str) -> JsonValue:
        """Write an error as a body."""
        kind = _ERROR_TYPES.get(refused.status, "api_error")
        return {**_error(kind, refused.message), "request_id": request_id}

    def error_frame(self) -> bytes:
        """Write the event by which an overloaded vendor ends a stream."""
        return b"event: error\ndata: " + dump(_error("overloaded_error", "Overloaded")) + b"\n\n"

    def broken_frame(self) -> bytes:
        """Write a delta whose data are not JSON."""
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{\n\n'

    def models(self) -> JsonValue:
        """List the models, in the form of GET /v1/models."""
        listed = [_model_info(model, name) for model, name in _MODELS.items()]
        ids: list[JsonValue] = list(_MODELS)
        return {"data": listed, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}


_MODELS: Final[Mapping[str, str]] = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-fable-5-2": "Claude Fable 5.2",
    "claude-sonnet-4-6": "Claude Sonnet 4.6",
}


def _refuse_sampling(request: _Request, version: str) -> None:
    if version < _REFUSING_SAMPLING:
        return
    for name in ("temperature", "top_p", "top_k"):
        if name in request.model_fields_set:
            raise RefusalError(400, f"{name}: Extra inputs are not permitted")


def _is_result(message: WireMessage) -> bool:
    blocks = message.content
    return not isinstance(blocks, str | None) and any(
        block.get("type") == "tool_result" for block in blocks
    )


def _schema(config: _OutputConfig | None) -> JsonValue:
    return config.format.json_schema if config and config.format else None


def _reasons(kind: str) -> bool:
    return kind != "disabled"


def _thinking_frames(draft: Draft) -> Iterator[Frame]:
    empty: JsonValue = {"type": "thinking", "thinking": "", "signature": ""}
    yield _event("content_block_start", index=0, content_block=empty)
    delta: JsonValue
    if draft.shows_reasoning:
        for piece in pieces_of(draft.reasoning):
            delta = {"type": "thinking_delta", "thinking": piece}
            yield _piece(len(piece) / 4, 0, delta)
    delta = {"type": "signature_delta", "signature": _signature(draft)}
    hidden = 0 if draft.shows_reasoning else tokens_in(draft.reasoning)
    yield _piece(hidden, 0, delta)
    yield _event("content_block_stop", index=0)


def _call_frames(draft: Draft, index: int) -> Iterator[Frame]:
    for place, call in enumerate(draft.calls, start=index):
        block: JsonValue = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield _event("content_block_start", index=place, content_block=block)
        for piece in halves_of(call.text):
            delta: JsonValue = {"type": "input_json_delta", "partial_json": piece}
            yield _piece(len(piece) / 4, place, delta)
        yield _event("content_block_stop", index=place)


def _signature(draft: Draft) -> str:
    return base64.b64encode(f"simulated {draft.id}".encode()).decode()


def _stop_reason(draft: Draft) -> str:
    if draft.finish is not None:
        return draft.finish
    if draft.calls:
        return "tool_use"
    return "max_tokens" if draft.is_cut else "end_turn"


def _usage(draft: Draft, *, output: int | None = None) -> JsonValue:
    usage: dict[str, JsonValue] = {
        # Unlike the other vendors, this one does not count cached tokens as input.
        "input_tokens": draft.input_tokens - draft.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": draft.cached_tokens,
        "output_tokens": draft.output_tokens if output is None else output,
    }
    if draft.reasoning and output is None:
        usage["output_tokens_details"] = {"thinking_tokens": draft.reasoning_tokens}
    return usage


def _message(
    draft: Draft, *, content: list[JsonValue], stop_reason: str | None, usage: JsonValue
) -> JsonValue:
    return {
        "id": f"msg_{draft.id}",
        "type": "message",
        "role": "assistant",
        "model": draft.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _error(kind: str, message: str) -> dict[str, JsonValue]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _sse(name: str, fields: Mapping[str, JsonValue]) -> bytes:
    return f"event: {name}\ndata: ".encode() + dump({"type": name, **fields}) + b"\n\n"


def _event(name: str, **fields: JsonValue) -> Frame:
    return Frame(_sse(name, fields))


def _piece(tokens: float, index: int, delta: JsonValue) -> Frame:
    return Frame(_sse("content_block_delta", {"index": index, "delta": delta}), Step.PIECE, tokens)


def _closing(name: str, **fields: JsonValue) -> Frame:
    return Frame(_sse(name, fields), Step.CLOSING)


def _model_info(model: str, display_name: str) -> JsonValue:
    return {
        "type": "model",
        "id": model,
        "display_name": display_name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "capabilities": None,
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
