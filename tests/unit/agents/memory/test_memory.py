"""Searches of memory: what limits them is said, and never ends them; which model it is."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from agents.memory.index import IndexUnavailable, VectorMatch
from agents.memory.memory import Memory
from agents.memory.models import MemoryModel, choose_memory_model
from agents.tools.own.memory import build_memory_tools
from agents.tools.toolbox import ToolContext
from protocol.records.memory import MemoryHit, NewFact
from providers.calls.middleware import CallContext
from providers.embeddings.records import Embedded, Embedding
from providers.errors import NotServed, ProviderError
from tests.support.agents.flows import CATALOGUE
from tests.support.tools.fake_memory import FakeMemory

ADA = uuid4()
SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"


class FakeEmbedder:
    """Gives one vector, or fails."""

    def __init__(self, error: ProviderError | None = None) -> None:
        self._error = error

    async def open_embedder(self) -> "FakeEmbedder":
        return self

    async def embed(self, model: str, texts: Sequence[str], **_: Any) -> Embedded:
        if self._error is not None:
            raise self._error
        vector = Embedding(model=model, dimensions=2, vector=(0.5, 1.0))
        return Embedded(
            embeddings=(vector,), provider="openai", tokens=1, cost_usd=None, simulated=True
        )


class FakeIndex:
    """Finds one memory, or does not answer."""

    name = "pinecone"

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> list[VectorMatch]:
        if self._error is not None:
            raise self._error
        return [VectorMatch(UUID(int=1), 0.9)]


async def search(
    store: FakeMemory,
    *,
    error: ProviderError | None = None,
    index: FakeIndex | None = None,
    model: MemoryModel | None = None,
) -> list[str]:
    router, outer = cast("Any", FakeEmbedder(error)), cast("Any", index)
    found = await Memory(store=store, router=router, index=outer).search(
        ADA, " refund ", model=model or MemoryModel(id=SMALL), context=CallContext(), limit=3
    )
    return found.notes


async def test_a_query_is_searched_by_its_vector_and_its_words() -> None:
    store = FakeMemory()

    notes = await search(store)

    [asked] = store.searches
    assert (asked["owner"], asked["query"], asked["limit"]) == (ADA, "refund", 3)
    assert (asked["vector"], asked["model_id"], asked["simulated"]) == ((0.5, 1.0), SMALL, True)
    assert notes == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"error": NotServed("no key")}, f"{SMALL} has failed (not_served)"),
        ({"model": MemoryModel(problem="nobody serves one")}, "nobody serves one"),
    ],
)
async def test_without_a_vector_words_are_searched_and_it_is_said(
    changes: dict[str, Any], said: str
) -> None:
    store = FakeMemory()

    notes = await search(store, **changes)

    assert notes == [f"Memory was searched by words alone: {said}."]
    assert (store.searches[0]["vector"], store.searches[0]["model_id"]) == (None, None)


async def test_an_index_gives_candidates_and_its_failure_is_said() -> None:
    store = FakeMemory()

    good = await search(store, index=FakeIndex())
    bad = await search(store, index=FakeIndex(IndexUnavailable("it is down")))

    assert good == []
    assert [each.id for each in store.searches[0]["candidates"]] == [UUID(int=1)]
    assert bad == ["The index pinecone did not answer: it is down."]
    assert store.searches[1]["candidates"] is None
    assert store.searches[1]["vector"] == (0.5, 1.0)


def test_the_model_is_the_named_one_or_the_first_of_the_catalogue() -> None:
    served = {LARGE: False, SMALL: False}
    first = next(each for each in CATALOGUE.embeddings if each in served)

    assert choose_memory_model(None, CATALOGUE, served).id == first
    assert choose_memory_model(LARGE, CATALOGUE, served).id == LARGE
    assert choose_memory_model(None, CATALOGUE, {first: True, LARGE: False}).id == (
        LARGE if first != LARGE else first
    )
    for named, there in ((SMALL, {LARGE: False}), ("none", served), (None, {})):
        chosen = choose_memory_model(named, CATALOGUE, there)
        assert chosen.id is None
        assert chosen.problem


def test_the_data_policy_of_the_deployment_holds_for_the_model() -> None:
    strict = CATALOGUE.with_data_policy(("local-only",))
    local = "ollama/bge-m3"

    for named in (None, SMALL):
        chosen = choose_memory_model(named, strict, {SMALL: False})
        assert chosen.id is None
        assert "the data policy is local-only" in str(chosen.problem)
    assert choose_memory_model(None, strict, {SMALL: False, local: False}).id == local


async def test_a_search_is_under_the_rules_of_its_task() -> None:
    store = FakeMemory()
    memory = Memory(store=store, router=cast("Any", FakeEmbedder()))

    for rules in ((), ("eu", "no-training")):
        await memory.search(
            None, "q", model=MemoryModel(), context=CallContext(data_policy=rules), limit=3
        )

    assert [each["data_policy"] for each in store.searches] == [[], ["eu", "no-training"]]


async def test_tools_read_and_write_the_memory_of_the_tasks_owner_only() -> None:
    hit = MemoryHit(id=uuid4(), kind="fact", content="x" * 5_000, score=1)
    store = FakeMemory(found_memories=[hit])
    memory = Memory(store=store, router=cast("Any", FakeEmbedder()))

    async def find() -> MemoryModel:
        return MemoryModel(id=SMALL)

    remember, searching = build_memory_tools(memory, find)
    context = ToolContext(task_id=uuid4(), subtask_id=uuid4(), attempt=1, key="main", owner=ADA)

    first = await remember.run({"facts": ["Ada travels.", "  "]}, context)
    again = await remember.run({"facts": ["Ada travels."]}, context)
    blank = await remember.run({"facts": [" "]}, context)
    found: Any = await searching.run({"query": "ada", "sources": ["facts"]}, context)

    assert first.content == {"remembered": 1, "known_before": 0}
    assert again.content == {"remembered": 0, "known_before": 1}
    assert blank.is_error
    source = f"task {context.task_id}"
    fact = NewFact(content="Ada travels.", source=source, task_id=context.task_id)
    assert store.facts == [(ADA, fact), (ADA, fact)]
    assert store.searches[0]["owner"] == ADA
    assert store.searches[0]["sources"] == ["facts"]
    assert len(found.content["found"][0]["text"]) == 2_000
