"""Kept vectors over the official client."""

from collections.abc import Sequence
from uuid import UUID

from protocol.records.embeddings import KeptEmbedding, NearEmbedding, NewEmbedding
from protocol.transport.calls import Calls


class EmbeddingCalls(Calls):
    """Implements `protocol.embeddings.EmbeddingStore`."""

    async def keep_embeddings(
        self, *, owner: UUID | None, items: Sequence[NewEmbedding]
    ) -> list[KeptEmbedding]:
        return await self._rows(
            KeptEmbedding,
            "keep_embeddings",
            owner=None if owner is None else str(owner),
            items=[each.model_dump(mode="json", exclude_none=True) for each in items],
        )

    async def nearest_embeddings(
        self,
        *,
        owner: UUID | None,
        model_id: str,
        vector: Sequence[float],
        limit: int,
        simulated: bool = False,
    ) -> list[NearEmbedding]:
        return await self._rows(
            NearEmbedding,
            "nearest_embeddings",
            owner=None if owner is None else str(owner),
            model_id=model_id,
            vector=list(vector),
            limit=limit,
            simulated=simulated,
        )
