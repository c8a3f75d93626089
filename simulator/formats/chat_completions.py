"""The format of OpenAI that most vendors share: POST .../chat/completions.

A `Dialect` describes where vendors differ.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from pydantic import Field, JsonValue

from simulator.formats.base import (
    EVENT_STREAM,
    FramePosition,
    StatusError,
    StreamFrame,
    dump_json,
    validate_body,
)
from simulator.formats.dialect import Dialect
from simulator.local.call_deltas import DELTAS
from simulator.planned import (
    PlannedResponse,
    count_tokens,
    is_reasoning_model,
    split_pieces,
)
from simulator.request import (
    CompletionRequest,
    LenientModel,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    WireMessage,
    describe_url,
    read_conversation,
)

_CREATED: Final = 1_700_000_000
"""Constant, so that responses are deterministic."""
_INSTRUCTING: Final = frozenset({"system", "developer"})


class _Thinking(LenientModel):
    type: str = "enabled"


class _StreamOptions(LenientModel):
    include_usage: bool = False


class _Function(LenientModel):
    name: str
    parameters: JsonValue = None


class _Tool(LenientModel):
    function: _Function


class _NamedFunction(LenientModel):
    name: str


class _ToolChoice(LenientModel):
    function: _NamedFunction


class _Message(WireMessage):
    tool_calls: tuple[JsonValue, ...] | None = None

    @property
    def turn(self) -> SimulatedTurn:
        role: Literal["user", "assistant", "tool"] = "user"
        if self.role in {"assistant", "tool"}:
            role = "tool" if self.role == "tool" else "assistant"
        if role == "tool":
            return SimulatedTurn(role=role, results=(self.text,))
        return SimulatedTurn(role=role, text=self.text, has_calls=bool(self.tool_calls))


class _JsonSchema(LenientModel):
    json_schema: dict[str, JsonValue] = Field(alias="schema")
    strict: bool | None = None


class _ResponseFormat(LenientModel):
    type: str
    json_schema: _JsonSchema | None = None

    @property
    def response_schema(self) -> JsonValue:
        if self.json_schema is not None:
            return self.json_schema.json_schema
        return {"type": "object"} if self.type == "json_object" else None

    @property
    def is_strict(self) -> bool:
        return self.json_schema is not None and self.json_schema.strict is True


class _Reasoning(LenientModel):
    effort: str | None = None


class _Request(LenientModel):
    model: str = Field(min_length=1)
    messages: list[_Message] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    reasoning_effort: str | int | bool | None = None
    reasoning: _Reasoning | None = None
    thinking: _Thinking | None = None
    tools: tuple[_Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required", "any"] | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _ResponseFormat | None = None

    @property
    def choice(self) -> str:
        if isinstance(self.tool_choice, _ToolChoice):
            return self.tool_choice.function.name
        return "required" if self.tool_choice == "any" else self.tool_choice or "auto"

    @property
    def wants_reasoning(self) -> bool:
        if self.thinking is not None:
            return self.thinking.type != "disabled"
        effort = self.reasoning.effort if self.reasoning else self.reasoning_effort
        if effort is not None:
            return effort not in {"none", False}  # 0 equals False
        return is_reasoning_model(self.model)


def _iter_files(messages: Iterable[WireMessage]) -> Iterator[str]:
    """Describe the images and documents; raise `StatusError` for one that cannot be read."""
    for message in messages:
        for part in message.content if isinstance(message.content, list) else ():
            holder = part.get("image_url") or part.get("file")
            if not holder:
                continue
            url = holder if isinstance(holder, str) else None
            if isinstance(holder, dict):
                url = str(holder.get("url") or holder.get("file_data"))
            try:
                yield describe_url(url or "")
            except ValueError as error:
                raise StatusError(400, f"Invalid base64 data in a file: {error}") from error


class ChatCompletionsFormat:
    """Parses requests for completions; builds one completion or a stream of chunks."""

    request_id_header: Final = "x-request-id"
    stream_type: Final = EVENT_STREAM

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    @property
    def vendor(self) -> Vendor:
        """The vendor of the dialect."""
        return self._dialect.vendor

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request; raise `StatusError` if it is invalid."""
        del headers
        request = validate_body(_Request, body, "Invalid value for '{field}': {problem}")
        # Instructions of the system are context, wherever they are.
        system = "\n".join(each.text for each in request.messages if each.role in _INSTRUCTING)
        turns = [each.turn for each in request.messages if each.role not in _INSTRUCTING]
        limit = request.max_completion_tokens or request.max_tokens
        asked = request.stream_options is not None and request.stream_options.include_usage
        return CompletionRequest(
            vendor=self.vendor,
            model=request.model,
            conversation=read_conversation(turns, system),
            message_count=len(request.messages),
            max_tokens=limit or self._dialect.default_max_tokens,
            stream=request.stream,
            wants_reasoning=request.wants_reasoning,
            shows_reasoning=self._dialect.shows_reasoning(request.model),
            wants_usage=asked or self._dialect.always_sends_usage,
            is_cacheable=True,
            tools=tuple(
                RequestedTool(tool.function.name, tool.function.parameters)
                for tool in request.tools
            ),
            tool_choice=request.choice,
            allows_parallel_calls=request.parallel_tool_calls is not False,
            files=tuple(_iter_files(request.messages)),
            schema=request.response_format.response_schema if request.response_format else None,
            is_strict=bool(request.response_format and request.response_format.is_strict),
        )

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield chunks and the final word [DONE]."""
        dialect = self._dialect
        separate = wants_usage and not dialect.always_sends_usage
        # If usage was requested, every chunk but the last has null.
        extra: dict[str, JsonValue] = dialect.fields(planned)
        if separate:
            extra["usage"] = None
        if dialect.comment:
            yield StreamFrame(f": {dialect.comment}\n\n".encode())
        yield StreamFrame(_build_chunk(planned, {"role": "assistant", "content": ""}, extra))
        hidden = 0 if planned.shows_reasoning else count_tokens(planned.reasoning)
        if planned.shows_reasoning:
            for piece in split_pieces(dialect.get_reasoning_prefix(planned) + planned.reasoning):
                data = _build_chunk(planned, _build_thought(dialect.reasoning, piece), extra)
                yield StreamFrame(data, FramePosition.PIECE, len(piece) / 4)
        for piece in split_pieces(dialect.get_reasoning_suffix(planned) + planned.text):
            yield StreamFrame(
                _build_chunk(planned, {"content": piece}, extra),
                FramePosition.PIECE,
                hidden + len(piece) / 4,
            )
            hidden = 0
        for deltas in self._build_call_deltas(planned):
            yield StreamFrame(
                _build_chunk(planned, {"tool_calls": deltas}, extra),
                FramePosition.PIECE,
                hidden + 1,
            )
            hidden = 0
        usage = dialect.usage(planned)
        if wants_usage and not separate:
            extra |= dialect.build_usage_fields(usage)
        finish = self._choose_finish_reason(planned)
        yield StreamFrame(_build_chunk(planned, {}, extra, finish=finish), FramePosition.CLOSING)
        if separate:
            yield StreamFrame(
                _encode_event({**_build_head(planned), "choices": [], "usage": usage}),
                FramePosition.CLOSING,
            )
        yield StreamFrame(b"data: [DONE]\n\n", FramePosition.CLOSING)

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build one completion."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": planned.text}
        if planned.reasoning and planned.shows_reasoning:
            message |= _build_thought(self._dialect.reasoning, planned.reasoning)
        if planned.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.text},
                }
                for call in planned.calls
            ]
        finish = self._choose_finish_reason(planned) if is_finished else None
        return {
            **_build_head(planned, kind="chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self._dialect.usage(planned),
            **self._dialect.fields(planned),
        }

    def _build_call_deltas(self, planned: PlannedResponse) -> Iterator[JsonValue]:
        is_broken = any(call.is_broken for call in planned.calls)
        usual = "objects" if self._dialect.arguments_are_objects and not is_broken else "halves"
        for deltas in DELTAS[planned.deltas or usual](planned.calls):
            yield [*deltas]

    def _choose_finish_reason(self, planned: PlannedResponse) -> str:
        if planned.finish_reason is not None:
            return planned.finish_reason
        if planned.calls:
            return "tool_calls"
        return "length" if planned.is_truncated else self._dialect.stop

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Build the headers of a response."""
        return {self.request_id_header: f"req_{planned.id}", **self._dialect.headers(planned)}

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error status; the request id is only in its header."""
        del request_id
        return self._dialect.error(error.status, error.message)

    def build_error_frame(self) -> bytes:
        """Return an error in place of a chunk."""
        return _encode_event(self._dialect.error(500, "The server had an error while generating."))

    def build_broken_frame(self) -> bytes:
        """Return a chunk that is not JSON."""
        return b'data: {"id":"sim","choices":[{"delta":\n\n'


def _build_thought(
    place: Literal["reasoning_content", "reasoning", "parts", "tags"], piece: str
) -> dict[str, JsonValue]:
    match place:
        case "parts":
            inner: JsonValue = {"type": "text", "text": piece}
            return {"content": [{"type": "thinking", "thinking": [inner]}]}
        case "tags":
            return {"content": piece}
    return {place: piece}


def _build_head(
    planned: PlannedResponse, *, kind: str = "chat.completion.chunk"
) -> dict[str, JsonValue]:
    return {
        "id": f"chatcmpl-{planned.id}",
        "object": kind,
        "created": _CREATED,
        "model": planned.model,
    }


def _build_chunk(
    planned: PlannedResponse,
    delta: dict[str, JsonValue],
    extra: Mapping[str, JsonValue],
    *,
    finish: str | None = None,
) -> bytes:
    choice: JsonValue = {"index": 0, "delta": delta, "finish_reason": finish}
    return _encode_event({**_build_head(planned), "choices": [choice], **extra})


def _encode_event(value: JsonValue) -> bytes:
    return b"data: " + dump_json(value) + b"\n\n"
