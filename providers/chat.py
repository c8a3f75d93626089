"""Requests to models and the events of their answers, independent of any vendor."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]
"""A decoded JSON object whose fields are defined elsewhere."""

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model should reason; each vendor accepts a subset, see its adapter."""

STRUCTURED: Final = "structured"
"""The form of calls that came as data."""

_TEXT_TYPES: Final = frozenset(
    f"application/{name}"
    for name in ("json", "ld+json", "jsonl", "x-ndjson", "xml", "yaml", "x-yaml", "toml", "sql")
)


class FinishReason(StrEnum):
    """Why a complete answer ended. A filtered answer raises `ContentFiltered` instead."""

    STOP = "stop"
    LENGTH = "length"
    """The output limit was reached: the text is truncated."""
    TOOL_CALLS = "tool_calls"
    """The model waits for the results of its tool calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRejection:
    """Why a call that was read from text, or checked against its tool, must not be run."""

    reason: Literal["unknown_tool", "schema", "malformed", "truncated"]
    detail: str
    """A sentence for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One complete tool call of the model."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it, not validated against the schema."""
    form: str = STRUCTURED
    """`structured`, or the format of the text that the call was read from."""
    repairs: tuple[str, ...] = ()
    """What was mended in its text, see `providers.tool_calls`."""
    rejection: CallRejection | None = None
    """Why it must not be run. Its arguments are then any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningReplay:
    """Reasoning that must be sent back unchanged in the next turn of a tool loop.

    Only the model that produced it can verify or use it, so it is not sent to others.
    """

    vendor: str
    model: str
    """The provider's own id, as requested."""
    blocks: tuple[JsonObject, ...]
    """In the vendor's format."""

    def fits(self, *, vendor: str, model: str) -> bool:
        """Return whether this may be sent to that model."""
        return (self.vendor, self.model) == (vendor, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the model gets beside the text, by value or as an address.

    Images and PDF files are sent in the vendor's own form, text files as text.
    """

    media_type: str
    """Such as `image/png`."""
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    """An https URL that the vendor fetches."""
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.url is None):
            raise ValueError("an attachment has either data or a URL")

    @property
    def is_image(self) -> bool:
        """Whether only a model that sees can read it."""
        return self.media_type.startswith("image/")

    @property
    def text(self) -> str | None:
        """The content of a text file, with its name; None for other files."""
        if self.data is None or not is_text_type(self.media_type):
            return None
        text = self.data.decode("utf-8", "replace")
        return f"File {self.name or 'without a name'} ({self.media_type}):\n{text}"


def is_text_type(media_type: str) -> bool:
    """Return whether files of this type are sent to models as text."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn. Instructions go into `ChatRequest.system` instead."""

    role: Literal["user", "assistant", "tool"]
    content: str
    attachments: tuple[Attachment, ...] = ()
    """Of a user's turn, or of a tool's result."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of an assistant's turn."""
    tool_call_id: str | None = None
    """The call whose result a tool's turn contains."""
    is_error: bool = False
    """Whether the tool failed. The content says so too, as not every vendor has a field for it."""
    replay: ReasoningReplay | None = None
    """`Done.replay` of an assistant's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: JsonObject
    """JSON Schema of the arguments, an object."""
    strict: bool = False
    """Whether the vendor shall enforce the schema; where it cannot, the model is only told it."""


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The tool that the model must call."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | NamedTool
"""Whether the model may, must not or must call a tool, or which one it must call."""


ToolMode: TypeAlias = Literal["structured", "text"]
"""How a model is given tools: in the request's own field, or taught in its instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCalls:
    """How to read the answers of a model that may write its calls as text."""

    family: str = "auto"
    """As `providers.tool_calls` takes it."""
    prefix: str = ""
    """What the chat template writes at the beginning of an answer, such as `<think>`."""
    tool_mode: ToolMode | None = None
    """None if it is not known: tools are sent as such, and taught after the server's refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request. `None` means the vendor's default."""

    model: str
    """The provider's own id of the model, not the canonical one."""
    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    """Whether one answer may contain several calls."""
    web_search: bool = False
    """Whether the vendor may search the web while it answers."""
    search_units: ClassVar[int] = 0
    response_schema: JsonObject | None = None
    """JSON Schema that the text must follow."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: Effort | None = None
    may_reason: bool = True
    """False for models that never reason; filled in by the catalogue, as is the next one."""
    always_reasons: bool = False
    text_calls: TextCalls | None = None
    """Set if calls may come as text; filled in by the catalogue, None for most hosted vendors."""
    stop: tuple[str, ...] = ()
    stream: bool = True
    """If False, the answer may come in one piece, which needs far less processing time.

    Then only `Timeouts.total` limits the call. If a vendor (Fireworks) refuses a long answer that
    is not streamed, it is streamed anyway.
    """
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Only `user` (an opaque id, for the vendor's abuse control) is sent to the vendor."""

    def iter_texts(self) -> Iterator[str]:
        """Yield every text that the model reads."""
        yield self.system or ""
        if self.response_schema is not None:
            yield json.dumps(self.response_schema)
        for message in self.messages:
            yield message.content
            yield from (call.name + call.arguments for call in message.tool_calls)
            yield from (each.text or each.url or "" for each in message.attachments)
        for tool in self.tools:
            yield tool.name + tool.description + json.dumps(tool.parameters)

    def iter_files(self) -> Iterator[Attachment]:
        """Yield the attachments that are not sent as text."""
        for message in self.messages:
            yield from (each for each in message.attachments if each.text is None)

    def to_audit_record(self) -> dict[str, Any]:
        """Return the prompt for the audit, which hashes it, and stores it if configured."""
        return {"system": self.system, "messages": [_to_record(each) for each in self.messages]}


def _to_record(message: Message) -> dict[str, Any]:
    """Return a message as JSON; hashes stand for the data of attachments."""
    record = asdict(message)
    if not record["is_error"]:
        del record["is_error"]
    record["attachments"] = [
        {
            "media_type": each.media_type,
            "name": each.name,
            "url": each.url,
            "sha256": None if each.data is None else hashlib.sha256(each.data).hexdigest(),
        }
        for each in message.attachments
    ]
    if not record["attachments"]:
        del record["attachments"]
    return record


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the reasoning, if the vendor shows it."""

    text: str


@dataclass(frozen=True, slots=True)
class TextWasThinking:
    """All text so far was reasoning, which the vendor only marked at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """The next piece of the arguments of the call at `index`; id and name as soon as known."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source of the answer, as named by the vendor."""

    url: str
    title: str | None = None

    @classmethod
    def build(cls, url: str, title: object) -> Self:
        """Return a citation; a title that is not text is dropped."""
        return cls(url=url, title=title if isinstance(title, str) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Tokens as counted by the vendor so far; the last event of a stream is final.

    `input`, `cached` and `cache_write` are disjoint and add up to the prompt; `output` includes
    `reasoning`, so `0 <= reasoning <= output`. A count that is missing or implausible is None.
    """

    input: int | None = 0
    """Prompt tokens neither read from nor written to a cache."""
    cached: int | None = 0
    """Prompt tokens read from the vendor's cache."""
    cache_write: int | None = 0
    """Prompt tokens written to the vendor's cache."""
    output: int | None = 0
    reasoning: int | None = 0
    searches: int = 0
    """Searches of the web by the vendor, or search units of a ranking: both have prices."""
    raw: JsonObject = field(default_factory=dict)
    """The vendor's own counts, as far as they can be stored."""

    def __post_init__(self) -> None:
        counts = (self.input, self.cached, self.cache_write, self.output, self.reasoning)
        known = [each for each in counts if each is not None]
        thought = 0 if self.output is None else (self.reasoning or 0) - self.output
        if min(known, default=0) < 0 or thought > 0:
            raise ValueError(f"usage does not add up: {counts}")

    def add(self, other: "TokenUsage") -> "TokenUsage":
        """Return the sum; what is unknown of one is unknown. `raw` is that of the other one."""
        counts: dict[str, Any] = {
            name: _add(getattr(self, name), getattr(other, name))
            for name in ("input", "cached", "cache_write", "output", "reasoning")
        }
        return replace(other, **counts, searches=self.searches + other.searches)

    @property
    def uncached(self) -> int | None:
        """Prompt tokens not read from a cache."""
        if self.input is None or self.cache_write is None:
            return None
        return self.input + self.cache_write

    @property
    def prompt(self) -> int | None:
        """All tokens of the prompt."""
        uncached = self.uncached
        return None if uncached is None or self.cached is None else uncached + self.cached

    @property
    def is_counted(self) -> bool:
        """Whether all counts that have a price are known."""
        return self.prompt is not None and self.output is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The end of a complete answer. A stream that ends without it raises an error."""

    finish_reason: FinishReason
    vendor_finish_reason: str
    """The vendor's own value."""
    model: str | None = None
    """The model that answered, if the vendor reports it."""
    request_id: str | None = None
    """The vendor's id of this call, for its support."""
    notes: tuple[str, ...] = ()
    """Notes for the user, for example about parameters that were not sent."""
    replay: ReasoningReplay | None = None
    """For the assistant's message when the tool results are sent."""
    intent: str | None = None
    """The tool that the text announces with arguments and does not call."""


Event: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | TextWasThinking
    | ToolCallDelta
    | ToolCall
    | Citation
    | TokenUsage
    | Done
)


def _add(mine: int | None, its: int | None) -> int | None:
    return None if mine is None or its is None else mine + its
