"""The wire that OpenAI began and most vendors share: POST .../chat/completions.

Where vendors differ, a `Dialect` says so.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from simulator.planned import Draft, halves_of, is_reasoning_model, pieces_of, tokens_in
from simulator.request import OfferedTool, Question, Vendor, WireMessage, split_prompt
from simulator.formats.dialect import Dialect
from simulator.formats.base import Frame, RefusalError, Step, dump

_CREATED: Final = 1_700_000_000
"""The same in all answers, which are deterministic."""


class _Thinking(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "enabled"


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    include_usage: bool = False


class _Function(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    parameters: JsonValue = None


class _Tool(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    function: _Function


class _JsonSchema(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    json_schema: dict[str, JsonValue] = Field(alias="schema")


class _ResponseFormat(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    json_schema: _JsonSchema | None = None

    @property
    def schema_of_answer(self) -> JsonValue:
        if self.json_schema is not None:
            return self.json_schema.json_schema
        return {"type": "object"} if self.type == "json_object" else None


class _Reasoning(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    effort: str | None = None


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = Field(min_length=1)
    messages: list[WireMessage] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    reasoning_effort: str | int | bool | None = None
    reasoning: _Reasoning | None = None
    thinking: _Thinking | None = None
    tools: list[_Tool] = []
    response_format: _ResponseFormat | None = None

    @property
    def wants_reasoning(self) -> bool:
        if self.thinking is not None:
            return self.thinking.type != "disabled"
        effort = self.reasoning.effort if self.reasoning else self.reasoning_effort
        if effort is not None:
            return effort not in {"none", False}  # 0 equals False
        return is_reasoning_model(self.model)


class ChatWire:
    """Messages in, one completion or a stream of chunks out."""

    request_id_header: Final = "x-request-id"

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    @property
    def vendor(self) -> Vendor:
        """Whose dialect this is."""
        return self._dialect.vendor

    def read(self, body: bytes, headers: Mapping[str, str]) -> Question:
        """Read a request. Raises RefusalError."""
        del headers
        try:
            request = _Request.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RefusalError(400, f"Invalid value for '{where}': {first['msg']}") from error
        prompt, context = split_prompt(request.messages)
        limit = request.max_completion_tokens or request.max_tokens
        asked = request.stream_options is not None and request.stream_options.include_usage
        return Question(
            vendor=self.vendor,
            model=request.model,
            prompt=prompt,
            context=context,
            message_count=len(request.messages),
            max_tokens=limit or self._dialect.default_max_tokens,
            stream=request.stream,
            wants_reasoning=request.wants_reasoning,
            shows_reasoning=self._dialect.shows_reasoning(request.model),
            wants_usage=asked or self._dialect.is_usage_unasked,
            is_cacheable=True,
            tools=tuple(
                OfferedTool(tool.function.name, tool.function.parameters) for tool in request.tools
            ),
            has_results=request.messages[-1].role == "tool",
            schema=request.response_format.schema_of_answer if request.response_format else None,
        )

    def frames(self, draft: Draft, *, wants_usage: bool) -> Iterator[Frame]:
        """Write an answer as chunks and the word [DONE]."""
        dialect = self._dialect
        separate = wants_usage and not dialect.is_usage_unasked
        # Whoever asked for usage finds null in every chunk but the last.
        extra: dict[str, JsonValue] = dialect.fields(draft)
        if separate:
            extra["usage"] = None
        if dialect.comment:
            yield Frame(f": {dialect.comment}\n\n".encode())
        yield Frame(_chunk(draft, {"role": "assistant", "content": ""}, extra))
        hidden = 0 if draft.shows_reasoning else tokens_in(draft.reasoning)
        if draft.shows_reasoning:
            for piece in pieces_of(dialect.opening(draft) + draft.reasoning):
                data = _chunk(draft, _thought(dialect.reasoning, piece), extra)
                yield Frame(data, Step.PIECE, len(piece) / 4)
        for piece in pieces_of(dialect.closing(draft) + draft.text):
            yield Frame(
                _chunk(draft, {"content": piece}, extra), Step.PIECE, hidden + len(piece) / 4
            )
            hidden = 0
        for delta in self._call_deltas(draft):
            yield Frame(_chunk(draft, {"tool_calls": [delta]}, extra), Step.PIECE, hidden + 1)
            hidden = 0
        usage = dialect.usage(draft)
        if wants_usage and not separate:
            extra |= dialect.placed(usage)
        finish = self._finish_reason(draft)
        yield Frame(_chunk(draft, {}, extra, finish=finish), Step.CLOSING)
        if separate:
            yield Frame(_sse({**_head(draft), "choices": [], "usage": usage}), Step.CLOSING)
        yield Frame(b"data: [DONE]\n\n", Step.CLOSING)

    def whole(self, draft: Draft, *, is_finished: bool = True) -> JsonValue:
        """Write an answer as one completion."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": draft.text}
        if draft.reasoning and draft.shows_reasoning:
            message |= _thought(self._dialect.reasoning, draft.reasoning)
        if draft.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.text},
                }
                for call in draft.calls
            ]
        finish = self._finish_reason(draft) if is_finished else None
        return {
            **_head(draft, kind="chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self._dialect.usage(draft),
            **self._dialect.fields(draft),
        }

    def _call_deltas(self, draft: Draft) -> Iterator[JsonValue]:
        for index, call in enumerate(draft.calls):
            head: dict[str, JsonValue] = {"index": index, "id": call.id, "type": "function"}
            if self._dialect.arguments_are_objects:
                yield {**head, "function": {"name": call.name, "arguments": call.arguments}}
                continue
            first, second = halves_of(call.text)
            yield {**head, "function": {"name": call.name, "arguments": first}}
            yield {"index": index, "function": {"arguments": second}}

    def _finish_reason(self, draft: Draft) -> str:
        if draft.finish is not None:
            return draft.finish
        if draft.calls:
            return "tool_calls"
        return "length" if draft.is_cut else self._dialect.stop

    def headers(self, draft: Draft) -> dict[str, str]:
        """Headers of an answer."""
        return {self.request_id_header: f"req_{draft.id}", **self._dialect.headers(draft)}

    def refusal(self, refused: RefusalError, *, request_id: str) -> JsonValue:
        """Write an error as a body; the id of the request is only in its header."""
        del request_id
        return self._dialect.error(refused.status, refused.message)

    def error_frame(self) -> bytes:
        """Write an error in the place of a chunk."""
        return _sse(self._dialect.error(500, "The server had an error while generating."))

    def broken_frame(self) -> bytes:
        """Write a chunk that is not JSON."""
        return b'data: {"id":"sim","choices":[{"delta":\n\n'


def _thought(
    place: Literal["reasoning_content", "reasoning", "parts", "tags"], piece: str
) -> dict[str, JsonValue]:
    match place:
        case "parts":
            inner: JsonValue = {"type": "text", "text": piece}
            return {"content": [{"type": "thinking", "thinking": [inner]}]}
        case "tags":
            return {"content": piece}
    return {place: piece}


def _head(draft: Draft, *, kind: str = "chat.completion.chunk") -> dict[str, JsonValue]:
    return {
        "id": f"chatcmpl-{draft.id}",
        "object": kind,
        "created": _CREATED,
        "model": draft.model,
    }


def _chunk(
    draft: Draft,
    delta: dict[str, JsonValue],
    extra: Mapping[str, JsonValue],
    *,
    finish: str | None = None,
) -> bytes:
    choice: JsonValue = {"index": 0, "delta": delta, "finish_reason": finish}
    return _sse({**_head(draft), "choices": [choice], **extra})


def _sse(value: JsonValue) -> bytes:
    return b"data: " + dump(value) + b"\n\n"
