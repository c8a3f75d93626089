"""What is said in a debate: positions, replies, and the ruling of the judge."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

MAX_ITEMS: Final = 8
MAX_ITEM_CHARACTERS: Final = 1_000
"""What others see of each reason: an endless position must not crowd out the others."""


def _check_words(text: str) -> str:
    """Reject a verdict of nothing but spaces or signs, which would agree with its like."""
    if not any(each.isalnum() for each in text):
        raise ValueError("it says nothing")
    return text


ShortAnswer = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_check_words)]


class Position(BaseModel):
    """What a debater holds, and why."""

    model_config = ConfigDict(extra="forbid")

    verdict: ShortAnswer
    reasons: list[str]
    evidence: list[str]
    confidence: int = Field(ge=0, le=100)
    would_change: str

    def to_data(self) -> dict[str, JsonValue]:
        """Return it for other models, without its author and not longer than they can bear."""
        return {
            "verdict": self.verdict,
            "reasons": [*shorten_items(self.reasons)],
            "evidence": [*shorten_items(self.evidence)],
            "confidence": self.confidence,
            "would_change": self.would_change[:MAX_ITEM_CHARACTERS],
        }

    def to_text(self) -> str:
        """Return it for people, without its author."""
        parts = [f"{flatten(self.verdict)} (confidence {self.confidence})"]
        parts += [list_items("Reasons:", self.reasons), list_items("Evidence:", self.evidence)]
        if self.would_change:
            parts.append(f"Would change it: {flatten(self.would_change)}")
        return "\n\n".join(filter(None, parts))


class Reply(Position):
    """The position after the others were read."""

    attack: str


class Ruling(BaseModel):
    """The decision of the judge."""

    model_config = ConfigDict(extra="forbid")

    decision: ShortAnswer
    explanation: str
    evidence: list[str]
    agreeing: list[int]


def shorten_items(items: Sequence[str]) -> list[str]:
    """Return the first items, none longer than others have to read."""
    return [each[:MAX_ITEM_CHARACTERS] for each in items[:MAX_ITEMS]]


def list_items(heading: str, items: Sequence[str]) -> str:
    """Return a list below its heading, or '' if it has no items."""
    lines = [f"- {flatten(each)}" for each in items]
    return "\n".join([heading, "", *lines]) if lines else ""


def flatten(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())
