"""The wire of Google's Gemini: POST /v1beta/models/{model}:streamGenerateContent?alt=sse."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from simulator.formats.base import (
    EVENT_STREAM,
    FramePosition,
    InvalidKeyError,
    StatusError,
    StreamFrame,
    dump_json,
    validate_body,
)
from simulator.planned import (
    FOUND,
    PlannedResponse,
    count_tokens,
    is_reasoning_model,
    split_pieces,
)
from simulator.request import (
    CompletionRequest,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    describe_data,
    read_conversation,
)

TARGET: Final = "x-path-target"
"""Header in which the endpoint passes the end of the path, MODEL:METHOD."""
_STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MODELS: Final[Mapping[str, str]] = {
    "gemini-3.8-flash": "Gemini 3.8 Flash",
    "gemini-4-argon": "Gemini 4 Argon",
}


class _Wire(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class _Blob(_Wire):
    mime_type: str = ""
    data: str | None = None
    file_uri: str | None = None


class _Part(_Wire):
    text: str | None = None
    inline_data: _Blob | None = None
    file_data: _Blob | None = None
    thought: bool = False
    function_call: dict[str, JsonValue] | None = None
    function_response: dict[str, JsonValue] | None = None
    thought_signature: str | None = None


class _Content(_Wire):
    role: str = "user"
    parts: list[_Part] = []

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text and not part.thought)


class _Declaration(_Wire):
    name: str
    parameters: JsonValue = None
    parameters_json_schema: JsonValue = None


class _Tool(_Wire):
    function_declarations: list[_Declaration] = []
    google_search: JsonValue = None


class _Calling(_Wire):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"] = "AUTO"
    allowed_function_names: list[str] = []

    @property
    def choice(self) -> str:
        if self.mode == "ANY":
            names = self.allowed_function_names
            return names[0] if len(names) == 1 else "required"
        return "none" if self.mode == "NONE" else "auto"


class _ToolConfig(_Wire):
    function_calling_config: _Calling = _Calling()


class _Thinking(_Wire):
    include_thoughts: bool = False
    thinking_level: str | None = None
    thinking_budget: int | None = None


class _Generation(_Wire):
    max_output_tokens: int | None = Field(default=None, ge=1)
    response_json_schema: JsonValue = None
    response_schema: JsonValue = None
    thinking_config: _Thinking = _Thinking()


class _Request(_Wire):
    contents: list[_Content] = Field(min_length=1)
    system_instruction: _Content = _Content()
    tools: tuple[_Tool, ...] = ()
    tool_config: _ToolConfig = _ToolConfig()
    generation_config: _Generation = _Generation()


class GeminiFormat:
    """Parses requests for content; builds one response or a stream of them."""

    vendor: Final = Vendor.GEMINI
    request_id_header: Final = "x-simulated-request-id"
    stream_type: Final = EVENT_STREAM

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request, whose model and method are in the path; raise `StatusError`."""
        message = "Invalid JSON payload received. '{field}': {problem}"
        request = validate_body(_Request, body, message)
        _refuse_unsigned(request)
        model, _, method = headers[TARGET].rpartition(":")
        generation = request.generation_config
        thinking = generation.thinking_config
        asked = thinking.thinking_level is not None or (thinking.thinking_budget or 0) > 0
        return CompletionRequest(
            vendor=self.vendor,
            model=model,
            conversation=read_conversation(
                map(_read_turn, request.contents), request.system_instruction.text
            ),
            message_count=len(request.contents),
            max_tokens=generation.max_output_tokens,
            stream=method == "streamGenerateContent",
            wants_reasoning=asked or is_reasoning_model(model),
            shows_reasoning=thinking.include_thoughts,
            wants_usage=True,
            is_cacheable=True,
            tools=tuple(
                RequestedTool(each.name, each.parameters_json_schema or each.parameters)
                for tool in request.tools
                for each in tool.function_declarations
            ),
            tool_choice=request.tool_config.function_calling_config.choice,
            searches_web=any(tool.google_search is not None for tool in request.tools),
            files=tuple(_iter_files(request.contents)),
            schema=generation.response_json_schema or generation.response_schema,
        )

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield responses with one part each; the last has the finish reason."""
        del wants_usage
        hidden = 0 if planned.shows_reasoning else count_tokens(planned.reasoning)
        if planned.shows_reasoning:
            for piece in split_pieces(planned.reasoning):
                yield _build_piece(planned, {"text": piece, "thought": True}, len(piece) / 4)
        for piece in split_pieces(planned.text):
            yield _build_piece(planned, {"text": piece}, hidden + len(piece) / 4)
            hidden = 0
        for part in _build_call_parts(planned):
            yield _build_piece(planned, part, hidden + 1)
            hidden = 0
        signed: JsonValue = {"text": "", "thoughtSignature": _sign(planned)}
        last = _build_response(
            planned, [] if planned.calls else [signed], finish=_choose_finish_reason(planned)
        )
        yield StreamFrame(
            _encode_event({**last, "usageMetadata": _build_usage(planned)}), FramePosition.CLOSING
        )

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build one response."""
        parts: list[JsonValue] = []
        if planned.reasoning and planned.shows_reasoning:
            parts.append({"text": planned.reasoning, "thought": True})
        if planned.text:
            parts.append({"text": planned.text})
        parts += _build_call_parts(planned)
        finish = _choose_finish_reason(planned) if is_finished else None
        return {
            **_build_response(planned, parts, finish=finish),
            "usageMetadata": _build_usage(planned),
        }

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Return no headers; the vendor's id is in the body."""
        del planned
        return {}

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error status; the delay for a retry is in its details."""
        del request_id
        details: list[JsonValue] = []
        if isinstance(error, InvalidKeyError):
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            details.append({"@type": kind, "reason": "API_KEY_INVALID"})
        if error.retry_after is not None:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            details.append({"@type": kind, "retryDelay": f"{error.retry_after}s"})
        return _build_error(error.status, error.message, details)

    def build_error_frame(self) -> bytes:
        """Return the error with which an overloaded vendor ends a stream."""
        return _encode_event(
            _build_error(503, "The model is overloaded. Please try again later.", [])
        )

    def build_broken_frame(self) -> bytes:
        """Return a response that is not JSON."""
        return b'data: {"candidates": [{"content":\r\n\r\n'

    def list_models(self) -> JsonValue:
        """Return the list of models, as GET /v1beta/models does."""
        listed: list[JsonValue] = [
            {
                "name": f"models/{name}",
                "displayName": title,
                "inputTokenLimit": 1_048_576,
                "outputTokenLimit": 65_536,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }
            for name, title in _MODELS.items()
        ]
        embedding: JsonValue = {
            "name": "models/gemini-embedding-001",
            "inputTokenLimit": 2048,
            "supportedGenerationMethods": ["embedContent", "batchEmbedContents"],
        }
        return {"models": [*listed, embedding]}


def _read_turn(content: _Content) -> SimulatedTurn:
    results = tuple(
        dump_json(part.function_response.get("response")).decode()
        for part in content.parts
        if part.function_response
    )
    if results:
        return SimulatedTurn(role="tool", text=content.text, results=results)
    if content.role == "model":
        has_calls = any(part.function_call for part in content.parts)
        return SimulatedTurn(role="assistant", text=content.text, has_calls=has_calls)
    return SimulatedTurn(role="user", text=content.text)


def _iter_files(contents: Iterable[_Content]) -> Iterator[str]:
    """Describe the images and documents; raise `StatusError` for one that cannot be read."""
    for part in (each for content in contents for each in content.parts):
        if part.file_data is not None:
            yield str(part.file_data.file_uri)
        elif part.inline_data is not None:
            try:
                yield describe_data(part.inline_data.mime_type, part.inline_data.data or "")
            except ValueError as error:
                raise StatusError(400, f"Unable to process input image: {error}") from error


def _refuse_unsigned(request: _Request) -> None:
    """Raise `StatusError` for a returned call without the signature of its thinking."""
    for content in request.contents:
        if content.role != "model":
            continue
        first = next((part for part in content.parts if part.function_call), None)
        if first is not None and not first.thought_signature:
            message = "Function call is missing a thought_signature in functionCall parts."
            raise StatusError(400, message)


def _build_call_parts(planned: PlannedResponse) -> list[JsonValue]:
    """Build the parts of the calls; only the first of parallel calls is signed."""
    parts: list[JsonValue] = []
    for place, call in enumerate(planned.calls):
        part: dict[str, JsonValue] = {
            "functionCall": {"id": call.id, "name": call.name, "args": call.arguments}
        }
        if place == 0:
            part["thoughtSignature"] = _sign(planned)
        parts.append(part)
    return parts


def _sign(planned: PlannedResponse) -> str:
    return base64.b64encode(f"simulated {planned.id}".encode()).decode()


def _choose_finish_reason(planned: PlannedResponse) -> str:
    return planned.finish_reason or ("MAX_TOKENS" if planned.is_truncated else "STOP")


def _build_usage(planned: PlannedResponse) -> JsonValue:
    thoughts = planned.reasoning_tokens
    usage: dict[str, JsonValue] = {
        "promptTokenCount": planned.input_tokens,
        "cachedContentTokenCount": planned.cached_tokens,
        "candidatesTokenCount": planned.output_tokens - thoughts,
        "totalTokenCount": planned.input_tokens + planned.output_tokens,
    }
    return {**usage, "thoughtsTokenCount": thoughts} if thoughts else usage


def _build_response(
    planned: PlannedResponse, parts: list[JsonValue], *, finish: str | None = None
) -> dict[str, JsonValue]:
    candidate: dict[str, JsonValue] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish and planned.searches:
        url, title = FOUND
        candidate["groundingMetadata"] = {
            "webSearchQueries": ["simulated"],
            "groundingChunks": [{"web": {"uri": url, "title": title}}],
        }
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": planned.model, "responseId": planned.id}


def _build_piece(planned: PlannedResponse, part: JsonValue, tokens: float) -> StreamFrame:
    return StreamFrame(_encode_event(_build_response(planned, [part])), FramePosition.PIECE, tokens)


def _build_error(status: int, message: str, details: list[JsonValue]) -> dict[str, JsonValue]:
    error: dict[str, JsonValue] = {
        "code": status,
        "message": message,
        "status": _STATUSES.get(status, "UNKNOWN"),
    }
    return {"error": {**error, "details": details} if details else error}


def _encode_event(value: JsonValue) -> bytes:
    return b"data: " + dump_json(value) + b"\r\n\r\n"
