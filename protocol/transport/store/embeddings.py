"""Stored embeddings over the official client."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from protocol.records.embeddings import (
    EmbeddingRow,
    Forgetting,
    Forgotten,
    KeptEmbedding,
    NearEmbedding,
    NewEmbedding,
)
from protocol.transport.queries import filter_by_owner, order_newest_first, read_query
from protocol.transport.rpc_client import RpcClient

_COLUMNS: Final = ",".join(EmbeddingRow.model_fields)


class SupabaseEmbeddingStore(RpcClient):
    """Implementation of `protocol.store.embeddings.EmbeddingStore`."""

    async def keep_embeddings(
        self, *, owner: UUID | None, items: Sequence[NewEmbedding]
    ) -> list[KeptEmbedding]:
        return await self._call_rows(
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
        return await self._call_rows(
            NearEmbedding,
            "nearest_embeddings",
            owner=None if owner is None else str(owner),
            model_id=model_id,
            vector=list(vector),
            limit=limit,
            simulated=simulated,
        )

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
        query = self._client.table("cogo_embeddings").select(_COLUMNS)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        for column, value in (("model_id", model_id), ("source", source)):
            if value is not None:
                query = query.eq(column, value)
        query = order_newest_first(query, ("created_at", "id"), last)
        return await read_query(EmbeddingRow, query.limit(limit))

    async def fetch_embeddings_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[EmbeddingRow]:
        query = self._client.table("cogo_embeddings").select(_COLUMNS)
        query = query.gte("id", str(first)).lte("id", str(last))
        return await read_query(EmbeddingRow, query.order("created_at", desc=True).limit(limit))

    async def forget_embeddings(self, which: Forgetting) -> int:
        found = await self._call_row(
            Forgotten,
            "forget_embeddings",
            **which.model_dump(mode="json", exclude_none=True),
        )
        return found.forgotten
