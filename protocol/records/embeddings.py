"""Vectors that are kept, each with its text and with what made it."""

from datetime import datetime
from typing import Literal
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


class EmbeddingRow(Row):
    """A kept text without its vector, as people list it."""

    id: UUID
    owner: UUID | None = None
    model_id: str
    dimensions: int
    simulated: bool
    content: str
    source: str | None = None
    created_at: datetime


class Forgotten(Row):
    """How many texts went with their vectors, or would go."""

    forgotten: int


class Forgetting(Argument):
    """Which kept texts: all that is given must hold, and something must be."""

    owner: UUID | None = None
    """Whose; None is nobody's."""
    every_owner: bool = False
    """Whoever they belong to: `owner` says nothing then."""
    ids: list[UUID] | None = None
    model_id: str | None = None
    content: str | None = None
    """The whole text."""
    source: str | None = None
    before: datetime | Literal["infinity"] | None = None
    """Kept before that; `infinity` is all."""
    dry_run: bool = False
    """Count them only."""


class NearEmbedding(Row):
    """A kept text, and how like it is to what was asked."""

    id: UUID
    content: str
    source: str | None = None
    likeness: float | None = None
    """The cosine of the angle between the vectors; None for a vector of zeros."""
    created_at: datetime
