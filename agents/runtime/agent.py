"""The life of an agent process: say who we are, work, and leave nothing held behind."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from loguru import logger

from agents.runtime.attempt import Work
from agents.runtime.completion_batcher import CompletionBatcher
from agents.runtime.drain import Drain
from agents.runtime.health import Health
from agents.runtime.identity import AgentIdentity
from agents.runtime.lease import LeaseKeeper, OpenStore
from agents.runtime.options import RuntimeOptions
from agents.runtime.pool import Pool
from agents.runtime.wakeup import Wakeup
from protocol.backoff import compute_backoff
from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import AgentRecord
from protocol.store.queue import QueueStore

FAREWELL_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What the orchestrator and the executor share while they live."""

    identity: AgentIdentity
    options: RuntimeOptions
    store: QueueStore
    keeper: LeaseKeeper
    wakeup: Wakeup
    health: Health
    jitter: random.Random
    services: asyncio.TaskGroup
    """For work that lasts as long as the agent; its failure ends the agent."""

    async def run(
        self,
        *,
        lanes: Callable[[], Sequence[str]],
        work: Work,
        drain: Drain,
        serves: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        """Claim from `lanes()` and do `work` until drained; heartbeats go out all the while.

        Heartbeats name `serves()`, if that is more than can be claimed just now.
        """
        recorder = CompletionBatcher(
            agent_id=self.identity.id, store=self.store, jitter=self.jitter
        )
        pool = Pool(
            identity=self.identity,
            options=self.options,
            store=self.store,
            keeper=self.keeper,
            recorder=recorder,
            wakeup=self.wakeup,
            health=self.health,
            lanes=lanes,
            work=work,
            jitter=self.jitter,
        )
        sending = self.services.create_task(recorder.run(), name="recorder")
        beating = self.services.create_task(self._beat(pool, serves or lanes), name="heartbeat")
        try:
            await pool.run(drain)
        finally:
            sending.cancel()
            beating.cancel()

    async def _beat(self, pool: Pool, lanes: Callable[[], Sequence[str]]) -> None:
        while True:
            try:
                await self.store.record_agent(
                    build_agent_record(
                        self.identity, self.options, lanes=lanes(), running=pool.running
                    )
                )
                self.health.mark_answered()
            except StoreUnavailable as error:
                logger.debug("a heartbeat was not taken", error=str(error))
            await self._check_writes()
            await asyncio.sleep(self.options.heartbeat_every.total_seconds())

    async def _check_writes(self) -> None:
        """Check that the database can write; a full disk may still take heartbeats and claims."""
        try:
            await self.store.check_writes()
        except CogoError as error:
            if self.health.writes_refused is None:
                logger.warning("the database does not take what is written", error=str(error))
            self.health.writes_refused = str(error)
        else:
            self.health.writes_refused = None


@asynccontextmanager
async def open_agent(
    *,
    open_store: OpenStore,
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    health: Health | None = None,
) -> AsyncIterator[Agent]:
    """Open what an agent needs; at the end, however it comes, release every lease that it holds.

    Raises Unauthorized or MigrationMissing when the project cannot be used at all; a store that
    does not answer is waited for until `drain` begins.
    """
    jitter = random.Random()  # noqa: S311 - spreads polls, guards nothing
    health = health or Health()
    health.stalled_after = options.stalled_after
    keeper = LeaseKeeper(
        agent_id=identity.id,
        open_store=open_store,
        lease=options.lease,
        every=options.extend_every,
        health=health,
    )
    wakeup = Wakeup(busy=options.poll_busy, idle=options.poll_idle, jitter=jitter)
    async with open_store() as store:
        await _introduce(build_agent_record(identity, options), store, drain)
        async with keeper, asyncio.TaskGroup() as services:
            watching = services.create_task(keeper.watch(), name="watch the lease keeper")
            try:
                yield Agent(
                    identity=identity,
                    options=options,
                    store=store,
                    keeper=keeper,
                    wakeup=wakeup,
                    health=health,
                    jitter=jitter,
                    services=services,
                )
            finally:
                watching.cancel()
                await _take_leave(build_agent_record(identity, options, stopped=True), store)


def build_agent_record(
    identity: AgentIdentity,
    options: RuntimeOptions,
    *,
    lanes: Sequence[str] = (),
    running: int = 0,
    stopped: bool = False,
) -> AgentRecord:
    """Describe an agent to whoever asks who is alive."""
    return AgentRecord(
        id=identity.id,
        kind=identity.kind,
        lanes=list(lanes),
        capacity=options.capacity,
        running=running,
        version=identity.version,
        host=identity.host,
        pid=identity.pid,
        details={"simulated": options.simulated, "health_url": options.health_url},
        stopped_at=utc_now() if stopped else None,
    )


async def _introduce(record: AgentRecord, store: QueueStore, drain: Drain) -> None:
    failures = 0
    while not drain.begun.is_set():
        try:
            await store.record_agent(record)
        except StoreUnavailable as error:
            logger.warning("waiting for the store", error=str(error))
            failures += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(compute_backoff(failures, first=0.25, longest=10)):
                    await drain.begun.wait()
        else:
            return


async def _take_leave(record: AgentRecord, store: QueueStore) -> None:
    """Give back what is held; without an answer the leases run out by themselves."""
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            await store.release_subtasks(
                agent_id=record.id, leases=None, reason="the agent stopped"
            )
            await store.record_agent(record)
    except (CogoError, TimeoutError) as error:
        logger.warning("leases are left to expire", error=str(error))
