"""The completion batcher: sends waiting completions to the database in one call."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from agents.runtime.retry import wait_before_retry
from protocol.errors import Refused, StoreUnavailable
from protocol.records import (
    CallEnd,
    Claim,
    ClaimRequest,
    Completion,
    CompletionAnswer,
    LeaseRef,
    RoundTrip,
    UnrecordedCall,
)
from protocol.store.queue import QueueStore

MAX_BATCH = 100


class Claimer(Protocol):
    """Claims work with the completions that free its slots; there is one claim at a time."""

    def prepare_claim(self, ended: Sequence[LeaseRef]) -> ClaimRequest | None:
        """Return the claim to send with completions, or None. One of the two below follows."""
        ...

    def accept_claims(self, ended: Sequence[LeaseRef], claimed: Sequence[Claim] | None) -> None:
        """Start what was claimed; None: nothing, because the claim was not made."""
        ...

    def lose_claim(self) -> None:
        """Note that the claim was not answered."""
        ...


class CallEnds(Protocol):
    """The ends of calls to models that are kept to be sent with completions."""

    def take_ends(self) -> AbstractAsyncContextManager[Sequence[CallEnd]]:
        """Return a context manager that yields them; they are kept again if the block raises."""
        ...

    async def flush(self, ref: LeaseRef) -> None:
        """Send those of an attempt, before that ends without a completion."""
        ...

    async def flush_all(self) -> None:
        """Send all."""
        ...

    def log_problems(self, problems: Sequence[UnrecordedCall]) -> None:
        """Log which of them were not recorded."""
        ...


@dataclass(frozen=True, slots=True)
class _Item:
    completion: Completion
    answer: asyncio.Future[CompletionAnswer]
    claimer: Claimer | None


class CompletionBatcher:
    """Sends completions until each has a definite answer, and claims work for the freed slots.

    While one call is in flight, others are collected for the next, so that a busy executor needs
    one round trip for many subtasks and an idle one never waits. A batch that fails goes to the end
    of the queue and the next one is half as large, so that a completion that cannot be stored does
    not block the others.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        store: QueueStore,
        jitter: random.Random,
        ledger: CallEnds | None = None,
    ) -> None:
        """Create the batcher; ends of calls in `ledger` are sent with the completions."""
        self._ledger = ledger
        self._agent_id = agent_id
        self._store = store
        self._jitter = jitter
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._limit = MAX_BATCH

    async def complete(
        self, completion: Completion, *, claimer: Claimer | None = None
    ) -> CompletionAnswer:
        """Queue one completion and wait for its answer, however long the store is unavailable.

        `claimer` claims for the slot that it frees. Raises the error that the database returns for
        this completion, such as Refused.
        """
        answer: asyncio.Future[CompletionAnswer] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Item(completion, answer, claimer))
        return await answer

    async def record_calls(self, ref: LeaseRef) -> None:
        """Record the ends of an attempt's calls, before it ends without a completion."""
        if self._ledger is not None:
            await self._ledger.flush(ref)

    async def run(self) -> None:
        """Send batches until cancelled."""
        failures = 0
        while True:
            batch = await self._take_batch()
            if not batch:
                continue
            if await self._send(batch):
                failures = 0
                await asyncio.sleep(0)  # attempts end, and the next claim counts their slots
            else:
                failures += 1
                await wait_before_retry(failures, self._jitter)

    async def _take_batch(self) -> list[_Item]:
        """Take a batch from the queue, without completions that no attempt waits for any more."""
        batch = [await self._queue.get()]
        while not self._queue.empty() and len(batch) < self._limit:
            batch.append(self._queue.get_nowait())
        return [item for item in batch if not item.answer.done()]

    async def _send(self, batch: Sequence[_Item]) -> bool:
        """Send once; return False if the store did not answer and the batch was put back."""
        claimer, ended = _choose_claimer(batch)
        claim = None if claimer is None else claimer.prepare_claim(ended)
        if claim is None:
            claimer = None
        try:
            result = await self._call_store([item.completion for item in batch], claim)
        except StoreUnavailable as error:
            logger.warning(
                "completions could not be stored; retrying", waiting=len(batch), error=str(error)
            )
            self._put_back(batch)
            if claimer is not None:
                claimer.lose_claim()
            return False
        except Exception as error:  # passed on to the waiting attempts
            if claimer is not None:
                claimer.accept_claims(ended, None)
            if isinstance(error, Refused) and len(batch) > 1:
                self._put_back(batch)
                return True
            self._limit = MAX_BATCH
            for item in batch:
                if not item.answer.done():
                    item.answer.set_exception(error)
            return True
        self._limit = MAX_BATCH
        if claimer is not None:
            claimer.accept_claims(ended, result.claimed)
        for item, answer in zip(batch, result.answers, strict=True):
            if not item.answer.done():
                item.answer.set_result(answer)
        return True

    async def _call_store(
        self, items: Sequence[Completion], claim: ClaimRequest | None
    ) -> RoundTrip:
        ended: AbstractAsyncContextManager[Sequence[CallEnd]] = nullcontext(())
        if self._ledger is not None:
            ended = self._ledger.take_ends()
        async with ended as calls:
            result = await self._store.complete_and_claim(
                agent_id=self._agent_id, items=items, claim=claim, calls=calls
            )
        if self._ledger is not None:
            self._ledger.log_problems(result.problems)
        if [each.ref for each in result.answers] != [each.ref for each in items]:
            raise ValueError("the database answered for other completions than those sent")
        if result.refusal is not None:
            logger.warning("a claim was refused", reason=result.refusal)
        return result

    def _put_back(self, batch: Sequence[_Item]) -> None:
        self._limit = max(1, len(batch) // 2)
        for item in batch:
            self._queue.put_nowait(item)


def _choose_claimer(batch: Sequence[_Item]) -> tuple[Claimer | None, list[LeaseRef]]:
    """Return who has most of the slots that a batch frees, and the attempts that held them."""
    counts = Counter(item.claimer for item in batch if item.claimer is not None)
    if not counts:
        return None, []
    [(claimer, _)] = counts.most_common(1)
    return claimer, [item.completion.ref for item in batch if item.claimer is claimer]
