"""Searches of memory, of agents and of everybody else: by words, and by meaning where they can."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from agents.memory.index import IndexUnavailable, VectorIndex
from agents.memory.models import MemoryModel
from protocol.embeddings import EmbedQuery
from protocol.records.memory import (
    BY_WORDS,
    MAX_QUERY,
    FoundInMemory,
    MemoryCandidate,
    MemorySearch,
)
from protocol.store.memory import MemoryUseStore

INDEX_SECONDS: Final = 3.0
"""After which a search goes on without the outer index."""
INDEX_CANDIDATES: Final = 50
SOURCE_CANDIDATES: Final = 500
"""Of a search in some sources only, which the index does not know."""
LOST: Final = "The index {} found nothing, and Postgres did: it has lost vectors, or lags behind."
NO_VECTORS: Final = "nothing that was found has a vector of {}"


async def search_memory(
    store: MemoryUseStore,
    owner: UUID | None,
    search: MemorySearch,
    *,
    model: MemoryModel | None,
    embed: EmbedQuery | None = None,
    index: VectorIndex | None = None,
) -> FoundInMemory:
    """Search the memory of an owner, and say what limited the search.

    Without a model, words are what was asked for. What `embed` and the index cannot do is a note.
    Raises CogoError.
    """
    query, notes = search.query.strip()[:MAX_QUERY], list[str]()
    vector, is_simulated = await _embed(query, model, embed, notes)
    model_id = model.id if model is not None and vector is not None else None
    candidates: list[MemoryCandidate] | None = None
    if index is not None and vector is not None and model_id is not None:
        most = INDEX_CANDIDATES if search.sources is None else SOURCE_CANDIDATES
        candidates = await _ask_index(
            index, owner, vector, notes=notes, model_id=model_id, most=most
        )
    hits = await store.search_memory(
        owner=owner,
        query=query,
        vector=vector,
        model_id=model_id,
        simulated=is_simulated,
        sources=search.sources,
        candidates=candidates,
        data_policy=search.data_policy,
        limit=search.limit,
    )
    has_near = any(each.likeness is not None for each in hits)
    if model_id is not None and not notes:
        if hits and not has_near:
            notes.append(BY_WORDS.format(NO_VECTORS.format(model_id)))
        elif index is not None and candidates is None and has_near:
            notes.append(LOST.format(index.name))
    return FoundInMemory(hits=hits, notes=notes)


async def _embed(
    query: str, model: MemoryModel | None, embed: EmbedQuery | None, notes: list[str]
) -> tuple[Sequence[float] | None, bool]:
    """Return the vector of a query, and whether a simulator made it; else say why there is none."""
    if model is None or (model.id is not None and not query):
        return None, False
    if model.id is None or embed is None:
        notes.append(BY_WORDS.format(model.problem or "there is no embedding model"))
        return None, False
    try:
        return await embed(model.id, query)
    except (TimeoutError, ValueError) as error:
        notes.append(BY_WORDS.format(str(error) or f"{model.id} took too long"))
        return None, False


async def _ask_index(
    index: VectorIndex,
    owner: UUID | None,
    vector: Sequence[float],
    *,
    model_id: str,
    most: int,
    notes: list[str],
) -> list[MemoryCandidate] | None:
    """Return what the index finds; None: nothing, so that Postgres compares vectors."""
    try:
        async with asyncio.timeout(INDEX_SECONDS):
            found = await index.query(owner, vector, most, model_id=model_id)
    except (IndexUnavailable, TimeoutError) as error:
        why = str(error) or "it took too long"
        notes.append(f"The index {index.name} did not answer: {why}.")
        return None
    return [MemoryCandidate(id=each.id, likeness=each.likeness) for each in found] or None
