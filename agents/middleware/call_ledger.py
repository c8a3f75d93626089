"""The call ledger: begins calls to models together, and sends their ends with completions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from loguru import logger

from protocol.errors import CogoError, Refused, StoreUnavailable
from protocol.records import (
    CallAnswer,
    CallEnd,
    CallStart,
    Completion,
    LeaseRef,
    RoundTrip,
    UnrecordedCall,
)
from protocol.store.spending import SpendingStore

KEEP: Final = timedelta(milliseconds=100)
"""How long the end of a call waits for the completion of its attempt."""
MAX_BATCH: Final = 100
AT_ONCE: Final = 2
"""Concurrent requests to begin calls, so that one that waits for a budget does not stop others."""
TOGETHER: Final = timedelta(seconds=2)
"""How long calls that begin together may wait for a budget, before each waits for its own."""
FAREWELL: Final = timedelta(seconds=5)

_Start = tuple[CallStart, asyncio.Future[CallAnswer]]


class LedgerStore(SpendingStore, Protocol):
    """The store of calls, which also takes their ends with completions."""

    async def complete_and_claim(
        self, *, agent_id: str, items: Sequence[Completion], calls: Sequence[CallEnd] = ()
    ) -> RoundTrip:
        """See `protocol.store.queue.QueueStore`."""
        ...


class CallLedger:
    """Takes the place of the store for `BudgetMiddleware`, and needs fewer requests.

    While requests to begin calls are in flight, others are collected for the next one. Ends are
    kept for a moment, so that they can be sent with the completions of their attempts. Before an
    attempt ends in another way `flush` is called, because its calls without an end count as lost.
    """

    def __init__(self, *, agent_id: str, store: LedgerStore) -> None:
        self._agent_id = agent_id
        self._store = store
        self._starts: asyncio.Queue[_Start] = asyncio.Queue()
        self._ends: list[CallEnd] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due = asyncio.Event()
        self._sending = asyncio.Lock()
        """Held while ends are sent."""

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        """See `SpendingStore.begin_call`."""
        answer: asyncio.Future[CallAnswer] = asyncio.get_running_loop().create_future()
        self._starts.put_nowait((call, answer))
        return await answer

    async def end_call(self, *, agent_id: str, call: CallEnd) -> bool:
        """Keep the end of a call, to be sent soon."""
        self._keep([call])
        return True

    @asynccontextmanager
    async def take_ends(self) -> AsyncIterator[Sequence[CallEnd]]:
        """Yield the kept ends, to be sent in the block; they are kept again if it raises."""
        async with self._sending:
            ends = self._take()
            try:
                yield ends
            except BaseException:
                self._keep(ends)
                raise

    async def flush(self, ref: LeaseRef) -> None:
        """Send the ends of an attempt's calls. If that is impossible they count as lost."""
        async with self._sending:
            mine = [each for each in self._ends if (each.subtask_id, each.attempt) == _split(ref)]
            if mine:
                self._ends = [each for each in self._ends if each not in mine]
                await self._send(mine)

    async def flush_all(self) -> None:
        """Send all kept ends; keep them if the store does not answer."""
        async with self._sending:
            if (ends := self._take()) and not await self._send(ends):
                self._keep(ends)

    def log_problems(self, problems: Sequence[UnrecordedCall]) -> None:
        """Log which ends were not recorded."""
        for each in problems:
            logger.warning("a call could not be recorded", call_id=each.id, error=each.detail)

    async def run(self) -> None:
        """Begin calls, and send ends that wait for no completion, until cancelled; then all."""
        try:
            async with asyncio.TaskGroup() as group:
                self._alone = group
                for number in range(AT_ONCE):
                    group.create_task(self._begin_forever(), name=f"begin calls {number}")
                while True:
                    await self._due.wait()
                    self._due.clear()
                    await self.flush_all()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    await self.flush_all()

    def _keep(self, ends: Sequence[CallEnd]) -> None:
        self._ends.extend(ends)
        if self._ends and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(KEEP.total_seconds(), self._due.set)

    def _take(self) -> list[CallEnd]:
        ends, self._ends = self._ends, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return ends

    async def _send(self, ends: Sequence[CallEnd]) -> bool:
        """Send ends; return False if the store does not answer."""
        try:
            result = await self._store.complete_and_claim(
                agent_id=self._agent_id, items=[], calls=ends
            )
        except CogoError as error:
            self.log_problems([UnrecordedCall(id=str(each.id), detail=str(error)) for each in ends])
            return not isinstance(error, StoreUnavailable)
        self.log_problems(result.problems)
        return True

    async def _begin_forever(self) -> None:
        while True:
            batch = [await self._starts.get()]
            while not self._starts.empty() and len(batch) < MAX_BATCH:
                batch.append(self._starts.get_nowait())
            await self._begin([each for each in batch if not each[1].done()])

    async def _begin(self, batch: Sequence[_Start]) -> None:
        # What the calls before have cost counts for the next call of their task.
        tasks = {call.task_id for call, _ in batch if call.task_id is not None}
        if any(each.task_id in tasks for each in self._ends):
            await self.flush_all()
        answers = await self._begin_together(batch)
        for call, waiting in batch:
            answer = answers.get(call.id)
            if answer is None or (answer.answer == "wait" and self._ends):
                self._alone.create_task(self._begin_alone(call, waiting))
            else:
                self._answer(call, waiting, answer)

    async def _begin_together(self, batch: Sequence[_Start]) -> dict[UUID, CallAnswer]:
        """Begin calls in one request; those without an answer are begun alone."""
        if len(batch) < 2:
            return {}
        try:
            calls = [call for call, _ in batch]
            async with asyncio.timeout(TOGETHER.total_seconds()):
                return await self._store.begin_calls(agent_id=self._agent_id, calls=calls)
        except (Refused, TimeoutError):  # because of one of them
            return {}
        except CogoError as error:  # passed on to the callers
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return {}

    async def _begin_alone(self, call: CallStart, waiting: asyncio.Future[CallAnswer]) -> None:
        if waiting.done():
            return
        try:
            answer = await self._store.begin_call(agent_id=self._agent_id, call=call)
            if answer.answer == "wait" and self._ends:
                await self.flush_all()  # it may wait for these
                answer = await self._store.begin_call(agent_id=self._agent_id, call=call)
        except CogoError as error:  # passed on to the caller
            if not waiting.done():
                waiting.set_exception(error)
        else:
            self._answer(call, waiting, answer)

    def _answer(
        self, call: CallStart, waiting: asyncio.Future[CallAnswer], answer: CallAnswer
    ) -> None:
        if not waiting.done():
            waiting.set_result(answer)
        elif answer.answer == "ok":  # its caller was cancelled meanwhile: it is not made
            self._keep(
                [
                    CallEnd(
                        **call.model_dump(), outcome="cancelled", duration_ms=0, cost_usd=Decimal()
                    )
                ]
            )


def _split(ref: LeaseRef) -> tuple[object, int]:
    return ref.subtask_id, ref.attempt
