"""Tasks under test: submitting them and reading their outcome."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from protocol.records import AgentRecord, Attempt, NewTask, Task
from protocol.store.queue import QueueStore
from tests.support.eventually import eventually
from tests.support.processes import is_running
from tests.support.servers.system import System

HOLD = "[[fault:stall after=5 times=1]]"
"""Makes the first answer to a prompt stop after five pieces, and stay silent."""
ENDED_SECONDS = 40.0
"""Enough for two attempts on a busy machine; nothing here waits for a lease to run out."""


async def submitted(store: QueueStore, prompt: str, **fields: object) -> Task:
    """Ask for something. Code is not run unless `params` say so, so that one call answers."""
    if "type" not in fields:
        given = fields.get("params")
        fields["params"] = {"verify": "off"} | (given if isinstance(given, dict) else {})
    return await store.submit_task(NewTask.model_validate({"prompt": prompt} | fields))


async def ended(store: QueueStore, task_id: UUID, *, within: float = ENDED_SECONDS) -> Task:
    """Wait until a task is over."""

    async def final() -> Task | None:
        task = await store.fetch_task(task_id=task_id)
        return task if task.status.is_final else None

    task = await eventually(final, within=within, every=0.1)
    assert task is not None
    return task


async def attempts(store: QueueStore, task_id: UUID) -> list[Attempt]:
    """Return the attempts at the work itself, without planning and routing."""
    found = await store.fetch_attempts(task_id=task_id)
    return [each for each in found if each.lane != "cio"]


async def outcomes(store: QueueStore, task_id: UUID) -> list[str | None]:
    """Return how the attempts at the work ended, in their order."""
    return [each.outcome for each in await attempts(store, task_id)]


async def running_agents(store: QueueStore, kind: str) -> list[tuple[AgentRecord, int]]:
    """Return the agents of a kind whose process runs now, with its id.

    For the database one that was killed is alive until its death was noticed.
    """
    found = [each for each in await store.fetch_agents() if each.kind == kind]
    known = [(each, each.pid) for each in found if each.stopped_at is None]
    return [(each, pid) for each, pid in known if pid is not None and is_running(pid)]


async def is_quiet(system: System) -> bool:
    """Return whether nothing is worked on, so that only a new task asks a model."""
    connection = await asyncpg.connect(system.state.db_url)
    try:
        working = "select exists (select from cogo.subtasks where status in ('queued', 'running'))"
        return not await connection.fetchval(working)
    finally:
        await connection.close()


async def executor_of(store: QueueStore, task_id: UUID) -> AgentRecord:
    """Wait until an executor works on a task; tell which."""

    async def running() -> Sequence[Attempt]:
        return [each for each in await attempts(store, task_id) if each.outcome is None]

    [attempt] = await eventually(running, within=20)
    [agent] = [each for each in await store.fetch_agents() if each.id == attempt.agent_id]
    return agent
