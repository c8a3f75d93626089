"""Stored texts that are found by meaning: embeddings of users, and long-term memory.

Memory has facts, and documents in chunks.
"""

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, ListedRow, Row

MemoryKind: TypeAlias = Literal["fact", "chunk"]
MAX_QUERY: Final = 4_000
"""Characters of a query that are embedded; of a longer text its beginning is searched for."""
BY_WORDS: Final = "Memory was searched by words alone: {}."
"""The note of a search without vectors, with the reason."""


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


class NewFact(Argument):
    """A fact to remember. The same content of an owner is kept once."""

    content: str
    source: str | None = None
    """Where it comes from: a task, a person, an address."""
    task_id: UUID | None = None
    session_id: UUID | None = None
    happened_at: datetime | None = None
    """The time that it speaks of, if it is known."""


class KeptFact(Row):
    """The stored row of one new fact."""

    place: int
    """Its index among those that were sent."""
    id: UUID
    is_new: bool


class NewChunk(Argument):
    """A part of a document."""

    content: str
    heading: str | None = None
    """The headings above it, outermost first: `Refunds > Deadlines`."""
    start: int
    """Its place in the document: the first character, counted from 0."""
    end: int
    """The character after the last one."""


class CutDocument(Argument):
    """A document in chunks, as it is stored."""

    title: str | None
    sha256: str
    """Of its content."""
    chunks: list[NewChunk]


class AddedDocument(Row):
    """The document that was added, replaced, or found unchanged."""

    id: UUID | None = None
    """None while parts of a new one are missing."""
    is_new: bool
    is_unchanged: bool = False
    """Whether the same content was there, so that nothing was written."""
    chunks: int


class DocumentRow(ListedRow):
    """A row of `cogo_documents`."""

    id: UUID
    owner: UUID | None = None
    source: str
    title: str | None = None
    sha256: str | None = None
    characters: int = 0
    chunks: int = 0
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
    updated_at: datetime | None = None


class MemoryRow(ListedRow):
    """A row of `cogo_memories`: a fact, or a chunk of a document, without its vector."""

    id: UUID
    seq: int
    owner: UUID | None = None
    kind: MemoryKind
    content: str
    source: str | None = None
    document_id: UUID | None = None
    place: int | None = None
    """Which chunk of its document it is, from 0."""
    heading: str | None = None
    char_start: int | None = None
    """Of a chunk: its first character in the text of the document."""
    char_end: int | None = None
    task_id: UUID | None = None
    session_id: UUID | None = None
    happened_at: datetime | None = None
    created_at: datetime
    model_id: str | None = None
    """The model of its vector; None: it has none yet."""
    dimensions: int | None = None
    simulated: bool | None = None
    embedded_at: datetime | None = None
    error: str | None = None
    """Why it has no vector; it is asked for again once a day for a week."""


class MemoryHit(Row):
    """A memory that a search has found."""

    id: UUID
    kind: MemoryKind
    content: str
    source: str | None = None
    document_id: UUID | None = None
    title: str | None = None
    place: int | None = None
    heading: str | None = None
    created_at: datetime | None = None
    score: float
    """Of its ranks in both searches; for order only."""
    likeness: float | None = None
    """The cosine of the angle to the query; None: it was found by words only."""
    found_by: list[str] = Field(default_factory=list)
    """`words`, `vectors`."""


class MemoryCandidate(Argument):
    """A memory that an outer index has found."""

    id: UUID
    likeness: float


class MemorySearch(Argument):
    """A search of an owner's memory."""

    query: str
    sources: list[str] | None = None
    """Exact ones, `prefix*`, `facts` or `documents`; None: all."""
    data_policy: list[str] | None = None
    """The rules of the task that reads: nothing is found that came under other ones. None: all."""
    limit: int = 10


class FoundInMemory(Row):
    """What a search has found, best first, and what limited it."""

    hits: list[MemoryHit]
    notes: list[str] = Field(default_factory=list)


class MemoryForgetting(Argument):
    """Criteria for deletion: all given ones must match, and at least one is required."""

    owner: UUID | None = None
    """Owner; None: memories without one."""
    every_owner: bool = False
    """All owners; `owner` is ignored."""
    ids: list[UUID] | None = None
    kind: MemoryKind | None = None
    source: str | None = None
    """The exact source, or `prefix*`."""
    before: datetime | Literal["infinity"] | None = None
    """Remembered before that; `infinity` is all."""
    dry_run: bool = False
    """Only count them."""


class ForgottenMemory(Row):
    """How much was deleted, or would be."""

    forgotten: int
    """Facts and chunks."""
    documents: int = 0


class ForgottenBatch(ForgottenMemory):
    """How much one call has deleted, and whether there is more."""

    is_more: bool = False


class MemoryRun(Row):
    """What one call for the follow-up work of memory has done."""

    asked: int
    """Tasks that were submitted."""
    applied: int
    """Finished tasks whose results were taken, or found useless."""
    is_more: bool
    """Whether another call would do more at once."""
    problem: str | None = None
    """Why something waits: no model serves, no money is left."""

    @property
    def is_idle(self) -> bool:
        """True if it did nothing."""
        return not (self.asked or self.applied)


class VectorChange(Row):
    """A change of one memory's vector that an outer index does not know yet."""

    seq: int
    id: UUID
    owner: UUID | None = None
    is_deleted: bool
    vector: list[float] | None = None
    model_id: str | None = None


class MemoryStatus(Row):
    """How much is remembered, and how much of it can be found by meaning."""

    facts: int = 0
    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    """Facts and chunks that have a vector."""
    waiting: int = 0
    """Those that wait for one."""
    failed: int = 0
    """Those for which it was asked in vain; once a day for a week it is asked again."""
    models: list[str] = Field(default_factory=list)
    """The models of the vectors."""
    can_embed: bool = True
    """Whether vectors are kept at all: the database has pgvector, or there is an outer index."""
    last_error: str | None = None
    index_waiting: int = 0
    """Changes that outer indexes have not made yet."""
    index_refused: int = 0
    """Those of them that were refused, and are tried again."""
    index_error: str | None = None
