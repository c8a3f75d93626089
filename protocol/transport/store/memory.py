"""Stored embeddings and long-term memory over the official client."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from protocol.records.base import Argument
from protocol.records.memory import (
    AddedDocument,
    DocumentRow,
    EmbeddingRow,
    Forgetting,
    Forgotten,
    ForgottenBatch,
    ForgottenMemory,
    KeptEmbedding,
    KeptFact,
    MemoryCandidate,
    MemoryForgetting,
    MemoryHit,
    MemoryKind,
    MemoryRow,
    MemoryRun,
    MemoryStatus,
    NearEmbedding,
    NewChunk,
    NewEmbedding,
    NewFact,
    VectorChange,
)
from protocol.transport.queries import filter_by_owner, order_newest_first, read_query
from protocol.transport.rpc_client import RpcClient

_EMBEDDING: Final = ",".join(EmbeddingRow.model_fields)
_DOCUMENT: Final = "id,owner,source,title,sha256,characters,chunks,metadata,created_at,updated_at"
_MEMORY: Final = (
    "id,seq,owner,kind,content,source,document_id,place,heading,char_start,char_end,"
    "task_id,session_id,happened_at,created_at,model_id,dimensions,simulated,embedded_at,error"
)


class SupabaseEmbeddingStore(RpcClient):
    """Implementation of `protocol.store.embeddings.EmbeddingStore`."""

    async def keep_embeddings(
        self, *, owner: UUID | None, items: Sequence[NewEmbedding]
    ) -> list[KeptEmbedding]:
        return await self._call_rows(
            KeptEmbedding,
            "keep_embeddings",
            owner=_write_owner(owner),
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
            owner=_write_owner(owner),
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
        query = self._client.table("cogo_embeddings").select(_EMBEDDING)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        for column, value in (("model_id", model_id), ("source", source)):
            if value is not None:
                query = query.eq(column, value)
        query = order_newest_first(query, ("created_at", "id"), last)
        return await read_query(EmbeddingRow, query.limit(limit))

    async def fetch_embeddings_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[EmbeddingRow]:
        query = self._client.table("cogo_embeddings").select(_EMBEDDING)
        query = query.gte("id", str(first)).lte("id", str(last))
        return await read_query(EmbeddingRow, query.order("created_at", desc=True).limit(limit))

    async def forget_embeddings(self, which: Forgetting) -> int:
        found = await self._call_row(
            Forgotten,
            "forget_embeddings",
            **which.model_dump(mode="json", exclude_none=True),
        )
        return found.forgotten


class SupabaseMemoryStore(RpcClient):
    """Implementation of `protocol.store.memory.MemoryStore`."""

    async def remember(self, *, owner: UUID | None, facts: Sequence[NewFact]) -> list[KeptFact]:
        return await self._call_rows(
            KeptFact, "remember", owner=_write_owner(owner), facts=_write(facts)
        )

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
        return await self._call_rows(
            MemoryHit,
            "search_memory",
            owner=_write_owner(owner),
            query=query,
            vector=None if vector is None else list(vector),
            model_id=model_id,
            simulated=simulated,
            kinds=None if kinds is None else list(kinds),
            sources=None if sources is None else list(sources),
            candidates=None if candidates is None else _write(candidates),
            data_policy=None if data_policy is None else list(data_policy),
            limit=limit,
        )

    async def run_memory(
        self, *, agent_id: str, embedding_model: str | None = None, limit: int = 200
    ) -> MemoryRun:
        return await self._call_row(
            MemoryRun,
            "run_memory",
            agent_id=agent_id,
            embedding_model=embedding_model,
            limit=limit,
        )

    async def register_index(self, *, index: str) -> None:
        await self._call("register_index", index=index)

    async def list_vector_changes(
        self, *, index: str, limit: int, agent_id: str
    ) -> list[VectorChange]:
        return await self._call_rows(
            VectorChange, "list_vector_changes", index=index, limit=limit, agent_id=agent_id
        )

    async def confirm_vector_changes(
        self,
        *,
        index: str,
        through: int,
        agent_id: str,
        refused: Sequence[int] = (),
        problem: str = "",
    ) -> bool:
        more: dict[str, JsonValue] = {"refused": [*refused], "problem": problem} if refused else {}
        confirmed = await self._call(
            "confirm_vector_changes", index=index, through=through, agent_id=agent_id, **more
        )
        return confirmed is True

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
        return await self._call_row(
            AddedDocument,
            "add_document",
            owner=_write_owner(owner),
            source=source,
            title=title,
            sha256=sha256,
            chunks=_write(chunks),
            metadata=metadata or {},
            first=first,
            total=total,
        )

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
        query = self._client.table("cogo_documents").select(_DOCUMENT)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        for column, value in (("source", source), ("id", document_id)):
            if value is not None:
                query = query.eq(column, str(value))
        query = order_newest_first(query, ("created_at", "id"), last)
        return await read_query(DocumentRow, query.limit(limit))

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
        query = self._client.table("cogo_memories").select(_MEMORY)
        query = filter_by_owner(query, owner, every_owner=every_owner)
        for column, value in (("kind", kind), ("source", source)):
            if value is not None:
                query = query.eq(column, value)
        query = order_newest_first(query, ("seq",), last)
        return await read_query(MemoryRow, query.limit(limit))

    async def fetch_chunks(
        self, *, document_id: UUID, first: int = 0, limit: int
    ) -> list[MemoryRow]:
        query = self._client.table("cogo_memories").select(_MEMORY)
        query = query.eq("document_id", str(document_id)).gte("place", first)
        return await read_query(MemoryRow, query.order("place").limit(limit))

    async def fetch_memories_between(
        self, *, first: UUID, last: UUID, limit: int
    ) -> list[MemoryRow]:
        query = self._client.table("cogo_memories").select(_MEMORY)
        query = query.gte("id", str(first)).lte("id", str(last))
        return await read_query(MemoryRow, query.order("seq", desc=True).limit(limit))

    async def forget_memory(self, which: MemoryForgetting) -> ForgottenMemory:
        given = which.model_dump(mode="json", exclude_none=True)
        forgotten, documents, is_more = 0, 0, True
        while is_more:
            batch = await self._call_row(ForgottenBatch, "forget_memory", **given)
            forgotten, documents = forgotten + batch.forgotten, documents + batch.documents
            is_more = batch.is_more
        return ForgottenMemory(forgotten=forgotten, documents=documents)

    async def fetch_memory_status(
        self, *, owner: UUID | None = None, every_owner: bool = False
    ) -> MemoryStatus:
        return await self._call_row(
            MemoryStatus, "memory_status", owner=_write_owner(owner), every_owner=every_owner
        )


def _write_owner(owner: UUID | None) -> str | None:
    return None if owner is None else str(owner)


def _write(items: Sequence[Argument]) -> list[JsonValue]:
    return [each.model_dump(mode="json", exclude_none=True) for each in items]
