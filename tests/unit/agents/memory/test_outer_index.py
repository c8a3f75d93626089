"""Searches of memory that ask an outer index, which is down, slow, empty or wrong."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from agents.memory.index import IndexUnavailable, VectorMatch
from agents.memory.memory import Memory
from agents.memory.models import MemoryModel
from agents.memory.search import INDEX_CANDIDATES, SOURCE_CANDIDATES
from protocol.records.memory import FoundInMemory, MemoryHit
from providers.calls.middleware import CallContext
from providers.embeddings.records import Embedded, Embedding
from providers.router import Router
from tests.support.tools.fake_memory import FakeMemory

OWNER = uuid4()


class Embedder:
    """Makes one vector of every text; stands for a router, too."""

    async def open_embedder(self) -> "Embedder":
        return self

    async def embed(self, model: str, texts: Sequence[str], **_: Any) -> Embedded:
        one = Embedding(model=model, dimensions=2, vector=(1.0, 0.0))
        return Embedded(
            embeddings=(one,) * len(texts),
            provider="p",
            tokens=1,
            cost_usd=Decimal(),
            simulated=False,
        )


class Index:
    """Finds what a test says."""

    name = "pinecone:test"

    def __init__(self, *found: UUID, error: Exception | None = None, is_slow: bool = False) -> None:
        self.found = [VectorMatch(each, 0.5) for each in found]
        self.error = error
        self.is_slow = is_slow
        self.asked: list[tuple[UUID | None, int, str]] = []

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> Sequence[VectorMatch]:
        self.asked.append((owner, limit, model_id))
        if self.is_slow:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.found


def hit(likeness: float | None) -> MemoryHit:
    return MemoryHit(id=uuid4(), kind="fact", content="a fact", score=0.1, likeness=likeness)


async def recall(store: FakeMemory, index: Index, **more: Any) -> FoundInMemory:
    memory = Memory(
        store=cast("Any", store), router=cast("Router", Embedder()), index=cast("Any", index)
    )
    model = MemoryModel(id="m")
    return await memory.search(OWNER, "what", model=model, context=CallContext(), limit=8, **more)


async def test_what_an_index_finds_takes_the_place_of_vectors_in_postgres() -> None:
    id_ = uuid4()
    store, index = FakeMemory(found_memories=[hit(0.5)]), Index(id_)

    found = await recall(store, index)

    assert index.asked == [(OWNER, INDEX_CANDIDATES, "m")]
    [asked] = store.searches
    assert [(each.id, each.likeness) for each in asked["candidates"]] == [(id_, 0.5)]
    assert asked["owner"] == OWNER
    assert found.notes == []


async def test_an_index_does_not_know_sources_and_is_asked_for_more() -> None:
    index = Index(uuid4())

    await recall(FakeMemory(), index, sources=["notes/*"])

    assert index.asked == [(OWNER, SOURCE_CANDIDATES, "m")]


@pytest.mark.parametrize(
    ("index", "why"),
    [
        (Index(error=IndexUnavailable("503: try later")), "503: try later"),
        (Index(is_slow=True), "it took too long"),
    ],
    ids=["down", "slow"],
)
async def test_without_an_answer_postgres_compares_and_the_result_says_so(
    index: Index, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.memory.search.INDEX_SECONDS", 0.01)
    store = FakeMemory(found_memories=[hit(0.9)])

    found = await recall(store, index)

    [asked] = store.searches
    assert (asked["candidates"], asked["vector"], asked["model_id"]) == (None, (1.0, 0.0), "m")
    assert found.notes == [f"The index pinecone:test did not answer: {why}."]
    assert len(found.hits) == 1


@pytest.mark.parametrize(("likeness", "has_lost"), [(0.9, True), (None, False)])
async def test_an_index_that_has_lost_what_postgres_has_is_named(
    likeness: float | None, has_lost: bool
) -> None:
    store = FakeMemory(found_memories=[hit(likeness)])

    found = await recall(store, Index())

    assert store.searches[0]["candidates"] is None
    assert any("has lost vectors" in note for note in found.notes) is has_lost
