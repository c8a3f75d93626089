"""The lease keeper: a thread that extends all leases of its process."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

from loguru import logger

from agents.runtime.attempt import StopReason
from agents.runtime.health import Health
from protocol.errors import CogoError, StoreUnavailable
from protocol.records import Checkpoint, Extension, LeaseAnswer, LeaseRef
from protocol.store.queue import QueueStore

STOP_SECONDS = 5.0
SOONER_AFTER_FAILURE = 5
"""A failed extension is repeated after the usual interval divided by this."""

OpenStore = Callable[[], AbstractAsyncContextManager[QueueStore]]


@dataclass(slots=True)
class _Held:
    ref: LeaseRef
    valid_until: float
    """Monotonic seconds, counted from before the request that granted the lease was sent."""
    on_stop: Callable[[StopReason], None]
    checkpoint: Checkpoint | None = None
    is_stopped: bool = False


class LeaseKeeper:
    """Extends leases in a thread with its own loop and client, even if the main loop is blocked.

    It stops extending if the claim loop has not called `Health.mark_alive` for too long, so that a
    hung process does not hold work. A lease that could not be extended in time is `LOST` by the
    local clock, without a call. `on_stop` is called on the loop that opened the keeper.
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
        self._ids: set[str] = set()
        self._stopping = False
        self._stop: Callable[[], None] = _nothing
        self._extend_now: Callable[[], None] = _nothing
        self._thread = threading.Thread(target=self._run, name=f"leases of {agent_id}", daemon=True)

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._home = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._home.create_future()
        self._health.mark_alive()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop the thread. A call in flight is cut off, as the agent releases its leases anyway."""
        self._stopping = True  # set before the call: the thread sets `_stop`, then checks this
        self._stop()
        await asyncio.to_thread(self._thread.join, STOP_SECONDS)

    async def join(self) -> None:
        """Wait until the thread ends, and raise the error that ended it."""
        await asyncio.shield(self._finished)  # the future belongs to the thread, not to this waiter

    def hold(
        self, ref: LeaseRef, *, requested_at: float, on_stop: Callable[[StopReason], None]
    ) -> None:
        """Keep a lease. `requested_at`: monotonic seconds before the claim was sent.

        `on_stop` is called at most once, when the attempt must stop.
        """
        valid_until = requested_at + self._lease.total_seconds()
        self._ids.add(str(ref.subtask_id))
        with self._guard:
            self._held[ref] = _Held(ref=ref, valid_until=valid_until, on_stop=on_stop)

    def is_held(self, subtask_id: str) -> bool:
        """Return whether an attempt of a subtask is running here."""
        return subtask_id in self._ids

    def checkpoint(self, ref: LeaseRef, checkpoint: Checkpoint) -> None:
        """Send the text so far with the next extension."""
        with self._guard:
            if held := self._held.get(ref):
                held.checkpoint = checkpoint

    async def save_last_text(self, store: QueueStore, ref: LeaseRef) -> None:
        """Save the text of a cancelled attempt that no extension has sent: watchers have seen it.

        An extension that was under way when the attempt was cancelled stops it without that text.
        """
        with self._guard:
            held = self._held.get(ref)
        if held is None or held.checkpoint is None:
            return
        last = Extension(subtask_id=ref.subtask_id, attempt=ref.attempt, checkpoint=held.checkpoint)
        try:
            await store.extend_leases(agent_id=self._agent_id, leases=[last], lease=self._lease)
        except CogoError as error:
            logger.warning("the text of a cancelled attempt was not saved", error=str(error))

    def drop(self, ref: LeaseRef) -> None:
        """Stop keeping a lease."""
        self._ids.discard(str(ref.subtask_id))
        with self._guard:
            self._held.pop(ref, None)

    def extend_now(self) -> None:
        """Extend at once, which also reports cancellations."""
        self._extend_now()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            asyncio.run(self._extend_until_stopped())
        except BaseException as caught:  # `join` raises it
            error = None if self._stopping else caught
        if error is not None:
            self._lose_all()
        _call_on(self._home, self._finish, error)

    def _finish(self, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._finished.set_exception(error)
        elif error is not None:
            ended = RuntimeError(f"the lease keeper was stopped by {type(error).__name__}")
            ended.__cause__ = error
            self._finished.set_exception(ended)
        else:
            self._finished.set_result(None)

    async def _extend_until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        me = asyncio.current_task(loop)
        wake = asyncio.Event()
        self._stop = partial(_call_on, loop, me.cancel if me else _nothing)
        self._extend_now = partial(_call_on, loop, wake.set)
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
        """Stop attempts when their leases expire, even while an extension hangs."""
        while True:
            with self._guard:
                ends = [held.valid_until for held in self._held.values() if not held.is_stopped]
            pause = min(ends, default=float("inf")) - time.monotonic()
            await asyncio.sleep(min(max(pause, 0.0), self._every))
            self._expire()

    async def _extend(self, store: QueueStore) -> bool:
        with self._guard:
            active = [held for held in self._held.values() if not held.is_stopped]
            sent = {held.ref: held.checkpoint for held in active}
        if not sent:
            return True
        extensions = [
            Extension(subtask_id=ref.subtask_id, attempt=ref.attempt, checkpoint=checkpoint)
            for ref, checkpoint in sent.items()
        ]
        requested_at = time.monotonic()
        try:
            async with asyncio.timeout(self._lease.total_seconds() / 2):
                answers = await store.extend_leases(
                    agent_id=self._agent_id, leases=extensions, lease=self._lease
                )
        except (StoreUnavailable, TimeoutError) as error:
            logger.warning("leases could not be extended", leases=len(extensions), error=str(error))
            self._health.metrics.count_extension("unavailable", len(extensions))
            return False
        except CogoError as error:
            logger.error("the extension of leases was rejected", error=str(error))
            return False
        for answer in answers:
            self._health.metrics.count_extension(answer.answer)
            self._apply(answer, requested_at, sent.get(answer.ref))
        return True

    def _apply(self, answer: LeaseAnswer, requested_at: float, sent: Checkpoint | None) -> None:
        with self._guard:
            held = self._held.get(answer.ref)
            if held is None:
                return
            if answer.answer != "ok":
                self._stop_attempt(held, StopReason(answer.answer))
                return
            held.valid_until = requested_at + self._lease.total_seconds()
            if held.checkpoint is sent:
                held.checkpoint = None

    def _expire(self) -> None:
        now = time.monotonic()
        with self._guard:
            for held in self._held.values():
                if held.valid_until <= now:
                    self._stop_attempt(held, StopReason.LOST)

    def _lose_all(self) -> None:
        with self._guard:
            for held in self._held.values():
                self._stop_attempt(held, StopReason.LOST)

    def _stop_attempt(self, held: _Held, reason: StopReason) -> None:
        if not held.is_stopped:
            held.is_stopped = True
            _call_on(self._home, held.on_stop, reason)


def _nothing() -> None:
    pass


def _call_on(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: Any) -> None:
    """Call on the loop of another thread, unless it is closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *args)
