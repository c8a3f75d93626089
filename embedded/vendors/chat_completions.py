"""The wire that OpenAI began and Fireworks shares: POST .../chat/completions.

Where vendors differ, a `Dialect` says so.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from embedded.vendors.draft import Draft, is_reasoning_model, pieces_of, tokens_in
from embedded.vendors.question import Question, Vendor, WireMessage, split_prompt
from embedded.vendors.wire import Frame, RefusalError, Step, dump

_CREATED: Final = 1_700_000_000
"""The same in all answers, which are deterministic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one vendor says in its own way."""

    vendor: Vendor
    default_max_tokens: int | None
    is_usage_unasked: bool
    """Whether each stream ends with usage, in its last chunk; else a chunk of its own on demand."""
    shows_reasoning: Callable[[str], bool]
    """Given a model, whether its reasoning comes as text."""
    usage: Callable[[Draft], JsonValue]
    headers: Callable[[Draft], dict[str, str]]
    error: Callable[[int, str], JsonValue]


class _Thinking(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "enabled"


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    include_usage: bool = False


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = Field(min_length=1)
    messages: list[WireMessage] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    reasoning_effort: str | int | bool | None = None
    thinking: _Thinking | None = None

    @property
    def wants_reasoning(self) -> bool:
        if self.thinking is not None:
            return self.thinking.type != "disabled"
        if self.reasoning_effort is not None:
            return self.reasoning_effort not in {"none", False}  # 0 equals False
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
        )

    def frames(self, draft: Draft, *, wants_usage: bool) -> Iterator[Frame]:
        """Write an answer as chunks and the word [DONE]."""
        separate = wants_usage and not self._dialect.is_usage_unasked
        # Whoever asked for usage finds null in every chunk but the last.
        extra: dict[str, JsonValue] = {"usage": None} if separate else {}
        yield Frame(_chunk(draft, {"role": "assistant", "content": ""}, extra))
        hidden = 0 if draft.shows_reasoning else tokens_in(draft.reasoning)
        if draft.shows_reasoning:
            for piece in pieces_of(draft.reasoning):
                data = _chunk(draft, {"reasoning_content": piece}, extra)
                yield Frame(data, Step.PIECE, len(piece) / 4)
        for piece in pieces_of(draft.text):
            yield Frame(
                _chunk(draft, {"content": piece}, extra), Step.PIECE, hidden + len(piece) / 4
            )
            hidden = 0
        usage = self._dialect.usage(draft)
        if wants_usage and not separate:
            extra = {"usage": usage}
        yield Frame(_chunk(draft, {}, extra, finish=_finish_reason(draft)), Step.CLOSING)
        if separate:
            yield Frame(_sse({**_head(draft), "choices": [], "usage": usage}), Step.CLOSING)
        yield Frame(b"data: [DONE]\n\n", Step.CLOSING)

    def whole(self, draft: Draft, *, is_finished: bool = True) -> JsonValue:
        """Write an answer as one completion."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": draft.text}
        if draft.reasoning and draft.shows_reasoning:
            message["reasoning_content"] = draft.reasoning
        finish = _finish_reason(draft) if is_finished else None
        return {
            **_head(draft, kind="chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self._dialect.usage(draft),
        }

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


def _finish_reason(draft: Draft) -> str:
    return "length" if draft.is_cut else "stop"


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
