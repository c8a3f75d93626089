"""What an answer consists of, and the events of one that streams."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["unknown_tool", "schema", "malformed", "truncated"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that may be executed: the tool is offered and the arguments fit its schema."""

    id: str | None
    name: str
    arguments: dict[str, Any]
    raw: str
    """The text of the call, or its JSON if it came as data."""
    format: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A call that must not be executed, and why."""

    name: str | None
    reason: Reason
    detail: str
    raw: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A sentence that names a tool with arguments instead of calling it. Never executed."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, with its calls separated from its text."""

    content: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    intent: Intent | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the content."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDone:
    """A complete call. Execute it when the message is finished: `Reclassified` may follow."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class CallRejected:
    """A complete call that must not be executed."""

    rejected: Rejected


@dataclass(frozen=True, slots=True)
class Reclassified:
    """Everything until now, calls too, was reasoning: its closing tag came later."""


Event = TextDelta | ReasoningDelta | CallDone | CallRejected | Reclassified


@dataclass(slots=True)
class Found:
    """A call as it was written, before its name and arguments are checked."""

    name: str | None
    arguments: object
    start: int
    end: int
    id: str | None = None
    form: str = ""
    """The name of the format."""
    repairs: list[str] | None = None
    is_untyped: bool = False
    """Whether all values are text of which the schema decides the type."""
    typed: frozenset[str] = frozenset()
    """Arguments of an untyped call that say their type themselves."""
    reason: Reason | None = None
    detail: str = ""
    has_arguments: bool = True
    needed_closing: bool = False
    """Whether the text ended before the call was closed."""

    def add_repairs(self, repairs: Iterable[str]) -> None:
        """Record repairs, each once."""
        known = self.repairs = self.repairs or []
        known.extend(each for each in dict.fromkeys(repairs) if each not in known)

    def reject(self, detail: str) -> None:
        """Turn the call into one that cannot be read."""
        self.reason, self.detail = "malformed", detail

    def mark_cut(self, detail: str = "the text ends in the call") -> None:
        """Turn the call into one that was cut off."""
        self.reason, self.detail, self.needed_closing = "truncated", detail, True
