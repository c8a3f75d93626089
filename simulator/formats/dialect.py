"""What one vendor says in its own way on the wire that most vendors share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import JsonValue

from simulator.planned import Draft
from simulator.request import Vendor

Place: TypeAlias = Literal["reasoning_content", "reasoning", "parts", "tags"]
"""Where reasoning is: a field of the delta, parts of the content (Mistral), or tags in the text."""


def _nothing(draft: Draft) -> dict[str, JsonValue]:
    del draft
    return {}


def _no_headers(draft: Draft) -> dict[str, str]:
    del draft
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One vendor's accents."""

    vendor: Vendor
    error: Callable[[int, str], JsonValue]
    usage: Callable[[Draft], JsonValue]
    default_max_tokens: int | None = None
    is_usage_unasked: bool = False
    """Whether each stream ends with usage, in its last chunk; else a chunk of its own on demand."""
    usage_below: str | None = None
    """The object of the last chunk that holds the usage, where it is not the chunk (Groq)."""
    reasoning: Place = "reasoning_content"
    shows_reasoning: Callable[[str], bool] = lambda _model: True
    """Given a model, whether its reasoning comes as text."""
    arguments_are_objects: bool = False
    """Whether the arguments of a call come as an object and not as JSON text."""
    stop: str = "stop"
    """The finish reason of an ordinary end."""
    comment: str = ""
    """A comment that keeps the connection alive before the first chunk."""
    headers: Callable[[Draft], dict[str, str]] = _no_headers
    fields: Callable[[Draft], dict[str, JsonValue]] = _nothing
    """Fields of every chunk."""

    def placed(self, usage: JsonValue) -> dict[str, JsonValue]:
        """Put the usage where this vendor has it."""
        return {self.usage_below: {"usage": usage}} if self.usage_below else {"usage": usage}

    def opening(self, draft: Draft) -> str:
        """Return what comes before the reasoning."""
        return "<think>" if self.reasoning == "tags" and draft.reasoning else ""

    def closing(self, draft: Draft) -> str:
        """Return what comes between the reasoning and the text."""
        tagged = self.reasoning == "tags" and draft.reasoning and draft.shows_reasoning
        return "</think>\n" if tagged else ""
