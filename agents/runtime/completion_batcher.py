"""Completions on their way to the database: whatever waits goes in one call."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from loguru import logger

from protocol.backoff import compute_backoff
from protocol.errors import Refused, StoreUnavailable
from protocol.records import Completion, CompletionAnswer
from protocol.store.queue import QueueStore

_T = TypeVar("_T")
_Item = tuple[Completion, asyncio.Future[CompletionAnswer]]

BATCH = 100


class CompletionBatcher:
    """Sends completions until each has a definite answer.

    While one call is under way others gather and go together with the next, so that a busy
    executor pays one round trip for many subtasks and an idle one waits for nobody. A batch that
    fails goes to the end of the queue and the next is half as large: a completion that cannot be
    stored does not hold up the others.
    """

    def __init__(self, *, agent_id: str, store: QueueStore, jitter: random.Random) -> None:
        self._agent_id = agent_id
        self._store = store
        self._jitter = jitter
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._limit = BATCH

    async def complete(self, completion: Completion) -> CompletionAnswer:
        """Hand in one completion and wait for its answer, however long the store is away.

        Raises what the database says to this completion, Refused included.
        """
        answer: asyncio.Future[CompletionAnswer] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((completion, answer))
        return await answer

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        while True:
            batch = await self._take()
            if not batch:
                continue
            if await self._send(batch):
                failures = 0
            else:
                failures += 1
                await _wait_after(failures, self._jitter)

    async def _take(self) -> list[_Item]:
        """Give what waits, without what nobody waits for any more."""
        batch = [await self._queue.get()]
        while not self._queue.empty() and len(batch) < self._limit:
            batch.append(self._queue.get_nowait())
        return [(completion, answer) for completion, answer in batch if not answer.done()]

    async def _send(self, batch: Sequence[_Item]) -> bool:
        """Send once. False: the store did not answer, and the batch waits again."""
        try:
            answers = await self._ask([completion for completion, _ in batch])
        except StoreUnavailable as error:
            logger.warning(
                "the store takes no completions; asking again", waiting=len(batch), error=str(error)
            )
            self._put_back(batch)
            return False
        except Exception as error:  # whoever waits must get it, and decides what it means
            if isinstance(error, Refused) and len(batch) > 1:
                self._put_back(batch)
            else:
                self._limit = BATCH
                _raise_in(batch, error)
            return True
        self._limit = BATCH
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
        return True

    async def _ask(self, items: Sequence[Completion]) -> list[CompletionAnswer]:
        answers = await self._store.complete_subtasks(agent_id=self._agent_id, items=items)
        answered = [each.ref for each in answers]
        if answered != [each.ref for each in items]:
            raise ValueError("the database answered to other completions than it was sent")
        return answers

    def _put_back(self, batch: Sequence[_Item]) -> None:
        self._limit = max(1, len(batch) // 2)
        for item in batch:
            self._queue.put_nowait(item)


def _raise_in(batch: Sequence[_Item], error: Exception) -> None:
    for _, waiting in batch:
        if not waiting.done():
            waiting.set_exception(error)


async def retry_until_answered(
    call: Callable[[], Awaitable[_T]], *, what: str, jitter: random.Random
) -> _T:
    """Repeat an idempotent call while the store is away, with growing jittered waits."""
    failures = 0
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            logger.warning("the store does not answer; asking again", what=what, error=str(error))
            failures += 1
            await _wait_after(failures, jitter)


async def _wait_after(failures: int, jitter: random.Random) -> None:
    await asyncio.sleep(compute_backoff(failures, first=0.25, longest=10, jitter=jitter))
