"""Memory as agents use it: remember facts, and search by words and by meaning."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from loguru import logger

from agents.memory.index import IndexUnavailable, VectorIndex
from agents.memory.models import MemoryModel
from protocol.records.memory import (
    BY_WORDS,
    MAX_QUERY,
    KeptFact,
    MemoryCandidate,
    MemoryHit,
    NewFact,
)
from protocol.store.memory import MemoryUseStore
from providers.calls.middleware import CallContext
from providers.errors import ProviderError
from providers.router import Router

INDEX_SECONDS: Final = 3.0
"""After which a search goes on without the outer index."""
INDEX_CANDIDATES: Final = 50
SOURCE_CANDIDATES: Final = 500
"""Of a search in some sources only, which the index does not know."""
LOST: Final = "The index {} found nothing, and Postgres did: it has lost vectors, or lags behind."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a search has found, and what limited it."""

    hits: Sequence[MemoryHit]
    notes: list[str] = field(default_factory=list)


class Memory:
    """The memory of owners, of which each call reads or writes that of one."""

    def __init__(
        self, *, store: MemoryUseStore, router: Router, index: VectorIndex | None = None
    ) -> None:
        self._store = store
        self._router = router
        self._index = index

    async def remember(self, owner: UUID | None, facts: Sequence[NewFact]) -> list[KeptFact]:
        """Store facts of an owner. Raises CogoError."""
        return await self._store.remember(owner=owner, facts=facts)

    async def search(
        self,
        owner: UUID | None,
        query: str,
        *,
        model: MemoryModel,
        context: CallContext,
        sources: Sequence[str] | None = None,
        limit: int,
    ) -> Recalled:
        """Search the memory of an owner; without a vector by words alone. Raises CogoError."""
        query = query.strip()[:MAX_QUERY]
        notes: list[str] = []
        vector, simulated = await self._embed(query, model, context, notes)
        most = INDEX_CANDIDATES if sources is None else SOURCE_CANDIDATES
        candidates = await self._ask_index(owner, vector, model, notes, most=most)
        hits = await self._store.search_memory(
            owner=owner,
            query=query,
            vector=vector,
            model_id=model.id if vector is not None else None,
            simulated=simulated,
            sources=sources,
            candidates=candidates,
            limit=limit,
        )
        by_vectors = any(each.likeness is not None for each in hits)
        if self._index is not None and candidates is None and by_vectors and not notes:
            notes.append(LOST.format(self._index.name))
        return Recalled(hits=hits, notes=notes)

    async def _embed(
        self, query: str, model: MemoryModel, context: CallContext, notes: list[str]
    ) -> tuple[Sequence[float] | None, bool]:
        if model.id is None:
            notes.append(BY_WORDS.format(model.problem or "there is no embedding model"))
            return None, False
        if not query:
            return None, False
        try:
            embedder = await self._router.open_embedder()
            embedded = await embedder.embed(model.id, [query], purpose="query", context=context)
        except ProviderError as error:
            logger.warning("a query was not embedded", model=model.id, error=str(error))
            notes.append(BY_WORDS.format(f"{model.id} has failed ({error.code})"))
            return None, False
        return embedded.embeddings[0].vector, embedded.simulated

    async def _ask_index(
        self,
        owner: UUID | None,
        vector: Sequence[float] | None,
        model: MemoryModel,
        notes: list[str],
        *,
        most: int,
    ) -> list[MemoryCandidate] | None:
        """Return what the outer index finds; None: nothing, so that Postgres compares vectors."""
        if self._index is None or vector is None or model.id is None:
            return None
        try:
            async with asyncio.timeout(INDEX_SECONDS):
                found = await self._index.query(owner, vector, most, model_id=model.id)
        except (IndexUnavailable, TimeoutError) as error:
            why = str(error) or "it took too long"
            notes.append(f"The index {self._index.name} did not answer: {why}.")
            return None
        return [MemoryCandidate(id=each.id, likeness=each.likeness) for each in found] or None
