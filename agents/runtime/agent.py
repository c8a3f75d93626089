"""The lifecycle of an agent process: register, work, and release every lease at the end."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from loguru import logger
from pydantic import JsonValue

from agents.runtime.completion_batcher import CallEnds, CompletionBatcher
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper, OpenStore
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain, Wakeup
from protocol.backoff import compute_backoff
from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import AgentRecord, LeaseRef
from protocol.store.queue import QueueStore

FAREWELL_SECONDS = 5.0
VERIFY_SECONDS = 20.0
"""Between two questions whether the database is a copy; it believes an answer for five minutes."""
_T = TypeVar("_T")
STANDS_STILL = "AI columns and scheduled tasks stand still, and tasks that came with a copy"
_MOST_PROBLEMS = 20
_MAX_PROBLEM = 300
"""Characters of one in a heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The services that the orchestrator and the executor share."""

    identity: AgentIdentity
    options: RuntimeOptions
    store: QueueStore
    keeper: LeaseKeeper
    batcher: CompletionBatcher
    wakeup: Wakeup
    health: Health
    jitter: random.Random
    services: asyncio.TaskGroup
    """Tasks that last as long as the agent; if one fails, the agent ends."""
    must_expire: set[LeaseRef] = field(default_factory=set)
    """Leases of work that may have had an effect, and whose end could not be recorded. While there
    are any, none is released at the end, since an expired lease shows that its holder has died."""

    details: dict[str, JsonValue] = field(default_factory=dict)
    """What its services tell with each heartbeat."""

    def build_wakeup(self) -> Wakeup:
        """Return a wakeup with the intervals of the agent."""
        return Wakeup(busy=self.options.poll_busy, idle=self.options.poll_idle, jitter=self.jitter)


@asynccontextmanager
async def open_agent(
    *,
    open_store: OpenStore,
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    health: Health | None = None,
    ledger: CallEnds | None = None,
) -> AsyncIterator[Agent]:
    """Register an agent and start its services; at the end release every lease that it holds.

    Ends of calls in `ledger` are recorded with completions, and before leases are released. Waits
    for a store that does not answer, until `drain` begins. Raises Unauthorized or
    MigrationMissing if the project cannot be used at all.
    """
    jitter = random.Random()  # noqa: S311 - not used for security
    health = health or Health()
    health.stalled_after = options.stalled_after
    keeper = LeaseKeeper(
        agent_id=identity.id,
        open_store=open_store,
        lease=options.lease,
        every=options.extend_every,
        health=health,
    )
    async with open_store() as store:
        await _register(build_agent_record(identity, options), store, drain)
        problem = await _verify_at_start(identity, options, store, drain)
        batcher = CompletionBatcher(agent_id=identity.id, store=store, jitter=jitter, ledger=ledger)
        async with keeper, asyncio.TaskGroup() as services:
            running = [
                services.create_task(keeper.join(), name="watch the lease keeper"),
                services.create_task(batcher.run(), name="completion batcher"),
                services.create_task(
                    _verify_regularly(identity, options, store, problem), name="verify the instance"
                ),
            ]
            agent = Agent(
                identity=identity,
                options=options,
                store=store,
                keeper=keeper,
                batcher=batcher,
                wakeup=Wakeup(busy=options.poll_busy, idle=options.poll_idle, jitter=jitter),
                health=health,
                jitter=jitter,
                services=services,
            )
            try:
                yield agent
            finally:
                for service in running:
                    service.cancel()
                stopped = build_agent_record(identity, options, stopped=True)
                await _say_farewell(stopped, store, ledger, releases=not agent.must_expire)


async def send_heartbeats(
    agent: Agent, *, lanes: Callable[[], Sequence[str]], count_running: Callable[[], int]
) -> None:
    """Send heartbeats and check that the database can write, until cancelled."""
    while True:
        record = build_agent_record(
            agent.identity,
            agent.options,
            lanes=lanes(),
            running=count_running(),
            details=agent.details,
        )
        try:
            await agent.store.record_agent(record)
            agent.health.mark_answered()
        except StoreUnavailable as error:
            logger.debug("a heartbeat could not be sent", error=str(error))
        try:  # heartbeats may succeed even if the disk is full
            await agent.store.check_writes()
            agent.health.writes_refused = None
        except CogoError as error:
            if agent.health.writes_refused is None:
                logger.warning("the database refuses to write", error=str(error))
            agent.health.writes_refused = str(error)
        await asyncio.sleep(agent.options.heartbeat_every.total_seconds())


def build_agent_record(
    identity: AgentIdentity,
    options: RuntimeOptions,
    *,
    lanes: Sequence[str] = (),
    running: int = 0,
    details: Mapping[str, JsonValue] | None = None,
    stopped: bool = False,
) -> AgentRecord:
    """Return the row of `cogo_agents` for this agent."""
    return AgentRecord(
        id=identity.id,
        kind=identity.kind,
        lanes=list(lanes),
        capacity=options.capacity
        + options.check_capacity
        + options.tool_capacity
        + options.embedding_capacity
        + options.rerank_capacity,
        running=running,
        version=identity.version,
        host=identity.host,
        pid=identity.pid,
        details={
            "simulated": options.simulated,
            "health_url": options.health_url,
            "sandbox": options.sandbox,
            "workflows": list(options.workflows),
            "tools": list(options.list_tools()),
            "tool_problems": _limit_problems(options.list_tool_problems()),
            **(details or {}),
        },
        stopped_at=utc_now() if stopped else None,
    )


def _limit_problems(problems: Mapping[str, str]) -> dict[str, str]:
    """Return the first problems, shortened, as each heartbeat carries them."""
    first = sorted(problems.items())[:_MOST_PROBLEMS]
    return {name[:_MAX_PROBLEM]: problem[:_MAX_PROBLEM] for name, problem in first}


async def _call_until_answered(call: Callable[[], Awaitable[_T]], drain: Drain) -> _T | None:
    """Repeat a call until the store answers; return None if `drain` begins before."""
    failures = 0
    while not drain.begun.is_set():
        try:
            return await call()
        except StoreUnavailable as error:
            logger.warning("waiting for the store", error=str(error))
            failures += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(compute_backoff(failures, first=0.25, longest=10)):
                    await drain.begun.wait()
    return None


async def _register(record: AgentRecord, store: QueueStore, drain: Drain) -> None:
    await _call_until_answered(partial(store.record_agent, record), drain)


async def _verify_at_start(
    identity: AgentIdentity, options: RuntimeOptions, store: QueueStore, drain: Drain
) -> str | None:
    """Ask before anything is claimed whether the database is a copy; return why it is."""
    if not options.project_host:
        return None
    verify = partial(
        store.verify_instance, agent_id=identity.id, host=options.project_host, is_start=True
    )
    verdict = await _call_until_answered(verify, drain)
    if verdict is None or verdict.reason is None:
        return None
    logger.warning(STANDS_STILL, reason=verdict.reason)
    return verdict.reason


async def _verify_regularly(
    identity: AgentIdentity, options: RuntimeOptions, store: QueueStore, problem: str | None
) -> None:
    """Show the database that an agent reaches it, and log when that changes what runs."""
    while options.project_host:
        await asyncio.sleep(VERIFY_SECONDS)
        try:
            verdict = await store.verify_instance(agent_id=identity.id, host=options.project_host)
        except CogoError as error:
            logger.debug("the instance could not be verified", error=str(error))
            continue
        if verdict.reason != problem:
            problem = verdict.reason
            if problem is None:
                logger.info("everything runs in this database: it was adopted")
            else:
                logger.warning(STANDS_STILL, reason=problem)


async def _say_farewell(
    record: AgentRecord, store: QueueStore, ledger: CallEnds | None, *, releases: bool
) -> None:
    """Release all leases if that is allowed; if the store does not answer, they expire."""
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            if ledger is not None:
                await ledger.flush_all()
            if releases:
                await store.release_subtasks(
                    agent_id=record.id, leases=None, reason="the agent stopped"
                )
            await store.record_agent(record)
    except (CogoError, TimeoutError) as error:
        logger.warning("leases could not be released and will expire", error=str(error))
