"""Kept vectors: one method per RPC, beside `protocol.store.queue.Store`."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from protocol.records.embeddings import (
    EmbeddingRow,
    Forgetting,
    KeptEmbedding,
    NearEmbedding,
    NewEmbedding,
)


class EmbeddingStore(Protocol):
    """Every call is idempotent; all raise what those of `protocol.store.queue.Store` raise."""

    async def keep_embeddings(
        self, *, owner: UUID | None, items: Sequence[NewEmbedding]
    ) -> list[KeptEmbedding]:
        """Keep vectors. A text that an owner has under this model and dimension gets the new one.

        Raises InvalidArgument for an empty vector.
        """
        ...

    async def nearest_embeddings(
        self,
        *,
        owner: UUID | None,
        model_id: str,
        vector: Sequence[float],
        limit: int,
        simulated: bool = False,
    ) -> list[NearEmbedding]:
        """Read the kept texts most like a vector, the likest first."""
        ...

    async def fetch_embeddings(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        model_id: str | None = None,
        source: str | None = None,
        last: EmbeddingRow | None = None,
    ) -> list[EmbeddingRow]:
        """Read kept texts without their vectors, the newest first.

        `last` is the last row of the page before.
        """
        ...

    async def fetch_embeddings_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[EmbeddingRow]:
        """Read the kept texts whose ids lie between two, both included, the newest first."""
        ...

    async def forget_embeddings(self, which: Forgetting) -> int:
        """Delete kept texts with their vectors; gives how many there were.

        Repeated after a lost answer it finds none: the count is of the last try.

        Raises InvalidArgument when nothing says which.
        """
        ...
