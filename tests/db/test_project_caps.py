"""Caps of projects: what counts towards them, and what the audit log keeps."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end, standing
from tests.support.sql.agent import Agent, insert_task
from tests.support.sql.columns import Columns
from tests.support.sql.flows import answer, claim_flow, hand_over, new_step

pytestmark = pytest.mark.db


async def a_call_in(agent: Agent, project: str | None, usd: float) -> dict[str, Any]:
    task_id = await insert_task(agent.connection, "sort", project=project)
    return a_call(task_id=str(task_id), usd=usd)


async def test_the_cap_of_a_project_holds_its_tasks_only(agent: Agent) -> None:
    stored = await cap(agent, 1, "project", "  web  site ")
    assert (stored["scope"], stored["key"]) == ("project", "web site")
    call = await a_call_in(agent, "web site", 0.6)

    assert (await begin(agent, call))["answer"] == "ok"
    held = await begin(agent, await a_call_in(agent, "web site", 0.6))
    assert (held["answer"], held["scope"]) == ("wait", "project")
    for other in ("web", None):
        assert (await begin(agent, await a_call_in(agent, other, 0.6)))["answer"] == "ok"
    assert (await standing(agent))["project"] == (0, 0.6)

    assert await end(agent, call, 0.5) is True
    assert await end(agent, call, 0.5) is False
    assert (await standing(agent))["project"] == (0.5, 0)
    refused = await begin(agent, await a_call_in(agent, "web site", 0.6))
    assert refused["answer"] == "refused"
    assert "the cap of project web site is $1 a day: $0.500000 are spent" in refused["detail"]


async def test_a_new_cap_of_a_project_counts_what_was_spent(agent: Agent) -> None:
    call = await a_call_in(agent, "anonymous", 2)
    await begin(agent, call)
    await agent.connection.execute("update public.cogo_tasks set project = 'moved'")
    await end(agent, call, 1.5)

    stored = await cap(agent, 2, "project", "anonymous")

    assert float(stored["spent_usd"]) == 1.5
    refused = await begin(agent, await a_call_in(agent, "anonymous", 1))
    assert "the cap of project anonymous" in refused["detail"]


async def test_the_parent_of_calls_in_one_request_has_one_project(agent: Agent) -> None:
    await cap(agent, 1, "project", "web")
    calls = [await a_call_in(agent, project, 0.6) for project in ("web", None, "web")]

    rows = await agent.connection.fetch(
        "select * from public.cogo_begin_calls($1, $2)", agent.id, calls
    )

    assert [row["answer"] for row in rows] == ["ok", "ok", "wait"]


async def test_the_audit_log_keeps_the_project_and_tags_of_a_deleted_task(agent: Agent) -> None:
    labels = {"project": "web", "tags": ["a", "b"]}
    task_id = await insert_task(agent.connection, "sort", **labels)
    call = a_call(task_id=str(task_id), project="forged", tags=["forged"])
    await begin(agent, call)
    await agent.connection.execute("delete from public.cogo_tasks")

    await end(agent, call, 0.5)
    late = a_call(task_id=str(task_id))
    await end(agent, late, 0.5)

    read = "select project, tags from public.cogo_calls where id = $1"
    row = await agent.connection.fetchrow(read, UUID(call["id"]))
    assert row is not None and dict(row) == labels
    row = await agent.connection.fetchrow(read, UUID(late["id"]))
    assert row is not None and dict(row) == {"project": None, "tags": []}


@pytest.mark.parametrize("key", [None, "", " \t", "p" * 101, "p" * 1_000_000])
async def test_a_project_of_no_name_cannot_have_a_cap(agent: Agent, key: str | None) -> None:
    with pytest.raises(asyncpg.PostgresError, match="p_scope must be") as refused:
        await cap(agent, 1, "project", key)

    assert refused.value.sqlstate == "TQ004"


async def test_a_column_of_a_project_is_under_its_cap(columns: Columns) -> None:
    column_id = await columns.add(project=" web ")
    await columns.agent.connection.execute(
        "select from public.cogo_set_budget('project', 'web', 'day', 0.6)"
    )
    other = await insert_task(columns.agent.connection, "sort", project="web")
    call = a_call(usd=0.3, task_id=str(other))
    await begin(columns.agent, call)
    await end(columns.agent, call, 0.3)
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    await columns.settle()
    [task] = [each for each in await columns.open_tasks() if each["id"] != other]
    assert task["project"] == "web"
    flow = await claim_flow(columns.agent, task["id"])
    await answer(columns.agent, hand_over(flow, new_step("ask")))
    [lease] = await columns.agent.claim("model-a")
    refused = await begin(columns.agent, a_call(lease, 0.5))
    error = {"class": "spend_cap", "message": refused["detail"]}
    await columns.agent.fail(lease, "give_up", error=error)
    await columns.settle()

    row = await columns.column(column_id)
    assert row["project"] == "web"
    assert "the cap of project web" in row["paused_reason"]
    await columns.database.jump(timedelta(days=1))
    await columns.settle()
    assert (await columns.column(column_id))["paused_reason"] is None
