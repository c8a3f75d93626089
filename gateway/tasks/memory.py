"""Memory of requests: documents are stored in parts, and queries are embedded by tasks."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol
from uuid import UUID

from protocol.embeddings import EmbedQuery, decode_vector
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task
from protocol.records.memory import AddedDocument, CutDocument, FoundInMemory, MemorySearch
from protocol.store.memory import MemoryStore

PART: Final = 500
"""Chunks of one call."""

RunTask = Callable[[NewTask], Awaitable[Task]]
"""Submits a task and waits for its end, however it ends. Raises TimeoutError."""


class MemoryServices(Protocol):
    """What the gateway takes from elsewhere: it neither calls models nor opens files."""

    async def cut_document(self, content: bytes, name: str) -> CutDocument:
        """Return a document in chunks. Raise InvalidArgument."""
        ...

    async def search(
        self,
        owner: UUID | None,
        search: MemorySearch,
        *,
        embed: EmbedQuery | None = None,
        problem: str | None = None,
    ) -> FoundInMemory:
        """Search by words and, with `embed`, by meaning. Raise CogoError.

        `problem` says why there is no `embed`; without both, words are what was asked for.
        """
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
            metadata=metadata,
            first=first,
            total=len(chunks) if len(chunks) > PART else None,
        )
        if kept.is_unchanged or first + PART >= len(chunks):
            return kept
    raise AssertionError("the last part returns")


def embed_by_task(owner: UUID | None, run_task: RunTask) -> EmbedQuery:
    """Return what embeds queries by tasks of an owner, as all calls of models are tasks."""

    async def embed(model: str, query: str) -> tuple[list[float], bool]:
        task = await run_task(_build_task(owner, query, model))
        return _read_vector(task), task.simulated is True

    return embed


def _build_task(owner: UUID | None, query: str, model: str) -> NewTask:
    return NewTask(
        owner=owner,
        type="EMBED",
        prompt=query,
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
