"""Competitors in this process: COGO's SQL, COGO over REST, and a minimal loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from benchmarks.queue.database import LANE, USAGE, Connection, clear, connect, fill, settle
from benchmarks.supabase import Server
from protocol.records import Claim, ClaimRequest, Completion
from protocol.transport.supabase_store import SupabaseStore, open_store

WORKERS: Final = 4
_LEASE: Final = timedelta(seconds=15)
_CLAIM: Final = """
select subtask_id, attempt from public.cogo_claim_subtasks(
  p_agent_id => $1, p_lanes => array['bench'], p_limit => $2)
"""
_COMPLETE_AND_CLAIM: Final = """
select public.cogo_complete_and_claim(
  p_agent_id => $1, p_items => $2, p_lanes => array['bench'], p_limit => $3)
"""
_BARE: Final = """
create table if not exists public.bare_jobs (
  id bigint generated always as identity primary key, status text not null default 'queued'
) with (fillfactor = 70);
create index if not exists bare_jobs_queued on public.bare_jobs (id) where status = 'queued';
"""
_BARE_CLAIM: Final = """
with taken as materialized (
  select id from public.bare_jobs where status = 'queued' order by id limit $1
  for no key update skip locked
)
update public.bare_jobs j set status = 'running' from taken t where j.id = t.id returning j.id
"""

Step = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Drained:
    """What it took to do all jobs."""

    seconds: float
    cpu_seconds: float
    """CPU time of the workers' process."""


class Contender(Protocol):
    """A queue that can be filled with jobs and drained."""

    name: str
    facts: dict[str, object]

    async def prepare(self, count: int) -> None:
        """Queue the jobs, which is not measured."""

    async def drain(self, count: int) -> Drained:
        """Do all jobs."""


class Bare:
    """Claim and mark as done, nothing else: the upper bound for this Postgres."""

    def __init__(self, url: str, batch: int) -> None:
        self.name = "bare"
        self.facts: dict[str, object] = {"batch": batch, "connections": WORKERS}
        self._url = url
        self._batch = batch

    async def prepare(self, count: int) -> None:
        """Fill a table of two columns."""
        owner = await connect(self._url, "postgres")
        await owner.execute(_BARE)
        await owner.execute("truncate public.bare_jobs")
        await owner.execute(
            "insert into public.bare_jobs select from generate_series(1, $1)", count
        )
        await owner.execute("vacuum analyze public.bare_jobs")
        await owner.close()

    async def drain(self, count: int) -> Drained:
        """Claim and complete batches on every connection until none is left."""
        connections = [await connect(self._url, "postgres") for _ in range(WORKERS)]

        def step_on(connection: Connection) -> Step:
            async def step() -> int:
                ids = [row["id"] for row in await connection.fetch(_BARE_CLAIM, self._batch)]
                await connection.execute(
                    "update public.bare_jobs set status = 'done' where id = any ($1)", ids
                )
                return len(ids)

            return step

        drained = await _repeat([step_on(each) for each in connections], count)
        for each in connections:
            await each.close()
        return drained


class Sql:
    """COGO's functions over asyncpg: one statement completes a batch and claims the next."""

    def __init__(self, url: str, batch: int) -> None:
        self.name = "cogo_sql"
        self.facts: dict[str, object] = {"batch": batch, "connections": WORKERS}
        self._url = url
        self._batch = batch

    async def prepare(self, count: int) -> None:
        """Queue tasks of one subtask each."""
        await queue_up(self._url, count)

    async def drain(self, count: int) -> Drained:
        """Claim and complete batches on every connection until none is left."""
        connections = [await connect(self._url) for _ in range(WORKERS)]
        usage = USAGE.model_dump(mode="json")

        def step_on(connection: Connection, agent: str) -> Step:
            held: list[Any] = []

            async def step() -> int:
                leases = held[:] or await connection.fetch(_CLAIM, agent, self._batch)
                if not leases:
                    return 0
                items = [
                    {
                        "subtask_id": str(lease["subtask_id"]),
                        "attempt": lease["attempt"],
                        "output": {"ok": True},
                        "usage": usage,
                    }
                    for lease in leases
                ]
                answer = await connection.fetchval(_COMPLETE_AND_CLAIM, agent, items, self._batch)
                assert all(each["answer"] == "ok" for each in answer["answers"]), answer
                held[:] = answer["claimed"] or []
                return len(items)

            return step

        steps = [step_on(each, f"agent-{n}") for n, each in enumerate(connections)]
        drained = await _repeat(steps, count)
        for each in connections:
            await each.close()
        return drained


class Rest:
    """COGO as its agents use it: supabase-py, the Data API, pydantic, one request per batch."""

    def __init__(self, server: Server, batch: int) -> None:
        self.name = "cogo_rest"
        self.facts: dict[str, object] = {"batch": batch, "connections": WORKERS}
        self._server = server
        self._batch = batch

    async def prepare(self, count: int) -> None:
        """Queue tasks of one subtask each."""
        await queue_up(self._server.db_url, count)

    async def drain(self, count: int) -> Drained:
        """Claim and complete batches with concurrent requests until none is left."""
        async with open_store(self._server.url, self._server.secret_key) as store:
            steps = [self._step(store, f"agent-{n}") for n in range(WORKERS)]
            return await _repeat(steps, count)

    def _step(self, store: SupabaseStore, agent: str) -> Step:
        held: list[Claim] = []

        async def claim() -> list[Claim]:
            return await store.claim_subtasks(
                agent_id=agent, lanes=[LANE], limit=self._batch, lease=_LEASE, request_id=uuid4()
            )

        async def step() -> int:
            leases = held[:] or await claim()
            if not leases:
                return 0
            items = [
                Completion(ref=lease.ref, output={"ok": True}, usage=USAGE) for lease in leases
            ]
            asked = ClaimRequest(lanes=[LANE], limit=self._batch, lease=_LEASE, request_id=uuid4())
            result = await store.complete_and_claim(agent_id=agent, items=items, claim=asked)
            assert all(each.answer == "ok" for each in result.answers), result
            held[:] = result.claimed or []
            return len(items)

        return step


async def queue_up(url: str, count: int) -> None:
    """Queue this many tasks of one subtask each."""
    owner = await connect(url, "postgres")
    await clear(owner)
    await fill(owner, count)
    await settle(owner)
    await owner.close()


async def _repeat(steps: list[Step], count: int) -> Drained:
    done = 0

    async def work(step: Step) -> None:
        nonlocal done
        while done < count:
            did = await step()
            done += did

    started, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for number, step in enumerate(steps):
            group.create_task(work(step), name=f"worker {number}")
    assert done == count, f"{done} of {count} were done"
    return Drained(time.perf_counter() - started, time.process_time() - cpu)
