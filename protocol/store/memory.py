"""Long-term memory: one method per RPC or view."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from protocol.records.memory import (
    AddedDocument,
    DocumentRow,
    ForgottenMemory,
    KeptFact,
    MemoryCandidate,
    MemoryForgetting,
    MemoryHit,
    MemoryKind,
    MemoryRow,
    MemoryRun,
    MemoryStatus,
    NewChunk,
    NewFact,
    VectorChange,
)


class MemoryUseStore(Protocol):
    """What agents do with memory. Every call is idempotent and raises what `QueueStore` raises."""

    async def remember(self, *, owner: UUID | None, facts: Sequence[NewFact]) -> list[KeptFact]:
        """Store facts. The same content of an owner is kept once. Raise InvalidArgument."""
        ...

    async def search_memory(
        self,
        *,
        owner: UUID | None,
        query: str,
        vector: Sequence[float] | None = None,
        model_id: str | None = None,
        simulated: bool = False,
        kinds: Sequence[MemoryKind] | None = None,
        sources: Sequence[str] | None = None,
        candidates: Sequence[MemoryCandidate] | None = None,
        data_policy: Sequence[str] | None = None,
        limit: int = 10,
    ) -> list[MemoryHit]:
        """Search by words, and by the vector of the query or what an outer index has found.

        `sources` are exact ones, `prefix*`, `facts` or `documents`. With `data_policy`, nothing is
        found that was remembered under other rules than these.
        """
        ...

    async def run_memory(
        self, *, agent_id: str, embedding_model: str | None = None, limit: int = 200
    ) -> MemoryRun:
        """Take the results of finished follow-up tasks, and submit those that are due.

        Without `embedding_model` nothing is turned into vectors.
        """
        ...


class VectorOutboxStore(Protocol):
    """What an outer index of vectors has not heard of. Raises what `QueueStore` raises."""

    async def register_index(self, *, index: str) -> None:
        """Make everything that is remembered a change for this index, if it is new."""
        ...

    async def list_vector_changes(
        self, *, index: str, limit: int, agent_id: str
    ) -> list[VectorChange]:
        """Read changes that the index has not confirmed, in order; none while another agent does.

        Whoever reads holds the index for a while.
        """
        ...

    async def confirm_vector_changes(
        self,
        *,
        index: str,
        through: int,
        agent_id: str,
        refused: Sequence[int] = (),
        problem: str = "",
    ) -> bool:
        """Note that an index has all changes up to this `seq`; False: another agent has it now.

        `refused` are those, of any `seq`, that it does not take; they are listed again later.
        """
        ...


class MemoryStore(MemoryUseStore, VectorOutboxStore, Protocol):
    """Memory for the gateway and the command line."""

    async def add_document(
        self,
        *,
        owner: UUID | None,
        source: str,
        title: str | None,
        sha256: str,
        chunks: Sequence[NewChunk],
        metadata: dict[str, Any] | None = None,
        first: int = 0,
        total: int | None = None,
    ) -> AddedDocument:
        """Store a document, in place of the owner's with that source, unless that is the same.

        With `total`, the number of all chunks, these are a part that begins with chunk `first`;
        the document is replaced when the last one is there. Raise InvalidArgument, TooLarge.
        """
        ...

    async def fetch_documents(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        source: str | None = None,
        document_id: UUID | None = None,
        last: DocumentRow | None = None,
    ) -> list[DocumentRow]:
        """Read documents without their texts, newest first; `last` ended the previous page."""
        ...

    async def fetch_memories(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        kind: MemoryKind | None = None,
        source: str | None = None,
        last: MemoryRow | None = None,
    ) -> list[MemoryRow]:
        """Read facts and chunks, newest first; `last` ended the previous page."""
        ...

    async def fetch_chunks(
        self, *, document_id: UUID, first: int = 0, limit: int
    ) -> list[MemoryRow]:
        """Read chunks of a document from that of the place `first` on, in their order."""
        ...

    async def fetch_memories_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[MemoryRow]:
        """Read the facts and chunks whose ids are in a range, ends included, newest first."""
        ...

    async def forget_memory(self, which: MemoryForgetting) -> ForgottenMemory:
        """Delete facts and documents in batches; an answer that was lost is not in the count.

        Raise InvalidArgument if there is no criterion.
        """
        ...

    async def fetch_memory_status(
        self, *, owner: UUID | None = None, every_owner: bool = False
    ) -> MemoryStatus:
        """Count what is remembered, and what waits for a vector."""
        ...
