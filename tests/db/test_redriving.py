# ruff: noqa: S608 -- the statements are put together from our own names.

import pytest

from tests.support.sql.agent import Agent, plan_task, step
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

TABLES = (
    "public.cogo_tasks",
    "cogo.subtasks",
    "cogo.events",
    "public.cogo_attempts",
    "realtime.messages",
)


async def everything(database: Database) -> dict[str, list[str]]:
    owner = await database.connect("postgres")
    return {
        table: [
            row["line"]
            for row in await owner.fetch(f"select t::text as line from {table} t order by 1")
        ]
        for table in TABLES
    }


@pytest.mark.parametrize("claimed_again", [False, True])
async def test_a_second_redrive_changes_nothing(
    database: Database, agent: Agent, claimed_again: bool
) -> None:
    task_id = await plan_task(agent, step("a"), step("b"), step("end", "a", "b"))
    [lease, _] = await agent.claim("model-a")
    await agent.fail(lease, "give_up")
    redrives = {
        "select from public.cogo_redrive_task($1)": task_id,
        "select from public.cogo_redrive_subtask($1)": lease["subtask_id"],
    }
    await agent.connection.execute("select from public.cogo_redrive_task($1)", task_id)
    if claimed_again:
        await agent.claim("model-a", limit=1)
    before = await everything(database)

    for statement, which in redrives.items():
        await agent.connection.execute(statement, which)

    assert await everything(database) == before
