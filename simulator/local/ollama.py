"""Ollama's own format: POST /api/chat, answered in lines of JSON."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import Field, JsonValue

from simulator.formats.base import (
    FramePosition,
    MissingModelError,
    StatusError,
    StreamFrame,
    dump_json,
    validate_body,
)
from simulator.local.models import OLLAMA_MODELS, find_model
from simulator.planned import PlannedResponse, count_tokens, is_reasoning_model, split_pieces
from simulator.request import (
    CompletionRequest,
    LenientModel,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    describe_data,
    read_conversation,
)

DEFAULT_CONTEXT: Final = 4096
CREATED: Final = "2026-11-01T09:30:00.000000001Z"
"""Constant, so that responses are deterministic."""
_LOAD_NS: Final = 2_000_000_000
_LOADED_NS: Final = 20_000_000
_TOKEN_NS: Final = 10_000_000


class _Called(LenientModel):
    name: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class _Call(LenientModel):
    function: _Called


class _Message(LenientModel):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    images: tuple[str, ...] = ()
    tool_calls: tuple[_Call, ...] = ()

    @property
    def turn(self) -> SimulatedTurn:
        if self.role == "tool":
            return SimulatedTurn(role="tool", results=(self.content,))
        role: Literal["user", "assistant"] = "assistant" if self.role == "assistant" else "user"
        return SimulatedTurn(role=role, text=self.content, has_calls=bool(self.tool_calls))


class _Function(LenientModel):
    name: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class _Tool(LenientModel):
    function: _Function


class _Options(LenientModel):
    num_ctx: int | None = None
    num_predict: int | None = None


class _Request(LenientModel):
    model: str = Field(min_length=1)
    messages: tuple[_Message, ...] = ()
    stream: bool = True
    tools: tuple[_Tool, ...] = ()
    answer_format: dict[str, JsonValue] | Literal["json", ""] | None = Field(
        default=None, alias="format"
    )
    think: bool | Literal["low", "medium", "high", "max"] | None = None
    options: _Options | None = None
    truncate: bool | None = None


@dataclass(slots=True)
class ServedModels:
    """The models of one Ollama: those that were pulled, and those in memory."""

    pulled: dict[str, None] = field(
        default_factory=lambda: dict.fromkeys(model.name for model in OLLAMA_MODELS)
    )
    loaded: dict[str, int] = field(default_factory=dict)
    """The context of each loaded model."""
    loads: dict[str, int] = field(default_factory=dict)
    """How often each model was loaded."""

    removed: set[str] = field(default_factory=set)

    def check(self, name: str) -> None:
        """Raise `MissingModelError` for a model that is not here.

        Any model is, but those that are called `no-such-model`, or `not-pulled` until they are.
        """
        missing = "no-such-model" in name or ("not-pulled" in name and name not in self.pulled)
        if missing or name in self.removed:
            raise MissingModelError(name)

    def pull(self, name: str) -> None:
        """Add a model."""
        self.removed.discard(name)
        self.pulled[name] = None

    def remove(self, name: str) -> None:
        """Delete a model."""
        self.check(name)
        self.pulled.pop(name, None)
        self.loaded.pop(name, None)
        self.removed.add(name)

    def load(self, name: str, context: int) -> int:
        """Load a model unless it is loaded with this context; return the nanoseconds it took."""
        if self.loaded.get(name) == context:
            return _LOADED_NS
        self.loaded[name] = context
        self.loads[name] = self.loads.get(name, 0) + 1
        return _LOAD_NS


class OllamaFormat:
    """Parses requests for chats; builds one response or lines of them."""

    vendor: Final = Vendor.OLLAMA
    request_id_header: Final = "x-simulated-request-id"
    stream_type: Final = "application/x-ndjson"

    def __init__(self, store: ServedModels) -> None:
        self._store = store
        self._load_ns: dict[str, int] = {}

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request, cut to its context; raise `StatusError` if it is invalid."""
        del headers
        request = validate_body(_Request, body, "json: cannot unmarshal {field}: {problem}")
        self._store.check(request.model)
        model = find_model(Vendor.OLLAMA, request.model)
        if model.embeds:
            raise StatusError(400, f'"{request.model}" does not support chat')
        if request.think and not model.thinks and "no-thinking" in request.model:
            raise StatusError(400, f'"{request.model}" does not support thinking')
        if isinstance(request.think, str) and "no-levels" in request.model:
            message = f'think value "{request.think}" is not supported for this model'
            raise StatusError(400, message)
        options = request.options or _Options()
        context = min(options.num_ctx or DEFAULT_CONTEXT, model.context)
        self._load_ns[request.model] = self._store.load(request.model, context)
        if request.truncate is False:
            _refuse_too_long(request.messages, context)
        messages = cut_messages(request.messages, context)
        used = sum(count_tokens(each.content) for each in messages)
        limit = options.num_predict if (options.num_predict or 0) > 0 else None
        room = max(1, context - used)
        system = "\n".join(each.content for each in messages if each.role == "system")
        thinks = is_reasoning_model(request.model) if request.think is None else request.think
        return CompletionRequest(
            vendor=self.vendor,
            model=request.model,
            conversation=read_conversation(
                [each.turn for each in messages if each.role != "system"], system
            ),
            message_count=len(request.messages),
            max_tokens=room if limit is None else min(limit, room),
            stream=request.stream,
            wants_reasoning=bool(thinks),
            shows_reasoning=True,
            wants_usage=True,
            is_cacheable=False,
            tools=tuple(
                RequestedTool(each.function.name, dict(each.function.parameters))
                for each in request.tools
            ),
            files=tuple(_iter_files(messages)),
            schema={"type": "object"}
            if request.answer_format == "json"
            else request.answer_format or None,
        )

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield lines; calls come whole, and the last line has the counts."""
        del wants_usage
        for piece in split_pieces(planned.reasoning):
            message: dict[str, JsonValue] = {"content": "", "thinking": piece}
            yield self._build_piece(planned, message, len(piece) / 4)
        for piece in split_pieces(planned.text):
            yield self._build_piece(planned, {"content": piece}, len(piece) / 4)
        for call in _build_calls(planned):
            yield self._build_piece(planned, {"content": "", "tool_calls": [call]}, 1)
        last = self._build(planned, {"content": ""}, is_finished=True)
        yield StreamFrame(_encode_line(last), FramePosition.CLOSING)

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build one response."""
        message: dict[str, JsonValue] = {"content": planned.text}
        if planned.reasoning:
            message["thinking"] = planned.reasoning
        if planned.calls:
            message["tool_calls"] = _build_calls(planned)
        return self._build(planned, message, is_finished=is_finished)

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Return no headers; there is no id of the request."""
        del planned
        return {}

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error: a string."""
        del request_id
        if isinstance(error, MissingModelError):
            return {"error": f"model '{error.model}' not found"}
        return {"error": error.message}

    def build_error_frame(self) -> bytes:
        """Return an error in place of a line."""
        return _encode_line(
            {"error": "an error was encountered while running the model: CUDA error"}
        )

    def build_broken_frame(self) -> bytes:
        """Return a line that is not JSON."""
        return b'{"model":"sim","message":{"content":\n'

    def _build_piece(
        self, planned: PlannedResponse, message: dict[str, JsonValue], tokens: float
    ) -> StreamFrame:
        line = _encode_line(self._build(planned, message, is_finished=False))
        return StreamFrame(line, FramePosition.PIECE, tokens)

    def _build(
        self, planned: PlannedResponse, message: dict[str, JsonValue], *, is_finished: bool
    ) -> dict[str, JsonValue]:
        line: dict[str, JsonValue] = {
            "model": planned.model,
            "created_at": CREATED,
            "message": {"role": "assistant", **message},
            "done": is_finished,
        }
        if not is_finished:
            return line
        output, prompt = planned.output_tokens, planned.input_tokens
        load = self._load_ns.get(planned.model, _LOADED_NS)
        return {
            **line,
            "done_reason": planned.finish_reason or ("length" if planned.is_truncated else "stop"),
            "total_duration": load + (output + prompt) * _TOKEN_NS,
            "load_duration": load,
            "prompt_eval_count": prompt,
            "prompt_eval_duration": prompt * _TOKEN_NS,
            "eval_count": output,
            "eval_duration": output * _TOKEN_NS,
        }


def cut_messages(messages: Sequence[_Message], context: int) -> list[_Message]:
    """Return the messages that fit: the oldest are dropped silently, as Ollama does.

    Those of the system stay, and the last one, whose beginning is cut if it is too long.
    """
    kept = list(messages)

    def count() -> int:
        return sum(count_tokens(each.content) for each in kept)

    while count() > context:
        oldest = next((i for i, each in enumerate(kept[:-1]) if each.role != "system"), None)
        if oldest is None:
            break
        del kept[oldest]
    if kept and (surplus := count() - context) > 0:
        kept[-1] = kept[-1].model_copy(update={"content": kept[-1].content[surplus * 4 :]})
    return kept


def _refuse_too_long(messages: Sequence[_Message], context: int) -> None:
    """Raise `StatusError` for messages that do not fit, with the error of the inner server."""
    tokens = sum(count_tokens(each.content) for each in messages)
    if tokens <= context:
        return
    message = (
        f"request ({tokens} tokens) exceeds the available context size ({context} tokens), "
        "try increasing it"
    )
    inner: JsonValue = {
        "error": {
            "code": 400,
            "message": message,
            "type": "exceed_context_size_error",
            "n_prompt_tokens": tokens,
            "n_ctx": context,
        }
    }
    raise StatusError(400, dump_json(inner).decode())


def _iter_files(messages: Iterable[_Message]) -> Iterator[str]:
    for data in (each for message in messages for each in message.images):
        try:
            yield describe_data(_guess_type(data), data)
        except ValueError as error:
            raise StatusError(400, f"illegal base64 data: {error}") from error


def _guess_type(data: str) -> str:
    """Return the type of an image; Ollama is not told it."""
    try:
        head = base64.b64decode(data[:16], validate=True)
    except ValueError:
        return "image"
    return "image/jpeg" if head.startswith(b"\xff\xd8") else "image/png"


def _build_calls(planned: PlannedResponse) -> list[JsonValue]:
    """Build the calls, which have no ids; broken ones do not exist as data."""
    return [
        {"function": {"name": call.name, "arguments": call.arguments}} for call in planned.calls
    ]


def _encode_line(value: JsonValue) -> bytes:
    return dump_json(value) + b"\n"
