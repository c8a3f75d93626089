"""The claim loop: claims work for free slots and runs attempts, until the agent drains."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID, uuid4

from loguru import logger

from agents.runtime.agent import Agent, send_heartbeats
from agents.runtime.attempt import (
    Failed,
    Outcome,
    Stopped,
    StopReason,
    Succeeded,
    Work,
    build_cancelled_failure,
    build_refused_failure,
    build_unreadable_failure,
    run_attempt,
)
from agents.runtime.retry import retry_until_answered
from agents.runtime.wakeup import Drain, Wakeup
from protocol.errors import Refused, StoreUnavailable
from protocol.records import (
    Claim,
    ClaimedSubtask,
    ClaimRequest,
    Completion,
    Failure,
    LeaseRef,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideWork:
    """Work in other lanes that has slots of its own, so that neither waits for the other."""

    lanes: Callable[[], Sequence[str]]
    work: Work
    capacity: int
    wakeup: Wakeup
    get_limit: Callable[[str], int | None] = lambda _: None
    on_recorded: Callable[[LeaseRef], object] = bool
    """Called when the end of an attempt is recorded, or its lease is lost."""


async def run_pool(
    agent: Agent,
    *,
    lanes: Callable[[], Sequence[str]],
    work: Work,
    drain: Drain,
    serves: Callable[[], Sequence[str]] | None = None,
    get_limit: Callable[[str], int | None] = lambda _: None,
    sides: Sequence[SideWork] = (),
    on_recorded: Callable[[LeaseRef], object] = bool,
) -> None:
    """Claim from `lanes()`, do `work` and send heartbeats until drained.

    `get_limit` returns how many attempts of a lane can run at once here; more stay in the queue.

    Heartbeats list the lanes of `serves()`, which may include some that cannot be claimed yet, and
    those of `sides`, which are claimed and done in the same way. `on_recorded` is called when the
    end of an attempt at `work` is recorded, or its lease is lost.
    """
    serves = serves or lanes
    pools = [Pool(agent, lanes=lanes, work=work, get_limit=get_limit, on_recorded=on_recorded)]
    pools += [
        Pool(
            agent,
            lanes=side.lanes,
            work=side.work,
            get_limit=side.get_limit,
            capacity=side.capacity,
            wakeup=side.wakeup,
            on_recorded=side.on_recorded,
        )
        for side in sides
    ]
    heartbeats = send_heartbeats(
        agent,
        lanes=lambda: [*serves(), *(lane for side in sides for lane in side.lanes())],
        count_running=lambda: sum(pool.running for pool in pools),
    )
    beating = agent.services.create_task(heartbeats, name="heartbeat")
    try:
        async with asyncio.TaskGroup() as group:
            for pool in pools:
                group.create_task(pool.run(drain), name="claim loop")
    finally:
        beating.cancel()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A claim in flight."""

    request: ClaimRequest
    requested_at: float
    """Monotonic seconds, from which its leases may have run."""
    is_first: bool
    """Whether it does not repeat an unanswered one."""


class Pool:
    """Claims subtasks of `lanes()` and runs attempts, at most `capacity` at a time."""

    def __init__(
        self,
        agent: Agent,
        *,
        lanes: Callable[[], Sequence[str]],
        work: Work,
        get_limit: Callable[[str], int | None] = lambda _: None,
        capacity: int | None = None,
        wakeup: Wakeup | None = None,
        on_recorded: Callable[[LeaseRef], object] = bool,
    ) -> None:
        """Create the pool; capacity and wakeup are by default those of the agent."""
        self._agent = agent
        self._store = agent.store
        self._keeper = agent.keeper
        self._wakeup = wakeup or agent.wakeup
        self._health = agent.health
        self._options = agent.options
        self._capacity = capacity or agent.options.capacity
        self._lanes = lanes
        self._work = work
        self._get_limit = get_limit
        self._on_recorded = on_recorded
        self._running = 0
        self._running_of: Counter[str] = Counter()
        """Attempts in flight, by lane."""
        self._awaits_ends = False
        """Whether the end of an attempt wakes the loop at once: no slot is free, or it drains."""
        self._unanswered: tuple[UUID, float] | None = None
        """The id of an unanswered claim, and when it was first sent (monotonic seconds)."""
        self._asked: _Asked | None = None
        """The claim in flight; there is one at a time."""
        self._answered = asyncio.Event()
        self._attempts: asyncio.TaskGroup | None = None
        """Where attempts run while more are claimed."""
        self._lanes_of: dict[LeaseRef, str] = {}  # while their completions are sent
        self._followed: set[LeaseRef] = set()  # after their completion the queue was empty

    @property
    def running(self) -> int:
        """Attempts in flight."""
        return self._running

    async def run(self, drain: Drain) -> None:
        """Run attempts until `drain`; then wait for those in flight for the grace period.

        Attempts that still run after that are cancelled. Their leases remain: `open_agent` releases
        all of them in one call.
        """
        try:
            async with asyncio.timeout(None) as deadline, asyncio.TaskGroup() as attempts:
                watcher = attempts.create_task(self._watch(drain), name="watch the drain")
                self._attempts = attempts
                try:
                    await self._claim_until(drain)
                finally:
                    self._attempts = None
                watcher.cancel()
                self._health.is_draining = True  # the watcher may not have run yet
                self._awaits_ends = True
                grace = self._options.grace.total_seconds()
                deadline.reschedule(asyncio.get_running_loop().time() + grace)
                while self._running:
                    self._health.mark_alive()  # or the agent would count as dead in a long grace
                    await self._wakeup.wait()
        except TimeoutError:
            logger.warning(
                "the grace period is over; attempts were cut off", grace=self._options.grace
            )

    async def _watch(self, drain: Drain) -> None:
        await drain.begun.wait()
        self._health.is_draining = True
        self._wakeup.notify()

    async def _claim_until(self, drain: Drain) -> None:
        while not drain.begun.is_set():
            self._health.mark_alive()
            free = self._capacity - self._running
            asked = self._prepare(free, Counter())
            if asked is None:
                self._awaits_ends = free <= 0
            else:
                await self._claim(asked.request)
            if asked is None or not self._awaits_ends:
                await self._wakeup.wait()
            await self._wait_for_claim()

    async def _wait_for_claim(self) -> None:
        """Wait for the answer to a claim that was sent with completions."""
        while self._asked is not None:
            self._answered.clear()
            await self._answered.wait()

    async def _claim(self, request: ClaimRequest) -> None:
        try:
            claimed = await self._store.claim_subtasks(
                agent_id=self._agent.identity.id,
                lanes=request.lanes,
                limit=request.limit,
                lease=request.lease,
                request_id=request.request_id,
                lane_limits=request.lane_limits,
            )
        except StoreUnavailable as error:
            logger.warning("no work can be claimed: the store does not answer", error=str(error))
            self.lose_claim()
        else:
            self.accept_claims((), claimed)

    def _prepare(self, free: int, freed: Counter[str]) -> _Asked | None:
        """Return the claim to send now; None if no slot is free or another one is in flight.

        `freed`: how many attempts of a lane have ended, but count as running until it is answered.
        """
        if self._asked is not None or self._attempts is None or free <= 0:
            return None
        rooms = {lane: self._get_room(lane, free, freed[lane]) for lane in self._lanes()}
        rooms = {lane: room for lane, room in rooms.items() if room > 0}
        if not rooms:
            return None
        is_first = self._unanswered is None
        request_id, requested_at = self._next_request()
        request = ClaimRequest(
            lanes=list(rooms),
            limit=free,
            lease=self._options.lease,
            request_id=request_id,
            lane_limits={lane: room for lane, room in rooms.items() if room < free},
        )
        self._asked = _Asked(request, requested_at, is_first=is_first)
        return self._asked

    def prepare_claim(self, ended: Sequence[LeaseRef]) -> ClaimRequest | None:
        """See `Claimer`."""
        freed = Counter(self._lanes_of[ref] for ref in ended)
        asked = self._prepare(self._capacity - self._running + len(ended), freed)
        return None if asked is None else asked.request

    def accept_claims(self, ended: Sequence[LeaseRef], claimed: Sequence[Claim] | None) -> None:
        """See `Claimer`."""
        asked, self._asked = self._asked, None
        self._answered.set()
        if asked is None or claimed is None:
            return
        self._health.mark_answered()
        self._health.metrics.count_claim(len(claimed))
        self._awaits_ends = len(claimed) >= asked.request.limit
        if not self._awaits_ends:
            self._followed.update(ended)
        if claimed:
            self._wakeup.reset_interval()
        if self._attempts is None:
            return  # the agent ends, and releases its leases
        for each in claimed:
            if isinstance(each, ClaimedSubtask):
                self._start(each, requested_at=asked.requested_at, attempts=self._attempts)
            else:
                self._attempts.create_task(
                    self._fail(build_unreadable_failure(each)), name=f"refuse {each.subtask_id}"
                )

    def lose_claim(self) -> None:
        """See `Claimer`."""
        asked, self._asked = self._asked, None
        self._answered.set()
        if asked is None:
            return
        if asked.is_first:
            self._wakeup.reset_interval()  # most outages are short
        self._unanswered = (asked.request.request_id, asked.requested_at)
        self._awaits_ends = False
        self._health.metrics.count_unanswered_claim()

    def _get_room(self, lane: str, free: int, freed: int = 0) -> int:
        """Return how many of the free slots a lane may take."""
        limit = self._get_limit(lane)
        return free if limit is None else min(free, limit - self._running_of[lane] + freed)

    def _next_request(self) -> tuple[UUID, float]:
        """Return the id of the next claim, and the time from which its leases may have run.

        An unanswered claim may have been granted; the same id returns those leases again, until
        they expire.
        """
        now = time.monotonic()
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is not None and now - unanswered[1] < self._options.lease.total_seconds():
            return unanswered
        return uuid4(), now

    def _start(
        self, claimed: ClaimedSubtask, *, requested_at: float, attempts: asyncio.TaskGroup
    ) -> None:
        self._running += 1
        self._running_of[claimed.lane] += 1
        self._health.metrics.count_start()
        stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
        self._keeper.hold(claimed.ref, requested_at=requested_at, on_stop=_make_setter(stop))
        attempts.create_task(
            self._attempt(claimed, stop),
            name=f"attempt {claimed.attempt} of {claimed.subtask_id}",
        )

    async def _attempt(self, claimed: ClaimedSubtask, stop: asyncio.Future[StopReason]) -> None:
        context = {
            "task_id": str(claimed.task_id),
            "subtask_id": str(claimed.subtask_id),
            "attempt": claimed.attempt,
        }
        try:
            with logger.contextualize(**context):
                await self._record(claimed, await run_attempt(claimed, self._work, stop))
                self._on_recorded(claimed.ref)
        finally:
            self._keeper.drop(claimed.ref)
            is_full = self._get_room(claimed.lane, 1) <= 0
            is_followed = claimed.ref in self._followed
            self._followed.discard(claimed.ref)
            self._running -= 1
            self._running_of[claimed.lane] -= 1
            self._health.metrics.count_end()
            if self._attempts is None or ((self._awaits_ends or is_full) and not is_followed):
                self._wakeup.notify()
            elif not is_followed:
                # Little can be queued; but a limited lane has room again, and messages are lost.
                self._wakeup.notify_soon()

    async def _record(self, claimed: ClaimedSubtask, outcome: Outcome) -> None:
        self._health.metrics.count_outcome(claimed, outcome)
        match outcome:
            case Succeeded(completion):
                await self._complete(claimed, completion)
            case Failed(failure):
                await self._fail(failure)
            case Stopped(StopReason.CANCELLED, usage):
                await self._keeper.save_last_text(self._store, claimed.ref)
                await self._fail(build_cancelled_failure(claimed, usage))
            case Stopped():
                logger.warning("the lease was lost; nothing was written")
            case _ as unreachable:
                assert_never(unreachable)

    async def _complete(self, claimed: ClaimedSubtask, completion: Completion) -> None:
        self._lanes_of[claimed.ref] = claimed.lane
        try:
            answer = await self._agent.batcher.complete(completion, claimer=self)
        except Refused as error:
            await self._fail(build_refused_failure(completion, str(error)))
            return
        finally:
            del self._lanes_of[claimed.ref]
        if answer.answer == "invalid":
            self._followed.discard(claimed.ref)
            await self._fail(build_refused_failure(completion, answer.detail))
        else:
            logger.info("attempt ended", answer=answer.answer)

    async def _fail(self, failure: Failure) -> None:
        await self._agent.batcher.record_calls(failure.ref)
        try:
            answer = await retry_until_answered(
                lambda: self._store.fail_subtask(agent_id=self._agent.identity.id, failure=failure),
                what="a failure",
                jitter=self._agent.jitter,
            )
        except Refused as error:
            # One subtask must not stop the whole agent: its lease expires, which is counted.
            logger.error("a failure cannot be recorded", error=str(error))
            return
        logger.warning(
            "attempt failed",
            error=failure.error.message,
            error_class=failure.error.class_,
            action=failure.action,
            answer=answer.answer,
            now=answer.status,
        )
        if answer.after_ms is not None:
            asyncio.get_running_loop().call_later(answer.after_ms / 1000, self._wakeup.notify)


def _make_setter(stop: asyncio.Future[StopReason]) -> Callable[[StopReason], None]:
    def set_once(value: StopReason) -> None:
        if not stop.done():
            stop.set_result(value)

    return set_once
