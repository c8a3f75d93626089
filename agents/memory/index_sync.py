"""Brings what has changed in memory to an outer index: the database lists changes, in order.

One agent at a time does it, under a lease of the database that is much longer than a round: a
write that comes late, from an agent that lost the lease, would bring back what was deleted.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID, uuid4

from loguru import logger

from agents.memory.index import IndexUnavailable, VectorIndex, VectorItem
from protocol.backoff import compute_backoff
from protocol.errors import CogoError
from protocol.records.memory import MemoryRow, VectorChange
from protocol.store.memory import VectorOutboxStore

LIMIT: Final = 200
"""Changes of one round."""
ROUND_SECONDS: Final = 45.0
"""After which a round begins no more calls; the lease is of two minutes."""
TRIES: Final = 5
"""Rounds after which a change is left out that an index refuses while it takes others."""
IDLE_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0
"""The longest wait after failures."""


class IndexStore(VectorOutboxStore, Protocol):
    """What the loop needs of the database."""

    async def fetch_memories(self, *, limit: int, owner: UUID | None = None) -> list[MemoryRow]:
        """Read memories of an owner."""
        ...


async def sync_index_regularly(store: IndexStore, index: VectorIndex, *, agent_id: str) -> None:
    """Bring changes to an index until cancelled, less often while it does not take them."""
    sync = IndexSync(store, index, agent_id=agent_id)
    jitter = random.Random()  # noqa: S311 - not used for security
    failures, was = 0, ""
    while True:
        is_more, problem = False, ""
        try:
            is_more = await sync.run()
            problem = sync.problem
        except (CogoError, IndexUnavailable) as error:
            problem = str(error)
        failures = failures + 1 if problem else 0
        if problem and problem != was:
            logger.warning("vectors wait for their index", index=index.name, reason=problem)
        elif was and not problem:
            logger.info("the index takes vectors again", index=index.name)
        was = problem
        if is_more and not problem:
            continue
        wait = compute_backoff(max(failures, 1), first=IDLE_SECONDS, longest=LONGEST_SECONDS)
        await asyncio.sleep(wait * jitter.uniform(0.8, 1.2))


class IndexSync:
    """Rounds of changes for one index."""

    def __init__(self, store: IndexStore, index: VectorIndex, *, agent_id: str) -> None:
        self._store = store
        self._index = index
        self._agent_id = agent_id
        self._is_registered = False
        self._tries: dict[UUID, int] = {}
        self.problem = ""
        """Why changes of the last round are still to be made."""

    async def run(self) -> bool:
        """Make the next changes, and return whether there are more.

        Everything may be repeated: changes that were made but not confirmed are made again. Raises
        CogoError, and IndexUnavailable if the index takes nothing at all.
        """
        name, self.problem = self._index.name, ""
        changes = await self._list_changes()
        if not changes:
            return False
        undone = await self._make(changes)
        through = find_confirmable(changes, undone)
        if through is not None:
            is_ours = await self._store.confirm_vector_changes(
                index=name, through=through, agent_id=self._agent_id
            )
            if not is_ours:
                return False
            logger.debug("vectors were brought to their index", index=name, changes=len(changes))
        return len(changes) >= LIMIT and through is not None

    async def _list_changes(self) -> list[VectorChange]:
        name, was_registered = self._index.name, self._is_registered
        self._is_registered = False  # after an error again: an operator may have removed it
        if not was_registered:
            await self._store.register_index(index=name)
        listed = await self._store.list_vector_changes(
            index=name, limit=LIMIT, agent_id=self._agent_id
        )
        self._is_registered = True
        return listed

    async def _make(self, changes: Sequence[VectorChange]) -> set[UUID]:
        """Make changes owner by owner; return the ids of those that are still to be made."""
        until = time.monotonic() + ROUND_SECONDS
        undone: set[UUID] = set()
        for owner, those in group_by_owner(changes).items():
            if time.monotonic() >= until:
                undone |= {each.id for each in those}
                continue
            refused = await self._make_for_owner(owner, those)
            undone |= {each.id for each in refused if self._count_try(each)}
        done = {each.id for each in changes} - undone
        self._tries = {id_: tries for id_, tries in self._tries.items() if id_ not in done}
        return undone

    async def _make_for_owner(
        self, owner: UUID | None, changes: Sequence[VectorChange]
    ) -> list[VectorChange]:
        """Make changes; return those that the index refuses though it takes others."""
        try:
            await self._send(owner, changes)
        except IndexUnavailable as error:
            await self._index.delete(owner, [uuid4()])  # raises if it takes nothing at all
            self.problem = str(error)
            if len(changes) == 1:
                return [*changes]
            middle = len(changes) // 2
            halves = (changes[:middle], changes[middle:])
            refused = [await self._make_for_owner(owner, half) for half in halves]
            return [each for half in refused for each in half]
        return []

    async def _send(self, owner: UUID | None, changes: Sequence[VectorChange]) -> None:
        items = [
            VectorItem(id=each.id, vector=each.vector, model_id=each.model_id)
            for each in changes
            if not each.is_deleted and each.vector and each.model_id
        ]
        kept = {each.id for each in items}
        gone = [each.id for each in changes if each.id not in kept]
        if items:
            await self._index.upsert(owner, items)
        if not gone:
            return
        # What the database forgets later is listed later.
        if not items and not await self._store.fetch_memories(owner=owner, limit=1):
            await self._index.delete_owner(owner)
        else:
            await self._index.delete(owner, gone)

    def _count_try(self, change: VectorChange) -> bool:
        """Return whether a refused change is tried again."""
        tries = self._tries[change.id] = self._tries.get(change.id, 0) + 1
        if tries < TRIES:
            return True
        logger.warning(
            "a vector is left out of its index, which refuses it",
            index=self._index.name,
            memory=str(change.id),
            reason=self.problem,
        )
        return False


def group_by_owner(changes: Sequence[VectorChange]) -> dict[UUID | None, list[VectorChange]]:
    """Return changes by the owner of their memories, each in order."""
    grouped: dict[UUID | None, list[VectorChange]] = {}
    for each in changes:
        grouped.setdefault(each.owner, []).append(each)
    return grouped


def find_confirmable(changes: Sequence[VectorChange], undone: set[UUID]) -> int | None:
    """Return the last `seq` up to which everything is done, or None if the first is not."""
    last: int | None = None
    for each in sorted(changes, key=lambda one: one.seq):
        if each.id in undone:
            break
        last = each.seq
    return last
