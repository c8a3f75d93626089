"""Failures of Realtime, which cost a message and nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, plan_task, task_of
from tests.support.sql.database import Connection, Database

pytestmark = pytest.mark.db

Refuse = Callable[..., Awaitable[None]]

ENDS = ("SUBTASK_RESULT", "TASK_RESULT")
SEND_MORE = """
create or replace function realtime.send(
  payload jsonb, event text, topic text, private boolean default true
)
  returns void
  language sql
as $$
  insert into realtime.messages (payload, event, topic, private, extension)
  values (payload || '{"more": 1}', event, topic, private, 'broadcast')
$$
"""


async def finish(agent: Agent) -> object:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    assert await agent.complete(lease) == "ok"
    return (await task_of(agent, task_id))["status"]


async def told(owner: Connection) -> list[str]:
    found = await owner.fetch(
        "select event from realtime.messages where event = any ($1) order by event", list(ENDS)
    )
    return [row["event"] for row in found]


async def test_each_end_is_announced_on_two_topics(database: Database, agent: Agent) -> None:
    owner = await database.connect("postgres")

    assert await finish(agent) == "completed"

    assert await told(owner) == [ENDS[0], ENDS[0], ENDS[1], ENDS[1]]


@pytest.fixture
async def refuse(cluster: Cluster, migrated: str) -> AsyncIterator[Refuse]:
    """Yield a function that restricts realtime.messages to rows that meet a condition."""
    superuser = await asyncpg.connect(cluster.dsn("supabase_admin", migrated))
    send = await superuser.fetchval(
        "select pg_get_functiondef('realtime.send(jsonb, text, text, boolean)'::regprocedure)"
    )

    async def refuse_unless(condition: str, *more: str) -> None:
        await superuser.execute(
            f"alter table realtime.messages add constraint choosy check ({condition}) not valid"
        )
        for statement in more:
            await superuser.execute(statement)

    try:
        yield refuse_unless
    finally:
        await superuser.execute("alter table realtime.messages drop constraint if exists choosy")
        await superuser.execute(send)
        await superuser.close()


async def test_a_table_that_refuses_every_row_does_not_keep_a_task_from_its_end(
    database: Database, agent: Agent, refuse: Refuse
) -> None:
    await refuse("false")

    assert await finish(agent) == "completed"

    assert await told(await database.connect("postgres")) == []


async def test_where_the_rows_are_refused_realtime_send_is_asked(
    database: Database, agent: Agent, refuse: Refuse
) -> None:
    # As if a later Realtime wanted something in its rows that only its function knows.
    await refuse("payload ? 'more'", SEND_MORE)

    assert await finish(agent) == "completed"

    assert await told(await database.connect("postgres")) == [ENDS[0], ENDS[0], ENDS[1], ENDS[1]]
