"""Turns of tool loops in SQL, as executors store and read them."""

from typing import Any

from tests.support.sql.agent import Agent, Row, ref


def new_turn(seq: int, kind: str = "answer", **body: object) -> Row:
    """Build a turn."""
    return {"seq": seq, "kind": kind, "body": {"n": seq} | body}


async def store_all(agent: Agent, *items: Row) -> list[tuple[str, str | None]]:
    """Store items; return answers and details."""
    found = await agent.connection.fetch(
        "select * from public.cogo_store_turns(p_agent_id => $1, p_items => $2)",
        agent.id,
        list(items),
    )
    return [(row["answer"], row["detail"]) for row in found]


async def store(agent: Agent, lease: Row, *turns: Any) -> tuple[str, str | None]:
    """Store turns of one attempt; return the answer and its detail."""
    [one] = await store_all(agent, ref(lease) | {"turns": list(turns)})
    return one


async def read_turns(agent: Agent, lease: Row, after: int = 0) -> list[Row]:
    """Read one page of the turns of a subtask."""
    found = await agent.connection.fetch(
        "select * from public.cogo_subtask_turns($1, $2)", lease["subtask_id"], after
    )
    return [dict(row) for row in found]
