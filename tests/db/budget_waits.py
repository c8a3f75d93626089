"""Steps that wait for a budget, as executors let them wait."""

from uuid import UUID

from tests.db.calls import a_call, begin
from tests.support.sql.agent import Agent, Row, insert_task, ref
from tests.support.sql.flows import answer, claim_flow, hand_over, new_step


async def start_asking(agent: Agent, **columns: object) -> UUID:
    """Insert a task that asks where its budget is spent, with one step; return its id."""
    params = {"params": {"on_budget": "ask"}}
    task_id: UUID = await insert_task(agent.connection, "sort", **(params | columns))
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, hand_over(lease, new_step("chat"))) == ("ok", None)
    return task_id


async def claim_step(agent: Agent, task_id: UUID) -> Row:
    """Claim the step of a task, and of no other."""
    mine: list[Row] = []
    for lease in await agent.claim("model-a", limit=1000):
        if lease["task_id"] == task_id:
            mine.append(lease)
        else:
            await agent.release(lease)
    [lease] = mine
    return lease


async def call_or_wait(agent: Agent, lease: Row, usd: float, **fields: object) -> Row | None:
    """Begin a call; if its cap asks, end the attempt with a wait and return None."""
    call = a_call(lease, usd, **fields)
    begun = await begin(agent, call)
    if begun["question"] is None:
        assert begun["answer"] == "ok", begun
        return call
    item = ref(lease) | {"output": {}, "wait": {"budget": begun["question"]}}
    assert await answer(agent, item) == ("ok", None)
    return None


async def wait_for_budget(agent: Agent, usd: float = 1, **columns: object) -> UUID:
    """Insert a task whose first call is refused, and that waits; return its id."""
    task_id = await start_asking(agent, **columns)
    assert await call_or_wait(agent, await claim_step(agent, task_id), usd) is None
    return task_id
