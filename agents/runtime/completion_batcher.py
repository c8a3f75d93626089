"""The completion batcher: sends waiting completions to the database in one call."""

import asyncio
import random
from collections.abc import Sequence

from loguru import logger

from agents.runtime.retry import wait_before_retry
from protocol.errors import Refused, StoreUnavailable
from protocol.records import Completion, CompletionAnswer
from protocol.store.queue import QueueStore

_Item = tuple[Completion, asyncio.Future[CompletionAnswer]]

MAX_BATCH = 100


class CompletionBatcher:
    """Sends completions until each has a definite answer.

    While one call is in flight, others are collected for the next, so that a busy executor needs
    one round trip for many subtasks and an idle one never waits. A batch that fails goes to the end
    of the queue and the next one is half as large, so that a completion that cannot be stored does
    not block the others.
    """

    def __init__(self, *, agent_id: str, store: QueueStore, jitter: random.Random) -> None:
        self._agent_id = agent_id
        self._store = store
        self._jitter = jitter
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._limit = MAX_BATCH

    async def complete(self, completion: Completion) -> CompletionAnswer:
        """Queue one completion and wait for its answer, however long the store is unavailable.

        Raises the error that the database returns for this completion, such as Refused.
        """
        answer: asyncio.Future[CompletionAnswer] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((completion, answer))
        return await answer

    async def run(self) -> None:
        """Send batches until cancelled."""
        failures = 0
        while True:
            batch = await self._take_batch()
            if not batch:
                continue
            if await self._send(batch):
                failures = 0
            else:
                failures += 1
                await wait_before_retry(failures, self._jitter)

    async def _take_batch(self) -> list[_Item]:
        """Take a batch from the queue, without completions that no attempt waits for any more."""
        batch = [await self._queue.get()]
        while not self._queue.empty() and len(batch) < self._limit:
            batch.append(self._queue.get_nowait())
        return [(completion, answer) for completion, answer in batch if not answer.done()]

    async def _send(self, batch: Sequence[_Item]) -> bool:
        """Send once; return False if the store did not answer and the batch was put back."""
        try:
            answers = await self._call_store([completion for completion, _ in batch])
        except StoreUnavailable as error:
            logger.warning(
                "completions could not be stored; retrying", waiting=len(batch), error=str(error)
            )
            self._put_back(batch)
            return False
        except Exception as error:  # passed on to the waiting attempts
            if isinstance(error, Refused) and len(batch) > 1:
                self._put_back(batch)
                return True
            self._limit = MAX_BATCH
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return True
        self._limit = MAX_BATCH
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
        return True

    async def _call_store(self, items: Sequence[Completion]) -> list[CompletionAnswer]:
        answers = await self._store.complete_subtasks(agent_id=self._agent_id, items=items)
        if [each.ref for each in answers] != [each.ref for each in items]:
            raise ValueError("the database answered for other completions than those sent")
        return answers

    def _put_back(self, batch: Sequence[_Item]) -> None:
        self._limit = max(1, len(batch) // 2)
        for item in batch:
            self._queue.put_nowait(item)
