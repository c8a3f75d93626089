"""Attempts of models with given outcomes, for the statistics."""

from typing import Any

from tests.support.sql.agent import Agent, Row, insert_task, step

OVERLOADED: Row = {"class": "overloaded", "message": "the vendor is overloaded"}
DATA: Row = {"text": "{}", "data": {}}
"""Data that follows its schema, which is a weak sign of a good answer."""
RATE = "select * from public.cogo_feedback($1, $2, $3)"
REFUSED: Row = {"class": "check_failed", "message": "it does not parse"}


def selection(key: str, model_id: str, requirements: Row | None = None) -> Row:
    return {
        "key": key,
        "selected_model": model_id,
        "requirements": {"taskType": "code-generation"} if requirements is None else requirements,
        "reason": "r",
    }


def used(
    model_id: str,
    *,
    ms: int = 1000,
    tokens: int = 100,
    cost: str = "0.01",
    simulated: bool = False,
    derived: Row | None = None,
) -> Row:
    return {
        "model_id": model_id,
        "provider": "vendor",
        "duration_ms": ms,
        "first_token_ms": ms // 10,
        "output_tokens": tokens,
        "cost_usd": cost,
        "simulated": simulated,
        "derived": derived or {},
    }


async def planned(
    agent: Agent, model_id: str, requirements: Row | None = None, **columns: Any
) -> Any:
    """Insert a task with one subtask in the model's lane; return its id."""
    task_id = await insert_task(agent.connection, **columns)
    [plan] = await agent.claim("cio")
    await agent.complete(
        plan,
        plan={
            "subtasks": [step("a", lane=model_id)],
            "selections": [selection("a", model_id, requirements)],
        },
    )
    return task_id


async def answered(
    agent: Agent,
    model_id: str,
    *,
    ms: int = 1000,
    output: Row | None = None,
    simulated: bool = False,
    requirements: Row | None = None,
    usage: Row | None = None,
    **columns: Any,
) -> Any:
    """Run a task that the model answers; return its id."""
    task_id = await planned(agent, model_id, requirements, **columns)
    [lease] = await agent.claim(model_id)
    said = {"text": "done"} if output is None else output
    spent = used(model_id, ms=ms, simulated=simulated) | (usage or {})
    assert await agent.complete(lease, output=said, usage=spent) == "ok"
    return task_id


async def rate_last(agent: Agent, score: float) -> None:
    """Rate the answer of the last task as an operator."""
    await agent.connection.execute(
        "select public.cogo_feedback(t.id, $1) from public.cogo_tasks t"
        " order by t.seq desc limit 1",
        score,
    )


async def failed(
    agent: Agent, model_id: str, *, error: Row = OVERLOADED, simulated: bool = False
) -> None:
    """Run a task at which the model fails for good."""
    await planned(agent, model_id)
    [lease] = await agent.claim(model_id)
    await agent.fail(lease, "give_up", error=error, usage=used(model_id, simulated=simulated))


async def knowledge(agent: Agent) -> Row:
    """Return what an orchestrator reads after the statistics are up to date."""
    found = await agent.connection.fetchrow("select * from public.cogo_model_knowledge('cio-1')")
    assert found is not None
    return dict(found)


async def outcome(agent: Agent, model_id: str, *after: str) -> Row:
    """Return the statistics of a model, rounded; {} when there are none."""
    rows = [
        each
        for each in (await knowledge(agent))["outcomes"]
        if each["model_id"] == model_id and each["after"] == list(after)
    ]
    return {name: _round(value) for row in rows for name, value in row.items()}


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _round(each) for name, each in value.items()}
    return round(value, 2) if isinstance(value, float) else value


async def find_accuracy(agent: Agent, kind: str = "code-generation") -> dict[str, Row]:
    """Return how often checks accept good and bad answers, rounded, by source."""
    return {
        each["source"]: {
            name: round(value, 2) for name, value in each.items() if isinstance(value, float | int)
        }
        for each in (await knowledge(agent))["checks"]
        if each["kind"] == kind
    }


async def health(agent: Agent, model_id: str) -> str:
    return str((await knowledge(agent))["health"].get(model_id, "ok"))


async def switches(agent: Agent) -> list[tuple[str, str, str]]:
    rows = await agent.connection.fetch(
        "select subject, was, became from public.cogo_model_switches order by seq"
    )
    return [(row["subject"], row["was"], row["became"]) for row in rows]
