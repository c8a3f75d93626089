"""The lease keeper: one thread per process that extends every lease the process holds."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

from loguru import logger

from agents.runtime.health import Health
from agents.runtime.outcome import StopReason
from protocol.errors import CogoError, StoreUnavailable
from protocol.records import Checkpoint, Extension, LeaseAnswer, LeaseRef
from protocol.store.queue import QueueStore

STOP_SECONDS = 5.0
SOONER_AFTER_FAILURE = 5
"""A failed extension is repeated after this part of the usual interval."""

OpenStore = Callable[[], AbstractAsyncContextManager[QueueStore]]


@dataclass(slots=True)
class _Held:
    ref: LeaseRef
    valid_until: float
    """Monotonic seconds, counted from before the request that granted the lease was sent."""
    tell: Callable[[StopReason], None]
    checkpoint: Checkpoint | None = field(default=None)
    told: bool = False


class LeaseKeeper:
    """Extends leases from a thread, loop and client of its own, so that a blocked loop keeps them.

    It stops extending when the claim loop has not called `beat` for too long: a process that
    does no work must not keep work. When a lease cannot be extended in time the holder is told
    `LOST` by the local clock, without asking anybody. Verdicts arrive on the opener's loop.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        open_store: OpenStore,
        lease: timedelta,
        every: timedelta,
        health: Health,
    ) -> None:
        self._agent_id = agent_id
        self._open_store = open_store
        self._lease = lease
        self._every = every.total_seconds()
        self._health = health
        self._guard = threading.Lock()
        self._held: dict[LeaseRef, _Held] = {}
        self._stopping = False
        self._stop: Callable[[], None] = _nothing
        self._hurry: Callable[[], None] = _nothing
        self._thread = threading.Thread(target=self._run, name=f"leases of {agent_id}", daemon=True)

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._home = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._home.create_future()
        self.mark_alive()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop the thread. A call on its way is cut off: what it would keep is given back."""
        self._stopping = True  # before the call: the thread sets `_stop` first and looks then
        self._stop()
        await asyncio.to_thread(self._thread.join, STOP_SECONDS)

    async def watch(self) -> None:
        """Wait until the thread ends; raises what ended it, for without it no lease is kept."""
        await asyncio.shield(self._finished)  # the future belongs to the thread, not to this waiter

    def mark_alive(self) -> None:
        """Say that the claim loop is alive."""
        self._health.mark_alive()

    def hold(self, ref: LeaseRef, *, asked_at: float, tell: Callable[[StopReason], None]) -> None:
        """Keep this lease from now on. `asked_at`: monotonic seconds before the claim was sent."""
        valid_until = asked_at + self._lease.total_seconds()
        with self._guard:
            self._held[ref] = _Held(ref=ref, valid_until=valid_until, tell=tell)

    def checkpoint(self, ref: LeaseRef, checkpoint: Checkpoint) -> None:
        """Store the text so far with the next extension."""
        with self._guard:
            if held := self._held.get(ref):
                held.checkpoint = checkpoint

    def drop(self, ref: LeaseRef) -> None:
        """Keep this lease no longer."""
        with self._guard:
            self._held.pop(ref, None)

    def extend_now(self) -> None:
        """Extend at once, to hear of a cancellation early."""
        self._hurry()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._live())
        except BaseException as caught:  # whatever it is, `watch` must hear of it
            error = None if self._stopping else caught
        if error is not None:
            self._tell_all_lost()
        _call_on(self._home, self._finish, error)

    def _finish(self, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._finished.set_exception(error)
        elif error is not None:
            ended = RuntimeError(f"the lease keeper was ended by {type(error).__name__}")
            ended.__cause__ = error
            self._finished.set_exception(ended)
        else:
            self._finished.set_result(None)

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        me = asyncio.current_task(loop)
        wake = asyncio.Event()
        self._stop = partial(_call_on, loop, me.cancel if me else _nothing)
        self._hurry = partial(_call_on, loop, wake.set)
        if self._stopping:
            return
        async with self._open_store() as store, asyncio.TaskGroup() as group:
            group.create_task(self._watch_clock(), name="lease clock")
            await self._extend_forever(store, wake)

    async def _extend_forever(self, store: QueueStore, wake: asyncio.Event) -> None:
        pause = self._every
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake.wait()
            wake.clear()
            pause = self._every
            if self._health.is_stalled:
                continue
            if not await self._extend(store):
                pause = self._every / SOONER_AFTER_FAILURE

    async def _watch_clock(self) -> None:
        """Tell holders in time, also while a call to extend hangs."""
        while True:
            with self._guard:
                ends = [held.valid_until for held in self._held.values() if not held.told]
            pause = min(ends, default=float("inf")) - time.monotonic()
            await asyncio.sleep(min(max(pause, 0.0), self._every))
            self._expire()

    async def _extend(self, store: QueueStore) -> bool:
        with self._guard:
            sent = {held.ref: held.checkpoint for held in self._held.values() if not held.told}
        if not sent:
            return True
        asked = [
            Extension(subtask_id=ref.subtask_id, attempt=ref.attempt, checkpoint=checkpoint)
            for ref, checkpoint in sent.items()
        ]
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._lease.total_seconds() / 2):
                answers = await store.extend_leases(
                    agent_id=self._agent_id, leases=asked, lease=self._lease
                )
        except (StoreUnavailable, TimeoutError) as error:
            logger.warning("leases could not be extended", leases=len(asked), error=str(error))
            self._health.metrics.count_extension("unavailable", len(asked))
            return False
        except CogoError as error:
            logger.error("extending leases was refused", error=str(error))
            return False
        for answer in answers:
            self._health.metrics.count_extension(answer.answer)
            self._take(answer, asked_at, sent.get(answer.ref))
        return True

    def _take(self, answer: LeaseAnswer, asked_at: float, sent: Checkpoint | None) -> None:
        with self._guard:
            held = self._held.get(answer.ref)
            if held is None:
                return
            if answer.answer != "ok":
                self._tell(held, StopReason(answer.answer))
                return
            held.valid_until = asked_at + self._lease.total_seconds()
            if held.checkpoint is sent:
                held.checkpoint = None

    def _expire(self) -> None:
        now = time.monotonic()
        with self._guard:
            for held in self._held.values():
                if held.valid_until <= now:
                    self._tell(held, StopReason.LOST)

    def _tell_all_lost(self) -> None:
        with self._guard:
            for held in self._held.values():
                self._tell(held, StopReason.LOST)

    def _tell(self, held: _Held, verdict: StopReason) -> None:
        if not held.told:
            held.told = True
            _call_on(self._home, held.tell, verdict)


def _nothing() -> None:
    pass


def _call_on(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    """Call on a loop of another thread; a closed one has nobody left who would care."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *args)
