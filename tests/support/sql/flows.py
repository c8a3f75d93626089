"""Ends of attempts at flows, as an orchestrator sends them."""

from typing import Any
from uuid import UUID

from tests.support.sql.agent import Agent, Row, insert_task, ref

_LANES = {"check": "sandbox:python", "call": "tools:shop", "ask": "model-a"}


def new_step(key: str, kind: str = "ask", **fields: object) -> Row:
    """Build a step that a workflow asks for."""
    return {
        "key": key,
        "kind": kind,
        "type": "CHAT",
        "lane": _LANES.get(kind, "wait"),
        "params": {"name": key} if kind == "event" else {"generation_prompt": f"do {key}"},
        "metadata": {"digest": f"digest of {key}"},
    } | fields


def suspend(lease: Row, *steps: Row | str, **fields: object) -> Row:
    """Build a suspension that awaits these steps; a text is a step that exists."""
    new = [each for each in steps if isinstance(each, dict)]
    keys = [each["key"] if isinstance(each, dict) else each for each in steps]
    return ref(lease) | {"suspend": {"steps": new, "awaits": keys, "wait": "all"} | fields}


def hand_over(lease: Row, step: Row, **fields: object) -> Row:
    """Build a hand-over to a step."""
    return ref(lease) | {"hand_over": {"step": step} | fields}


async def answer(agent: Agent, item: Row) -> tuple[str, str | None]:
    """Complete with one item; return the answer and its detail."""
    [row] = await agent.complete_all([item])
    return row["answer"], row["detail"]


async def start_flow(agent: Agent, *steps: Row | str, **fields: Any) -> UUID:
    """Insert a task and suspend its flow; return the task's id."""
    columns = fields.pop("columns", {})
    task_id: UUID = await insert_task(agent.connection, **columns)
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, *steps, **fields)) == ("ok", None)
    return task_id


async def claim_flow(agent: Agent, task_id: UUID) -> Row:
    """Claim the flow of a task, and of no other."""
    [lease] = [each for each in await agent.claim("cio") if each["task_id"] == task_id]
    return lease


async def claim_steps(agent: Agent, *keys: str, lane: str = "model-a") -> dict[str, Row]:
    """Claim the queued steps of a lane, which must be these."""
    leases = {lease["key"]: lease for lease in await agent.claim(lane)}
    assert sorted(leases) == sorted(keys)
    return leases


async def read_steps(agent: Agent, task_id: UUID) -> dict[str, Row]:
    """Read the columns of flows of a task's subtasks, by key."""
    found = await agent.connection.fetch(
        "select key, status, kind, lane, awaited, end_no, not_needed, deps_left, sink, failures,"
        " reaps from cogo.subtasks where task_id = $1 order by seq",
        task_id,
    )
    return {row["key"]: dict(row) for row in found}
