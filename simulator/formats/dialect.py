"""Differences between vendors in the format of chat completions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import JsonValue

from simulator.planned import PlannedResponse
from simulator.request import Vendor

ReasoningPlace: TypeAlias = Literal["reasoning_content", "reasoning", "parts", "tags"]
"""Place of reasoning: a field of the delta, parts of the content (Mistral), or tags in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one vendor differs from the others."""

    vendor: Vendor
    error: Callable[[int, str], JsonValue]
    usage: Callable[[PlannedResponse], JsonValue]
    default_max_tokens: int | None = None
    always_sends_usage: bool = False
    """Whether usage is in the last chunk of every stream, or in an extra chunk on request."""
    usage_parent: str | None = None
    """Name of the object that holds the usage, unless it is the chunk itself (Groq)."""
    reasoning: ReasoningPlace = "reasoning_content"
    shows_reasoning: Callable[[str], bool] = lambda _model: True
    """Return whether the reasoning of a model is returned."""
    arguments_are_objects: bool = False
    """Whether the arguments of a call are an object instead of JSON text."""
    stop: str = "stop"
    """The finish reason of a complete response."""
    comment: str = ""
    """A comment before the first chunk that keeps the connection alive."""
    headers: Callable[[PlannedResponse], dict[str, str]] = lambda _planned: {}
    fields: Callable[[PlannedResponse], dict[str, JsonValue]] = lambda _planned: {}
    """Additional fields of every chunk."""

    def build_usage_fields(self, usage: JsonValue) -> dict[str, JsonValue]:
        """Return the fields of a chunk that hold the usage."""
        return {self.usage_parent: {"usage": usage}} if self.usage_parent else {"usage": usage}

    def get_reasoning_prefix(self, planned: PlannedResponse) -> str:
        """Return the text before the reasoning."""
        return "<think>" if self.reasoning == "tags" and planned.reasoning else ""

    def get_reasoning_suffix(self, planned: PlannedResponse) -> str:
        """Return the text between the reasoning and the answer."""
        tagged = self.reasoning == "tags" and planned.reasoning and planned.shows_reasoning
        return "</think>\n" if tagged else ""
