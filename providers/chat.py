"""What is asked of a model and what it says back, in words that no vendor owns."""

import json
from collections.abc import AsyncIterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

__all__ = [
    "ChatRequest",
    "ChatResponse",
    "Citation",
    "Done",
    "Effort",
    "Event",
    "FinishReason",
    "JsonObject",
    "Message",
    "ReasoningDelta",
    "Replay",
    "TextDelta",
    "TextWasThinking",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "complete",
]

JsonObject: TypeAlias = Mapping[str, Any]
"""A decoded JSON object; `Any` because its shape is somebody else's."""

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model should think; vendors take subsets, see each adapter."""


class FinishReason(StrEnum):
    """Why a whole answer ended. A filtered one raises `ContentFiltered` instead."""

    STOP = "stop"
    LENGTH = "length"
    """The output limit was reached: the text is cut."""
    TOOL_CALLS = "tool_calls"
    """The model waits for the results of its calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One whole call that the model asks for."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it; whether it fits the schema is for the caller to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Thinking that an endpoint wants back unchanged in the next turn of a tool loop.

    It is signed, or only understood, by the model that thought it: to any other it is not sent.
    """

    vendor: str
    model: str
    """The provider's own id, as it was asked."""
    blocks: tuple[JsonObject, ...]
    """In the vendor's own form."""

    def fits(self, *, vendor: str, model: str) -> bool:
        """Whether this may go to that model."""
        return (self.vendor, self.model) == (vendor, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. Instructions go into `ChatRequest.system`, not here."""

    role: Literal["user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls of an assistant's turn."""
    tool_call_id: str | None = None
    """Which call a tool's turn answers."""
    replay: Replay | None = None
    """Of an assistant's turn: what `Done.replay` gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: JsonObject
    """JSON Schema of the arguments, an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question. `None` means: as the vendor does it by default."""

    model: str
    """The provider's own id of the model, not our canonical one."""
    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    response_schema: JsonObject | None = None
    """JSON Schema that the whole text must follow."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: Effort | None = None
    stop: tuple[str, ...] = ()
    whole: bool = False
    """Nobody watches: the answer may come in one piece, which costs a fraction of the time.

    Then silence cannot be told from thinking, and `Timeouts.total` alone bounds the call. Where a
    vendor refuses an answer for being long and not streamed (Fireworks), it is asked to stream it.
    """
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Ours. Only `user` (an opaque id, for the vendor's abuse control) leaves the process."""

    def reads(self) -> Iterator[str]:
        """Every text that the model reads."""
        yield self.system or ""
        if self.response_schema is not None:
            yield json.dumps(self.response_schema)
        for message in self.messages:
            yield message.content
            yield from (call.name + call.arguments for call in message.tool_calls)
        for tool in self.tools:
            yield tool.name + tool.description + json.dumps(tool.parameters)

    def audited(self) -> dict[str, Any]:
        """The prompt as the audit hashes it, and keeps it where that is switched on."""
        return {"system": self.system, "messages": [asdict(each) for each in self.messages]}


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Some more of the thinking that the vendor shows."""

    text: str


@dataclass(frozen=True, slots=True)
class TextWasThinking:
    """All text so far was thinking: only now the vendor says that it ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """Some more of the arguments of the call at `index`; id and name as soon as known."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source that the vendor names for its answer."""

    url: str
    title: str | None = None

    @classmethod
    def of(cls, url: str, title: object) -> "Citation":
        """Return a citation; a title that is no text is none."""
        return cls(url=url, title=title if isinstance(title, str) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the vendor counted them so far; the last one of a stream is the bill.

    `input`, `cached` and `cache_write` are disjoint and add up to the whole prompt; `output` is
    everything that was generated and `reasoning` is the part of it that was thinking, so
    `0 <= reasoning <= output` and nothing is negative. What the vendor did not say, or said so that
    nobody can believe it, is None.
    """

    input: int | None = 0
    """Prompt tokens that came from no cache and went to none."""
    cached: int | None = 0
    """Prompt tokens read from the vendor's cache."""
    cache_write: int | None = 0
    """Prompt tokens written to the vendor's cache."""
    output: int | None = 0
    reasoning: int | None = 0
    raw: JsonObject = field(default_factory=dict)
    """What the vendor sent, as far as it can be stored."""

    def __post_init__(self) -> None:
        counts = (self.input, self.cached, self.cache_write, self.output, self.reasoning)
        known = [each for each in counts if each is not None]
        thought = 0 if self.output is None else (self.reasoning or 0) - self.output
        if min(known, default=0) < 0 or thought > 0:
            raise ValueError(f"usage does not add up: {counts}")

    @property
    def uncached(self) -> int | None:
        """Prompt tokens that came from no cache."""
        if self.input is None or self.cache_write is None:
            return None
        return self.input + self.cache_write

    @property
    def prompt(self) -> int | None:
        """All tokens of the prompt, however they were served."""
        uncached = self.uncached
        return None if uncached is None or self.cached is None else uncached + self.cached

    @property
    def is_counted(self) -> bool:
        """Whether everything that has a price is known."""
        return self.prompt is not None and self.output is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The end of a whole answer. A stream without one did not end well and has raised."""

    finish_reason: FinishReason
    vendor_finish_reason: str
    """The vendor's own word."""
    model: str | None = None
    """The model that answered, where the vendor says so."""
    request_id: str | None = None
    """The vendor's name for this call, for its support."""
    notes: tuple[str, ...] = ()
    """What a person should know, such as parameters that were not sent."""
    replay: Replay | None = None
    """Goes into the assistant's message when the calls are answered."""


Event: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | TextWasThinking
    | ToolCallDelta
    | ToolCall
    | Citation
    | Usage
    | Done
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResponse:
    """A whole answer: the sum of its events."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    citations: tuple[Citation, ...]
    usage: Usage | None
    """`None` when the vendor did not say."""
    done: Done


async def complete(events: AsyncIterable[Event]) -> ChatResponse:
    """Read a stream to its end and add it up.

    Raises:
        ProviderError: whatever the stream raises.
        ValueError: the events end without `Done`; adapters never do that.
    """
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    citations: list[Citation] = []
    usage: Usage | None = None
    done: Done | None = None
    async for event in events:
        match event:
            case TextDelta():
                text.append(event.text)
            case ReasoningDelta():
                reasoning.append(event.text)
            case TextWasThinking():
                reasoning += text
                text.clear()
            case ToolCall():
                calls.append(event)
            case Citation():
                citations.append(event)
            case Usage():
                usage = event
            case Done():
                done = event
            case ToolCallDelta():  # the whole call follows
                pass
    if done is None:
        raise ValueError("the events ended without Done")
    return ChatResponse(
        text="".join(text),
        reasoning="".join(reasoning),
        tool_calls=tuple(calls),
        citations=tuple(citations),
        usage=usage,
        done=done,
    )
