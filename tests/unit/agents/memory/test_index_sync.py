"""Changes of memory on their way to an outer index, which fails in every way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.memory.index import IndexUnavailable, VectorItem, VectorMatch
from agents.memory.index_sync import LIMIT, IndexSync, find_confirmable, sync_index_regularly
from protocol.backoff import compute_backoff
from protocol.errors import StoreUnavailable
from protocol.records.memory import MemoryRow, VectorChange

ONE, OTHER = uuid4(), uuid4()


class FakeIndex:
    """Keeps vectors by owner, and refuses what it is told to refuse."""

    name = "fake:index"

    def __init__(self) -> None:
        self.vectors: dict[UUID | None, dict[UUID, str]] = {}
        self.is_down = False
        self.poison: set[UUID] = set()
        self.closed: set[UUID | None] = set()
        """Owners of whom nothing is taken."""
        self.upserts = 0
        self.deleted_owners: list[UUID | None] = []

    async def upsert(self, owner: UUID | None, items: Sequence[VectorItem]) -> None:
        self._check(owner)
        self.upserts += 1
        if self.poison & {each.id for each in items}:
            raise IndexUnavailable("400: a vector is too strange")
        self.vectors.setdefault(owner, {}).update({each.id: each.model_id for each in items})

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> Sequence[VectorMatch]:
        raise AssertionError("nothing is searched here")

    async def delete(self, owner: UUID | None, ids: Sequence[UUID]) -> None:
        self._check(owner)
        if self.poison & {*ids}:
            raise IndexUnavailable("400: an id is too strange")
        for each in ids:
            self.vectors.get(owner, {}).pop(each, None)

    async def delete_owner(self, owner: UUID | None) -> None:
        self._check(owner)
        self.deleted_owners.append(owner)
        self.vectors.pop(owner, None)

    def _check(self, owner: UUID | None) -> None:
        if self.is_down:
            raise IndexUnavailable("it is down")
        if owner in self.closed:
            raise IndexUnavailable("the namespace is frozen")


@dataclass
class FakeOutbox:
    """Changes as the database lists them, until they are confirmed."""

    changes: list[VectorChange] = field(default_factory=list)
    owners: set[UUID | None] = field(default_factory=lambda: {ONE, OTHER, None})
    """Those that have memories."""
    holder: str = ""
    is_down: bool = False
    registered: list[str] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)
    """What is listed later again, and why."""

    async def register_index(self, *, index: str) -> None:
        self.registered.append(index)

    async def list_vector_changes(
        self, *, index: str, limit: int, agent_id: str
    ) -> list[VectorChange]:
        if self.is_down:
            raise StoreUnavailable("the database is down")
        self.holder = self.holder or agent_id
        due = [each for each in self.changes if each.id not in self.refused]
        return due[:limit] if self.holder == agent_id else []

    async def confirm_vector_changes(
        self,
        *,
        index: str,
        through: int,
        agent_id: str,
        refused: Sequence[int] = (),
        problem: str = "",
    ) -> bool:
        if self.holder != agent_id:
            return False
        self.refused |= {each.id: problem for each in self.changes if each.seq in refused}
        self.changes = [
            each for each in self.changes if each.seq > through or each.id in self.refused
        ]
        return True

    async def fetch_memories(self, *, limit: int, owner: UUID | None = None) -> list[MemoryRow]:
        row: Any = object()
        return [row] if owner in self.owners else []

    def add(self, *, owner: UUID | None = ONE, is_deleted: bool = False, **fields: Any) -> UUID:
        last = self.changes[-1].seq if self.changes else 0
        vector = None if is_deleted else [1.0, 0.0]
        row = {"id": uuid4(), "vector": vector, "model_id": None if is_deleted else "m"} | fields
        change = VectorChange(seq=last + 1, owner=owner, is_deleted=is_deleted, **row)
        self.changes.append(change)
        return change.id


@pytest.fixture
def index() -> FakeIndex:
    return FakeIndex()


@pytest.fixture
def outbox() -> FakeOutbox:
    return FakeOutbox()


@pytest.fixture
def sync(outbox: FakeOutbox, index: FakeIndex) -> IndexSync:
    return IndexSync(outbox, index, agent_id="cio-1")


async def test_changes_reach_the_index_of_their_owner_and_are_confirmed(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    one, other, own = outbox.add(), outbox.add(owner=OTHER), outbox.add(owner=None)
    gone = outbox.add(is_deleted=True)
    index.vectors = {ONE: {gone: "m"}}

    assert not await sync.run()

    assert index.vectors == {ONE: {one: "m"}, OTHER: {other: "m"}, None: {own: "m"}}
    assert outbox.changes == []
    assert outbox.registered == [index.name]
    assert not await sync.run()
    assert outbox.registered == [index.name]


async def test_there_is_more_after_a_full_round(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    for _ in range(LIMIT + 1):
        outbox.add()

    assert await sync.run()
    assert not await sync.run()
    assert len(index.vectors[ONE]) == LIMIT + 1


async def test_an_owner_without_memories_leaves_nothing(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    gone = outbox.add(is_deleted=True)
    kept = outbox.add(owner=OTHER, is_deleted=True)
    index.vectors = {ONE: {gone: "m", uuid4(): "of an unknown row"}, OTHER: {kept: "m"}}
    outbox.owners = {OTHER}

    await sync.run()

    assert index.deleted_owners == [ONE]
    assert index.vectors == {OTHER: {}}


async def test_a_memory_whose_vector_is_missing_is_deleted(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    id_ = outbox.add(vector=None, model_id=None)
    index.vectors = {ONE: {id_: "old"}}

    await sync.run()

    assert index.vectors == {ONE: {}}
    assert outbox.changes == []


async def test_what_was_made_and_not_confirmed_is_made_again(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    one, gone = outbox.add(), outbox.add(is_deleted=True)
    index.vectors = {ONE: {gone: "m"}}
    confirm = outbox.confirm_vector_changes

    async def die(**_: Any) -> bool:
        raise StoreUnavailable("the agent was killed here")

    outbox.confirm_vector_changes = die  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await sync.run()
    outbox.confirm_vector_changes = confirm  # type: ignore[method-assign]
    await IndexSync(outbox, index, agent_id="cio-1").run()

    assert index.vectors == {ONE: {one: "m"}}
    assert outbox.changes == []


async def test_an_index_that_is_down_loses_nothing(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    ids = {outbox.add() for _ in range(3)}
    index.is_down = True
    for _ in range(3):
        with pytest.raises(IndexUnavailable, match="it is down"):
            await sync.run()
    assert index.upserts == 0
    index.is_down = False

    await sync.run()

    assert set(index.vectors[ONE]) == ids
    assert outbox.changes == []


async def test_what_an_index_refuses_harms_nothing_else(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    ids = [outbox.add() for _ in range(8)]
    other = outbox.add(owner=OTHER)
    index.poison = {ids[3]}

    assert not await sync.run()

    assert "too strange" in sync.problem
    assert set(index.vectors[ONE]) == {*ids} - index.poison
    assert set(index.vectors[OTHER]) == {other}
    assert outbox.refused == {ids[3]: "400: a vector is too strange"}
    assert [each.id for each in outbox.changes] == [ids[3]]


async def test_a_deletion_stays_due_however_often_it_is_refused(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    gone = outbox.add(is_deleted=True)
    index.vectors = {ONE: {gone: "m"}}
    index.poison = {gone}

    for _ in range(10):
        outbox.refused.clear()  # it is due again
        await sync.run()
        assert [each.id for each in outbox.changes] == [gone]
    index.poison.clear()
    outbox.refused.clear()
    await sync.run()

    assert outbox.changes == []
    assert index.vectors == {ONE: {}}


async def test_an_owner_whose_place_fails_does_not_stop_those_behind(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    ids = {outbox.add() for _ in range(LIMIT)}
    other = outbox.add(owner=OTHER)
    index.closed = {ONE}

    assert await sync.run()
    assert set(outbox.refused) == ids
    assert index.upserts == 0  # it is not tried in halves
    assert not await sync.run()

    assert index.vectors == {OTHER: {other: "m"}}
    assert {each.id for each in outbox.changes} == ids


async def test_a_slow_index_leaves_the_others_for_the_next_round(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = outbox.add(), outbox.add(owner=OTHER)
    monkeypatch.setattr("agents.memory.index_sync.ROUND_SECONDS", 0)

    await sync.run()
    assert outbox.refused == {}
    assert [each.id for each in outbox.changes] == [first, other]
    monkeypatch.undo()
    await sync.run()

    assert index.vectors == {ONE: {first: "m"}, OTHER: {other: "m"}}
    assert outbox.changes == []


async def test_while_another_agent_has_the_index_nothing_is_made(
    outbox: FakeOutbox, index: FakeIndex, sync: IndexSync
) -> None:
    outbox.add()
    outbox.holder = "cio-2"

    assert not await sync.run()

    assert index.vectors == {}
    assert len(outbox.changes) == 1


async def test_the_loop_goes_on_whatever_fails(
    outbox: FakeOutbox, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    synced = asyncio.Event()
    id_ = outbox.add()
    index.is_down = True

    def wait(failures: int, *, first: float, longest: float) -> float:
        waits.append(compute_backoff(failures, first=first, longest=longest))
        outbox.is_down = len(waits) == 2
        index.is_down = len(waits) < 4
        if outbox.changes == []:
            synced.set()
        return 0.0

    monkeypatch.setattr("agents.memory.index_sync.compute_backoff", wait)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(sync_index_regularly(outbox, index, agent_id="cio-1"))
        await asyncio.wait_for(synced.wait(), 10)
        running.cancel()

    assert index.vectors == {ONE: {id_: "m"}}
    assert waits[3] > waits[0] * 2  # the waits grow


def test_only_what_is_done_is_confirmed() -> None:
    outbox = FakeOutbox()
    ids = [outbox.add() for _ in range(4)]

    assert find_confirmable(outbox.changes, set()) == 4
    assert find_confirmable(outbox.changes, {ids[2]}) == 2
    assert find_confirmable(outbox.changes[::-1], {ids[2], ids[3]}) == 2
    assert find_confirmable(outbox.changes, {ids[0]}) is None
