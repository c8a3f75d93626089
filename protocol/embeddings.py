"""Kept vectors: one method per RPC, beside `protocol.store.Store`."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from protocol.records.embeddings import KeptEmbedding, NearEmbedding, NewEmbedding


class EmbeddingStore(Protocol):
    """Every call is idempotent; all raise what those of `protocol.store.Store` raise."""

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
