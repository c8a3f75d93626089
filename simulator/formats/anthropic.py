"""Anthropic's format: POST /v1/messages and GET /v1/models.

Version 2026-10-21 of the API refuses sampling parameters; older versions accept them.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from simulator.answers.tool_calls import split_halves
from simulator.formats.anthropic_request import parse_messages_request
from simulator.formats.base import EVENT_STREAM, FramePosition, StatusError, StreamFrame, dump_json
from simulator.planned import (
    FOUND,
    PlannedResponse,
    count_tokens,
    split_pieces,
)
from simulator.request import (
    CompletionRequest,
    Vendor,
)

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


class AnthropicFormat:
    """Parses requests for messages; builds one message or a stream of events."""

    vendor: Final = Vendor.ANTHROPIC
    request_id_header: Final = "request-id"
    stream_type: Final = EVENT_STREAM

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request; raise `StatusError` if it is invalid."""
        return parse_messages_request(body, headers.get("anthropic-version", ""))

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield named events; usage is always included."""
        del wants_usage
        shell = _build_message(
            planned, content=[], stop_reason=None, usage=_build_usage(planned, output=1)
        )
        yield _build_event("message_start", message=shell)
        index = 0
        if planned.reasoning:
            yield from _build_thinking_frames(planned)
            index = 1
        for block in _build_search_blocks(planned):
            yield _build_event("content_block_start", index=index, content_block=block)
            yield _build_event("content_block_stop", index=index)
            index += 1
        if planned.text:
            empty: JsonValue = {"type": "text", "text": ""}
            yield _build_event("content_block_start", index=index, content_block=empty)
            yield _build_event("ping")
            for piece in split_pieces(planned.text):
                delta: JsonValue = {"type": "text_delta", "text": piece}
                yield _build_piece(len(piece) / 4, index, delta)
            for citation in _build_citations(planned):
                delta = {"type": "citations_delta", "citation": citation}
                yield _build_piece(0, index, delta)
            yield _build_closing("content_block_stop", index=index)
            index += 1
        yield from _build_call_frames(planned, index)
        ending: JsonValue = {"stop_reason": _choose_stop_reason(planned), "stop_sequence": None}
        yield _build_closing("message_delta", delta=ending, usage=_build_usage(planned))
        yield _build_closing("message_stop")

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build one message."""
        content: list[JsonValue] = []
        if planned.reasoning:
            thinking = planned.reasoning if planned.shows_reasoning else ""
            content.append({"type": "thinking", "thinking": thinking, "signature": _sign(planned)})
        content += _build_search_blocks(planned)
        if planned.text:
            block: dict[str, JsonValue] = {"type": "text", "text": planned.text}
            if citations := _build_citations(planned):
                block["citations"] = citations
            content.append(block)
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            for call in planned.calls
        ]
        stop_reason = _choose_stop_reason(planned) if is_finished else None
        return _build_message(
            planned, content=content, stop_reason=stop_reason, usage=_build_usage(planned)
        )

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Build the headers of a response."""
        return {self.request_id_header: f"req_{planned.id}"}

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error status."""
        kind = _ERROR_TYPES.get(error.status, "api_error")
        return {**_build_error(kind, error.message), "request_id": request_id}

    def build_error_frame(self) -> bytes:
        """Return the event with which an overloaded vendor ends a stream."""
        return (
            b"event: error\ndata: "
            + dump_json(_build_error("overloaded_error", "Overloaded"))
            + b"\n\n"
        )

    def build_broken_frame(self) -> bytes:
        """Return a delta whose data are not JSON."""
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{\n\n'

    def list_models(self) -> JsonValue:
        """Return the list of models, as GET /v1/models does."""
        listed = [_build_model(model, name) for model, name in _MODELS.items()]
        ids: list[JsonValue] = list(_MODELS)
        return {"data": listed, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}


_MODELS: Final[Mapping[str, str]] = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-fable-5-2": "Claude Fable 5.2",
    "claude-sonnet-4-6": "Claude Sonnet 4.6",
}


def _build_thinking_frames(planned: PlannedResponse) -> Iterator[StreamFrame]:
    empty: JsonValue = {"type": "thinking", "thinking": "", "signature": ""}
    yield _build_event("content_block_start", index=0, content_block=empty)
    delta: JsonValue
    if planned.shows_reasoning:
        for piece in split_pieces(planned.reasoning):
            delta = {"type": "thinking_delta", "thinking": piece}
            yield _build_piece(len(piece) / 4, 0, delta)
    delta = {"type": "signature_delta", "signature": _sign(planned)}
    hidden = 0 if planned.shows_reasoning else count_tokens(planned.reasoning)
    yield _build_piece(hidden, 0, delta)
    yield _build_event("content_block_stop", index=0)


def _build_search_blocks(planned: PlannedResponse) -> list[JsonValue]:
    if not planned.searches:
        return []
    url, title = FOUND
    call_id = f"srvtoolu_{planned.id}"
    call: JsonValue = {
        "type": "server_tool_use",
        "id": call_id,
        "name": "web_search",
        "input": {"query": "simulated"},
    }
    found: JsonValue = {
        "type": "web_search_result",
        "url": url,
        "title": title,
        "encrypted_content": _sign(planned),
        "page_age": None,
    }
    result: JsonValue = {
        "type": "web_search_tool_result",
        "tool_use_id": call_id,
        "content": [found],
    }
    return [call, result]


def _build_citations(planned: PlannedResponse) -> list[JsonValue]:
    if not planned.searches:
        return []
    url, title = FOUND
    cited: JsonValue = {
        "type": "web_search_result_location",
        "url": url,
        "title": title,
        "cited_text": "Simulated.",
        "encrypted_index": _sign(planned),
    }
    return [cited]


def _build_call_frames(planned: PlannedResponse, index: int) -> Iterator[StreamFrame]:
    for place, call in enumerate(planned.calls, start=index):
        block: JsonValue = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield _build_event("content_block_start", index=place, content_block=block)
        for piece in split_halves(call.text):
            delta: JsonValue = {"type": "input_json_delta", "partial_json": piece}
            yield _build_piece(len(piece) / 4, place, delta)
        yield _build_event("content_block_stop", index=place)


def _sign(planned: PlannedResponse) -> str:
    return base64.b64encode(f"simulated {planned.id}".encode()).decode()


def _choose_stop_reason(planned: PlannedResponse) -> str:
    if planned.finish_reason is not None:
        return planned.finish_reason
    if planned.calls:
        return "tool_use"
    return "max_tokens" if planned.is_truncated else "end_turn"


def _build_usage(planned: PlannedResponse, *, output: int | None = None) -> JsonValue:
    usage: dict[str, JsonValue] = {
        # Unlike the other vendors, this one does not count cached tokens as input.
        "input_tokens": planned.input_tokens - planned.cached_tokens - planned.written_tokens,
        "cache_creation_input_tokens": planned.written_tokens,
        "cache_read_input_tokens": planned.cached_tokens,
        "output_tokens": planned.output_tokens if output is None else output,
    }
    if planned.searches:
        usage["server_tool_use"] = {
            "web_search_requests": planned.searches,
            "web_fetch_requests": 0,
        }
    if planned.reasoning and output is None:
        usage["output_tokens_details"] = {"thinking_tokens": planned.reasoning_tokens}
    return usage


def _build_message(
    planned: PlannedResponse, *, content: list[JsonValue], stop_reason: str | None, usage: JsonValue
) -> JsonValue:
    return {
        "id": f"msg_{planned.id}",
        "type": "message",
        "role": "assistant",
        "model": planned.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _build_error(kind: str, message: str) -> dict[str, JsonValue]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _encode_event(name: str, fields: Mapping[str, JsonValue]) -> bytes:
    return f"event: {name}\ndata: ".encode() + dump_json({"type": name, **fields}) + b"\n\n"


def _build_event(name: str, **fields: JsonValue) -> StreamFrame:
    return StreamFrame(_encode_event(name, fields))


def _build_piece(tokens: float, index: int, delta: JsonValue) -> StreamFrame:
    return StreamFrame(
        _encode_event("content_block_delta", {"index": index, "delta": delta}),
        FramePosition.PIECE,
        tokens,
    )


def _build_closing(name: str, **fields: JsonValue) -> StreamFrame:
    return StreamFrame(_encode_event(name, fields), FramePosition.CLOSING)


def _build_model(model: str, display_name: str) -> JsonValue:
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
