"""Stored embeddings: vectors with their texts and models."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from protocol.records.base import Argument, Row


class NewEmbedding(Argument):
    """A text and its vector. Only vectors of one model and dimension are comparable."""

    model_id: str
    content: str
    vector: list[float]
    source: str | None = None
    """Origin of the text."""
    simulated: bool = False
    """Whether the vendor simulator made the vector, which is then not compared with real ones."""


class KeptEmbedding(Row):
    """The stored row of one new embedding."""

    place: int
    """Its index among those that were sent."""
    id: UUID
    is_new: bool


class EmbeddingRow(Row):
    """A stored text without its vector."""

    id: UUID
    owner: UUID | None = None
    model_id: str
    dimensions: int
    simulated: bool
    content: str
    source: str | None = None
    created_at: datetime


class Forgotten(Row):
    """The number of texts that were deleted, or would be."""

    forgotten: int


class Forgetting(Argument):
    """Criteria for deletion: all given ones must match, and at least one is required."""

    owner: UUID | None = None
    """Owner; None: texts without one."""
    every_owner: bool = False
    """All owners; `owner` is ignored."""
    ids: list[UUID] | None = None
    model_id: str | None = None
    content: str | None = None
    """The whole text."""
    source: str | None = None
    before: datetime | Literal["infinity"] | None = None
    """Stored before that; `infinity` is all."""
    dry_run: bool = False
    """Only count them."""


class NearEmbedding(Row):
    """A stored text and its similarity to the query."""

    id: UUID
    content: str
    source: str | None = None
    likeness: float | None = None
    """The cosine of the angle between the vectors; None for a vector of zeros."""
    created_at: datetime
