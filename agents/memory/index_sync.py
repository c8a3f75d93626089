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
        if is_more:
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
        self.problem = ""
        """Why changes of the last round were refused."""

    async def run(self) -> bool:
        """Make the next changes, and return whether there are more.

        Everything may be repeated: changes that were made but not confirmed are made again. Raises
        CogoError, and IndexUnavailable if the index takes nothing at all.
        """
        name, self.problem = self._index.name, ""
        changes = await self._list_changes()
        if not changes:
            return False
        refused, left = await self._make(changes)
        through = find_confirmable(changes, left)
        is_ours = await self._store.confirm_vector_changes(
            index=name,
            through=through or 0,
            refused=[each.seq for each in refused],
            problem=self.problem,
            agent_id=self._agent_id,
        )
        if not is_ours:
            return False
        logger.debug(
            "vectors were brought to their index",
            index=name,
            changes=len(changes) - len(refused) - len(left),
            refused=len(refused),
        )
        return len(changes) >= LIMIT

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

    async def _make(self, changes: Sequence[VectorChange]) -> tuple[list[VectorChange], set[UUID]]:
        """Make changes owner by owner; return those that are refused, and ids for which time ended.

        Raises IndexUnavailable if the index takes nothing at all.
        """
        until = time.monotonic() + ROUND_SECONDS
        refused: list[VectorChange] = []
        left: set[UUID] = set()
        for owner, those in group_by_owner(changes).items():
            if time.monotonic() >= until:
                left |= {each.id for each in those}
            else:
                refused += await self._make_for_owner(owner, those, until=until)
        return refused, left

    async def _make_for_owner(
        self, owner: UUID | None, changes: Sequence[VectorChange], *, until: float
    ) -> list[VectorChange]:
        """Make changes; return those that the index refuses though it takes others."""
        try:
            await self._send(owner, changes)
        except IndexUnavailable as error:
            self.problem = str(error)
        else:
            return []
        can_halve = len(changes) > 1 and time.monotonic() < until
        if not await self._is_open_for(owner) or not can_halve:
            return [*changes]
        middle = len(changes) // 2
        halves = (changes[:middle], changes[middle:])
        refused = [await self._make_for_owner(owner, half, until=until) for half in halves]
        return [each for half in refused for each in half]

    async def _is_open_for(self, owner: UUID | None) -> bool:
        """Return whether the index takes anything of an owner; raise if it takes nothing at all."""
        try:
            await self._index.delete(owner, [uuid4()])
        except IndexUnavailable:
            await self._index.delete(uuid4(), [uuid4()])
            return False
        return True

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


def group_by_owner(changes: Sequence[VectorChange]) -> dict[UUID | None, list[VectorChange]]:
    """Return changes by the owner of their memories, each in order."""
    grouped: dict[UUID | None, list[VectorChange]] = {}
    for each in changes:
        grouped.setdefault(each.owner, []).append(each)
    return grouped


def find_confirmable(changes: Sequence[VectorChange], left: set[UUID]) -> int | None:
    """Return the last `seq` up to which nothing is left, or None if the first is."""
    last: int | None = None
    for each in sorted(changes, key=lambda one: one.seq):
        if each.id in left:
            break
        last = each.seq
    return last
