"""Vectors that are kept, each with its text and with what made it."""

from datetime import datetime
from uuid import UUID

from protocol.records.base import Argument, Row


class NewEmbedding(Argument):
    """A text and its vector. Those of another model or dimension are not comparable with it."""

    model_id: str
    content: str
    vector: list[float]
    source: str | None = None
    """Where the text came from."""
    simulated: bool = False
    """The vendor simulator made the vector: it is never compared with a real one."""


class KeptEmbedding(Row):
    """Where one of them lies now."""

    place: int
    """Its position among those that were sent."""
    id: UUID
    is_new: bool


class NearEmbedding(Row):
    """A kept text, and how like it is to what was asked."""

    id: UUID
    content: str
    source: str | None = None
    likeness: float | None = None
    """The cosine of the angle between the vectors; None for a vector of zeros."""
    created_at: datetime
