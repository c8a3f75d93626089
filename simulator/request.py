"""A completion request, independent of its wire format."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue


class Vendor(StrEnum):
    """Vendors that the simulator imitates; also the first segment of their paths."""

    ANTHROPIC = "anthropic"
    COHERE = "cohere"
    DEEPSEEK = "deepseek"
    FIREWORKS = "fireworks"
    GEMINI = "gemini"
    GROQ = "groq"
    HUGGINGFACE = "huggingface"
    JINA = "jina"
    LLAMACPP = "llamacpp"
    LMSTUDIO = "lmstudio"
    MISTRAL = "mistral"
    MLX = "mlx"
    OLLAMA = "ollama"
    OPENAI = "openai"
    OPENROUTER = "openrouter"
    PERPLEXITY = "perplexity"
    PORTKEY = "portkey"
    TEI = "tei"
    TOGETHER = "together"
    VLLM = "vllm"
    XAI = "xai"


LOCAL_VENDORS: Final = frozenset(
    {Vendor.LLAMACPP, Vendor.LMSTUDIO, Vendor.MLX, Vendor.OLLAMA, Vendor.VLLM}
)
"""Servers of open-weight models."""
_RESULT: Final = "<tool_result"
"""How the result of a tool begins, in the turn of a user, when the server takes no tools."""
_NOT_MADE: Final = "was not run"
"""What a result says of a call that nobody made, so that the model makes it again."""
_FINAL: Final = ("limit of tool calls", "has refused")
"""What it says when the model must not."""


@dataclass(frozen=True, slots=True)
class RequestedTool:
    """A function that the model may call."""

    name: str
    parameters: JsonValue
    """JSON Schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTurn:
    """One message of a conversation, independent of its wire format."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    has_calls: bool = False
    results: tuple[str, ...] = ()
    """What tools gave; their turn may be a user's on the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The messages of one request."""

    prompt: str
    """Text of the last user message: it determines the response and may contain faults."""
    context: str
    """Text of the system prompt and the other turns."""
    call_turns: int = 0
    """Turns with calls since the prompt."""
    results: tuple[str, ...] = ()
    """What tools gave since the prompt."""
    rejected_turns: int = 0
    """Those of the turns with calls none of which was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """One request for a completion."""

    vendor: Vendor
    model: str
    conversation: Conversation
    message_count: int
    max_tokens: int | None
    stream: bool
    wants_reasoning: bool
    shows_reasoning: bool
    """Whether the vendor returns the reasoning, or only charges for it."""
    wants_usage: bool
    """Whether a stream ends with usage."""
    is_cacheable: bool
    """Whether the context counts as read from the prompt cache."""
    tools: tuple[RequestedTool, ...] = ()
    tool_choice: str = "auto"
    """Or `none`, `required`, or the name of the tool that must be called."""
    allows_parallel_calls: bool = True
    searches_web: bool = False
    files: tuple[str, ...] = ()
    """Type and size of each image or document."""
    schema: JsonValue = None
    """JSON Schema that the text must follow; None for free text."""
    is_strict: bool = False
    """Whether the schema must lie in OpenAI's strict subset."""

    @property
    def prompt(self) -> str:
        """Text of the last user message."""
        return self.conversation.prompt


class LenientModel(BaseModel):
    """A part of a request body; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WireMessage(LenientModel):
    """One turn, in the fields that two wire formats share."""

    role: str
    content: str | list[dict[str, JsonValue]] | None = None

    @property
    def text(self) -> str:
        """The text of the turn, without images and tool results."""
        return join_text(self.content)


def join_text(content: str | Sequence[dict[str, JsonValue]] | None) -> str:
    """Return the text of a content field: a string, or a list of typed blocks."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (block.get("text") for block in content)
    return "\n".join(text for text in texts if isinstance(text, str))


def read_conversation(turns: Iterable[SimulatedTurn], system: str = "") -> Conversation:
    """Find the prompt of a conversation, and the calls and results since then.

    A user's message directly after results belongs to them: it holds their images.
    """
    merged: list[SimulatedTurn] = []
    for turn in _read_text_results(turns):
        before = merged[-1] if merged else None
        is_part = turn.role == "user" and before is not None and before.role == "tool"
        is_more = turn.has_calls and before is not None and before.has_calls
        if not is_part and not is_more:
            merged.append(turn)
        elif is_more and before is not None:
            merged[-1] = replace(before, text=f"{before.text}\n{turn.text}".strip())
    last = max((i for i, turn in enumerate(merged) if turn.role == "user"), default=-1)
    since = merged[last + 1 :]
    rest = [system, *(text for i, turn in enumerate(merged) if i != last for text in _texts(turn))]
    return Conversation(
        prompt=merged[last].text if last >= 0 else "",
        context="\n".join(filter(None, rest)),
        call_turns=sum(turn.has_calls for turn in since),
        results=tuple(
            result for turn in since for result in turn.results if not _is_refusal(result)
        ),
        rejected_turns=sum(
            _is_rejected(since[i + 1 :]) for i, turn in enumerate(since) if turn.has_calls
        ),
    )


def _read_text_results(turns: Iterable[SimulatedTurn]) -> list[SimulatedTurn]:
    """Take users' turns with results, and the turns before them, for what they are."""
    read: list[SimulatedTurn] = []
    for turn in turns:
        if turn.role != "user" or not turn.text.startswith(_RESULT):
            read.append(turn)
            continue
        if read and read[-1].role == "assistant":
            read[-1] = replace(read[-1], has_calls=True)
        read.append(replace(turn, role="tool", text="", results=(*turn.results, turn.text)))
    return read


def _is_rejected(after: Sequence[SimulatedTurn]) -> bool:
    """Return whether the results of a turn say that none of its calls was made."""
    results: list[str] = []
    for turn in after:
        if turn.role != "tool":
            break
        results += turn.results
    return bool(results) and all(map(_is_refusal, results))


def _is_refusal(result: str) -> bool:
    """Return whether a result says that its call was not made and may be made again.

    No answer quotes it, since it may quote the call.
    """
    return _NOT_MADE in result and not any(word in result for word in _FINAL)


def _texts(turn: SimulatedTurn) -> tuple[str, ...]:
    return (turn.text, *turn.results)


def describe_data(media_type: str, data: str) -> str:
    """Describe a file that came as base64; raise `ValueError` if it is not."""
    size = len(base64.b64decode(data, validate=True))
    return f"{media_type} ({size} bytes)"


def describe_url(url: str) -> str:
    """Describe a file that came as a `data:` URL or by its address; raise `ValueError`."""
    if not url.startswith("data:"):
        return url
    head, _, data = url.removeprefix("data:").partition(",")
    return describe_data(head.removesuffix(";base64"), data)
