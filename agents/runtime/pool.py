"""The claim loop: as many attempts as there are free slots, until the agent drains."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import assert_never
from uuid import UUID, uuid4

from loguru import logger

from agents.runtime.attempt import Work, run_attempt
from agents.runtime.completion_batcher import CompletionBatcher, retry_until_answered
from agents.runtime.drain import Drain
from agents.runtime.health import Health
from agents.runtime.identity import AgentIdentity
from agents.runtime.lease import LeaseKeeper
from agents.runtime.options import RuntimeOptions
from agents.runtime.outcome import Failed, Outcome, Stopped, StopReason, Succeeded
from agents.runtime.wakeup import Wakeup
from protocol.errors import Refused, StoreUnavailable
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    UnreadableSubtask,
    Usage,
)
from protocol.store.queue import QueueStore


class Pool:
    """Claims subtasks of `lanes()` and attempts them, at most `options.capacity` at a time."""

    def __init__(
        self,
        *,
        identity: AgentIdentity,
        options: RuntimeOptions,
        store: QueueStore,
        keeper: LeaseKeeper,
        recorder: CompletionBatcher,
        wakeup: Wakeup,
        health: Health,
        lanes: Callable[[], Sequence[str]],
        work: Work,
        jitter: random.Random,
    ) -> None:
        self._identity = identity
        self._options = options
        self._store = store
        self._keeper = keeper
        self._recorder = recorder
        self._wakeup = wakeup
        self._health = health
        self._lanes = lanes
        self._work = work
        self._jitter = jitter
        self._running = 0
        self._awaits_ends = False
        """Whether the end of an attempt matters at once: no slot was left, or we drain."""
        self._unanswered: tuple[UUID, float] | None = None
        """The claim that got no answer, and when it was first sent (monotonic seconds)."""

    @property
    def running(self) -> int:
        """Attempts in flight."""
        return self._running

    async def run(self, drain: Drain) -> None:
        """Run attempts until `drain`; then give those in flight the grace period.

        Attempts that still run after that are cancelled. Their leases stay: whoever ends the agent
        releases all of them in one call.
        """
        try:
            async with asyncio.timeout(None) as deadline, asyncio.TaskGroup() as attempts:
                bell = attempts.create_task(self._ring_at(drain), name="drain bell")
                await self._claim_until(drain, attempts)
                bell.cancel()
                self._awaits_ends = True
                grace = self._options.grace.total_seconds()
                deadline.reschedule(asyncio.get_running_loop().time() + grace)
                while self._running:
                    self._keeper.mark_alive()  # or a long grace would look like a dead claim loop
                    await self._wakeup.wait()
        except TimeoutError:
            logger.warning(
                "the grace period is over; attempts were cut off", grace=self._options.grace
            )

    async def _ring_at(self, drain: Drain) -> None:
        await drain.begun.wait()
        self._health.is_draining = True
        self._wakeup.notify()

    async def _claim_until(self, drain: Drain, attempts: asyncio.TaskGroup) -> None:
        while not drain.begun.is_set():
            self._keeper.mark_alive()
            free = self._options.capacity - self._running
            claimed = await self._claim(free, attempts) if free > 0 else 0
            self._awaits_ends = claimed >= free
            if claimed:
                self._wakeup.found_work()
            if claimed == 0 or claimed < free:
                await self._wakeup.wait()

    async def _claim(self, free: int, attempts: asyncio.TaskGroup) -> int:
        lanes = self._lanes()
        if not lanes:
            return 0
        is_first = self._unanswered is None
        request_id, asked_at = self._request()
        try:
            claimed = await self._store.claim_subtasks(
                agent_id=self._identity.id,
                lanes=lanes,
                limit=free,
                lease=self._options.lease,
                request_id=request_id,
            )
        except StoreUnavailable as error:
            logger.warning("no work can be claimed: the store does not answer", error=str(error))
            if is_first:
                self._wakeup.found_work()  # most outages are short; a long one is asked ever less
            self._unanswered = (request_id, asked_at)
            self._health.metrics.count_unanswered_claim()
            return 0
        self._health.mark_answered()
        self._health.metrics.count_claim(len(claimed))
        for each in claimed:
            if isinstance(each, ClaimedSubtask):
                self._start(each, asked_at=asked_at, attempts=attempts)
            else:
                attempts.create_task(
                    self._fail(_unreadable(each)), name=f"refuse {each.subtask_id}"
                )
        return len(claimed)

    def _request(self) -> tuple[UUID, float]:
        """Give the id of the next claim, and since when leases under it may run.

        The database may have granted what it could not say: the same id gives those leases again,
        while they last.
        """
        now = time.monotonic()
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is not None and now - unanswered[1] < self._options.lease.total_seconds():
            return unanswered
        return uuid4(), now

    def _start(
        self, claimed: ClaimedSubtask, *, asked_at: float, attempts: asyncio.TaskGroup
    ) -> None:
        self._running += 1
        self._health.metrics.count_start()
        verdict: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
        self._keeper.hold(claimed.ref, asked_at=asked_at, tell=_setter(verdict))
        attempts.create_task(
            self._attempt(claimed, verdict),
            name=f"attempt {claimed.attempt} of {claimed.subtask_id}",
        )

    async def _attempt(self, claimed: ClaimedSubtask, verdict: asyncio.Future[StopReason]) -> None:
        context = {
            "task_id": str(claimed.task_id),
            "subtask_id": str(claimed.subtask_id),
            "attempt": claimed.attempt,
        }
        try:
            with logger.contextualize(**context):
                await self._record(claimed, await run_attempt(claimed, self._work, verdict))
        finally:
            self._keeper.drop(claimed.ref)
            self._running -= 1
            self._health.metrics.count_end()
            if self._awaits_ends:
                self._wakeup.notify()
            else:
                # Little can be left: we had slots to spare, and what is new has rung. But a limited
                # lane has room again, and followers are queued, whose doorbell may be lost.
                self._wakeup.notify_soon()

    async def _record(self, claimed: ClaimedSubtask, outcome: Outcome) -> None:
        self._health.metrics.count_outcome(claimed, outcome)
        match outcome:
            case Succeeded(completion):
                await self._complete(completion)
            case Failed(failure):
                await self._fail(failure)
            case Stopped(verdict, usage) if verdict is StopReason.CANCELLED:
                await self._fail(_cancelled(claimed, usage))
            case Stopped():
                logger.warning("the lease was lost; nothing was written")
            case _ as unreachable:
                assert_never(unreachable)

    async def _complete(self, completion: Completion) -> None:
        try:
            answer = await self._recorder.complete(completion)
        except Refused as error:
            await self._fail(_refused(completion, str(error)))
            return
        if answer.answer == "invalid":
            await self._fail(_refused(completion, answer.detail))
        else:
            logger.info("attempt ended", answer=answer.answer)

    async def _fail(self, failure: Failure) -> None:
        try:
            answer = await retry_until_answered(
                lambda: self._store.fail_subtask(agent_id=self._identity.id, failure=failure),
                what="a failure",
                jitter=self._jitter,
            )
        except Refused as error:
            # The lease runs out and is counted: one subtask must not end the whole agent.
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


def _setter(verdict: asyncio.Future[StopReason]) -> Callable[[StopReason], None]:
    def set_once(value: StopReason) -> None:
        if not verdict.done():
            verdict.set_result(value)

    return set_once


def _unreadable(claim: UnreadableSubtask) -> Failure:
    """Return the failure that ends its task: nobody else could read it either."""
    return Failure(
        ref=claim.ref,
        error=ErrorInfo(
            class_="invalid_task",
            message=f"{claim.field} cannot be read: {claim.problem}.",
            field=claim.field,
        ),
        action=FailureAction.GIVE_UP,
    )


def _cancelled(claimed: ClaimedSubtask, usage: Usage | None) -> Failure:
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_="cancelled", message="The task was cancelled."),
        action=FailureAction.GIVE_UP,
        usage=usage,
    )


def _refused(completion: Completion, detail: str | None) -> Failure:
    """What the database refuses once it will refuse again: the task must say why."""
    is_plan = completion.plan is not None
    return Failure(
        ref=completion.ref,
        error=ErrorInfo(
            class_="invalid_plan" if is_plan else "not_stored",
            message=f"The database refused the {'plan' if is_plan else 'result'}: {detail}",
        ),
        action=FailureAction.GIVE_UP,
        usage=completion.usage,
    )
