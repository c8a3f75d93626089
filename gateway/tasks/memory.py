"""Searches of memory: the query becomes a vector by a task, as all calls of models are tasks."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from protocol.embeddings import decode_vector
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task
from protocol.records.memory import (
    BY_WORDS,
    MAX_QUERY,
    AddedDocument,
    CutDocument,
    MemoryHit,
    MemoryKind,
)
from protocol.store.memory import MemoryStore, MemoryUseStore

PART: Final = 500
"""Chunks of one call."""

RunTask = Callable[[NewTask], Awaitable[Task]]
"""Submits a task and waits for its end, however it ends. Raises TimeoutError."""


class MemoryServices(Protocol):
    """What the gateway takes from elsewhere: it neither calls models nor opens files."""

    async def cut_document(self, content: bytes, name: str) -> CutDocument:
        """Return a document in chunks. Raise InvalidArgument."""
        ...

    async def find_model(self) -> tuple[str | None, str | None]:
        """Return the embedding model of memory, or None and why there is none."""
        ...


async def store_document(
    store: MemoryStore,
    owner: UUID | None,
    source: str,
    document: CutDocument,
    *,
    title: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> AddedDocument:
    """Store a document in as many calls as it needs. Raise InvalidArgument, TooLarge."""
    chunks = document.chunks
    for first in range(0, max(len(chunks), 1), PART):
        kept = await store.add_document(
            owner=owner,
            source=source,
            title=title or document.title,
            sha256=document.sha256,
            chunks=chunks[first : first + PART],
            metadata={"characters": document.characters} | (metadata or {}),
            first=first,
            total=len(chunks) if len(chunks) > PART else None,
        )
        if kept.is_unchanged or first + PART >= len(chunks):
            return kept
    raise AssertionError("the last part returns")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySearch:
    """A search of an owner's memory."""

    query: str
    kinds: Sequence[MemoryKind] | None = None
    sources: Sequence[str] | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInMemory:
    """What a search has found, and what limited it."""

    hits: list[MemoryHit]
    notes: list[str]


async def search_by_meaning(
    store: MemoryUseStore,
    owner: UUID | None,
    search: MemorySearch,
    *,
    model: str | None,
    problem: str | None,
    run_task: RunTask,
) -> FoundInMemory:
    """Search by words and, if there is a model for it, by meaning.

    `problem` says why there is no model; without both, words are what was asked for.
    """
    notes: list[str] = []
    vector, is_simulated = None, False
    if model is None and problem is not None:
        notes.append(BY_WORDS.format(problem))
    elif model is not None and search.query.strip():
        try:
            task = await run_task(_build_task(owner, search.query, model))
            vector, is_simulated = _read_vector(task), task.simulated is True
        except (TimeoutError, ValueError) as error:
            notes.append(BY_WORDS.format(str(error) or f"{model} took too long"))
    hits = await store.search_memory(
        owner=owner,
        query=search.query,
        vector=vector,
        model_id=model if vector is not None else None,
        simulated=is_simulated,
        kinds=search.kinds,
        sources=search.sources,
        limit=search.limit,
    )
    if vector is not None and hits and not any("vectors" in each.found_by for each in hits):
        notes.append(BY_WORDS.format("nothing that was found has a vector yet"))
    return FoundInMemory(hits=hits, notes=notes)


def _build_task(owner: UUID | None, query: str, model: str) -> NewTask:
    return NewTask(
        owner=owner,
        type="EMBED",
        prompt=query.strip()[:MAX_QUERY],
        params={"purpose": "query"},
        model=model,
        stream=False,
    )


def _read_vector(task: Task) -> list[float]:
    """Return the vector that a task gave. Raises ValueError, which says why there is none."""
    if task.status is not TaskState.COMPLETED:
        why = (task.error or {}).get("message") or task.status
        raise ValueError(f"the query was not embedded ({str(why).rstrip('.')})")
    try:
        return decode_vector((task.result or {})["embeddings"][0])
    except (KeyError, IndexError, TypeError, ValueError):
        raise ValueError("the query was not embedded (its vector cannot be read)") from None
