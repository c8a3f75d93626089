"""Stored embeddings: one method per RPC or read."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from protocol.records.memory import (
    EmbeddingRow,
    Forgetting,
    KeptEmbedding,
    NearEmbedding,
    NewEmbedding,
)


class EmbeddingStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def keep_embeddings(
        self, *, owner: UUID | None, items: Sequence[NewEmbedding]
    ) -> list[KeptEmbedding]:
        """Store embeddings, replacing those of the same owner, text, model and dimension.

        Raise InvalidArgument for an empty vector.
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
        """Read the stored texts that are most similar to a vector, most similar first."""
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
        """Read stored texts without their vectors, newest first.

        `last` is the last row of the previous page.
        """
        ...

    async def fetch_embeddings_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[EmbeddingRow]:
        """Read the stored texts whose ids are in a range, ends included, newest first."""
        ...

    async def forget_embeddings(self, which: Forgetting) -> int:
        """Delete stored texts with their vectors; return how many.

        The count is that of the last try: a retry after a lost answer finds none.
        Raise InvalidArgument if there is no criterion.
        """
        ...
