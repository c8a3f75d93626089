"""Workflows in SQL: flows that suspend, as an orchestrator does it."""

from typing import Any
from uuid import UUID

from tests.support.sql.agent import Agent, Row, insert_task


async def begin_flow(agent: Agent, prompt: str = "sort", **columns: object) -> Row:
    """Insert a task and claim its flow; return the lease."""
    task_id = await insert_task(agent.connection, prompt, **columns)
    return await claim_flow(agent, task_id)


async def claim_flow(agent: Agent, task_id: UUID) -> Row:
    """Claim the flow of a task; others that are queued are released again."""
    mine: list[Row] = []
    for lease in await agent.claim("cio", limit=1000):
        if lease["task_id"] == task_id:
            mine.append(lease)
        else:
            await agent.release(lease)
    [lease] = mine
    return lease


def wait_step(key: str, kind: str, **fields: object) -> Row:
    """Build a step that nobody leases."""
    return {"key": key, "kind": kind, "type": kind.upper(), "lane": "wait"} | fields


def child_step(key: str, **child: object) -> Row:
    """Build a step for a child task."""
    return wait_step(key, "task", child={"type": "CHAT", "prompt": f"do {key}"} | child)


async def suspend(
    agent: Agent, lease: Row, *steps: Row, awaits: list[str] | None = None, **fields: object
) -> Row:
    """Suspend a flow with new steps; return the database's answer."""
    body: Row = {"steps": list(steps), "awaits": awaits or [step["key"] for step in steps]}
    [answer] = await agent.complete_all(
        [
            {"subtask_id": str(lease["subtask_id"]), "attempt": lease["attempt"]}
            | {"output": {}, "suspend": body | fields}
        ]
    )
    return answer


async def start_flow(agent: Agent, *steps: Row, **columns: Any) -> UUID:
    """Insert a task and suspend its flow with these steps; return the task's id."""
    lease = await begin_flow(agent, **columns)
    answer = await suspend(agent, lease, *steps)
    assert answer["answer"] == "ok", answer
    task_id: UUID = lease["task_id"]
    return task_id


async def read_record(agent: Agent, task_id: UUID) -> dict[str, Any]:
    """Claim the flow of a task; return the steps of its record, by key."""
    lease = await claim_flow(agent, task_id)
    return {step["key"]: step for step in lease["flow"]["steps"]}


async def children_of(agent: Agent, task_id: UUID) -> list[Row]:
    """Return the child tasks of a task, in order."""
    found = await agent.connection.fetch(
        "select * from public.cogo_tasks where parent_task_id = $1 order by seq", task_id
    )
    return [dict(row) for row in found]


async def finish(agent: Agent, task_id: UUID, usd: float | None = None, **output: object) -> str:
    """Complete a task with this result."""
    lease = await claim_flow(agent, task_id)
    usage = None if usd is None else {"cost_usd": usd, "output_tokens": 5, "model_id": "m"}
    return await agent.complete(lease, output={"text": "done"} | output, usage=usage)
