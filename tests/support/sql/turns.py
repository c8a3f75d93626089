"""Turns of tool loops in SQL, as executors store and read them."""

from typing import Any
from uuid import UUID

from tests.support.sql.agent import Agent, Row, insert_task, ref
from tests.support.sql.database import ALICE, Connection
from tests.support.sql.flows import answer, claim_flow, hand_over, new_step


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


def question(call_id: str, **fields: object) -> Row:
    """Build a question about a call of a tool."""
    return {"call_id": call_id, "question": f"May {call_id} run?"} | fields


async def wait(
    agent: Agent, lease: Row, *questions: Any, **fields: object
) -> tuple[str, str | None]:
    """End an attempt that waits for answers; return the answer of the database and its detail."""
    item = ref(lease) | {"output": {}, "wait": {"approvals": list(questions)}} | fields
    [row] = await agent.complete_all([item])
    return row["answer"], row["detail"]


async def hand_over_step(agent: Agent, **columns: object) -> UUID:
    """Insert a task of Alice whose flow hands over to the step `chat`; return its id."""
    task_id: UUID = await insert_task(agent.connection, "sort", **({"owner": ALICE} | columns))
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, hand_over(lease, new_step("chat"))) == ("ok", None)
    return task_id


async def ask(agent: Agent, *call_ids: str) -> Row:
    """Run a task until its step waits about these calls; return the lease of the step."""
    await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    assert await store(agent, lease, new_turn(1)) == ("ok", None)
    assert await wait(agent, lease, *map(question, call_ids)) == ("ok", None)
    return lease


async def approvals(connection: Connection) -> list[Row]:
    """Return the questions to people, in order."""
    found = await connection.fetch("select * from public.cogo_approvals order by seq")
    return [dict(row) for row in found]


async def answer_question(
    connection: Connection, row: Row, approved: bool = True, text: str | None = None
) -> None:
    """Answer one of them."""
    await connection.execute(
        "select from public.cogo_answer_approval($1, $2, $3)", row["id"], approved, text
    )
