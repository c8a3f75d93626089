"""Calls to models as reported to the database, and budgets."""

from typing import Any
from uuid import uuid4

from tests.support.sql.agent import Agent, Row

MODEL = {"model_id": "model-a", "provider": "acme"}


def a_call(lease: Row | None = None, usd: float | None = 1, **fields: object) -> Row:
    """Build a call of an attempt with this maximum cost."""
    of = {} if lease is None else {
        "task_id": str(lease["task_id"]),
        "subtask_id": str(lease["subtask_id"]),
        "attempt": lease["attempt"],
        "owner": lease["task"]["owner"],
    }  # fmt: skip
    return {"id": str(uuid4()), "max_usd": usd} | MODEL | of | fields


async def begin(agent: Agent, call: Row) -> Row:
    """Reserve; gives answer, scope and detail."""
    [row] = await agent.connection.fetch(
        "select * from public.cogo_begin_call($1, $2)", agent.id, call
    )
    return dict(row)


async def end(agent: Agent, call: Row, cost: float | None, outcome: str = "completed") -> Any:
    """Settle."""
    ended = call | {"outcome": outcome, "cost_usd": cost, "duration_ms": 5}
    return await agent.connection.fetchval(
        "select booked from public.cogo_end_call($1, $2)", agent.id, ended
    )


async def cap(agent: Agent, limit: float, scope: str = "total", key: str | None = None,
              per: str = "day", *, allow_unpriced: bool = False) -> Row:  # fmt: skip
    """Set a cap; gives how it stands."""
    [row] = await agent.connection.fetch(
        "select * from public.cogo_set_budget($1, $2, $3, $4, $5)",
        scope, key, per, limit, allow_unpriced,
    )  # fmt: skip
    return dict(row)


async def standing(agent: Agent) -> dict[str, tuple[float, float]]:
    """Spent and reserved, by scope."""
    found = await agent.connection.fetch("select * from public.cogo_budgets()")
    return {row["scope"]: (float(row["spent_usd"]), float(row["reserved_usd"])) for row in found}
