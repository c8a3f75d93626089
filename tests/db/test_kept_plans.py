"""Cached query plans, which must stay good when the queue has grown."""

from contextlib import AsyncExitStack

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, insert_task, plan_task, step
from tests.support.sql.database import Database, apply_migrations
from tests.support.sql.turns import new_turn, question, read_turns, store, wait

pytestmark = pytest.mark.db

DONE = 3_000
FILL = """
with tasks as (
  insert into public.cogo_tasks (prompt, status, started_at, finished_at, result)
  select 'done', 'completed', now(), now(), '{}' from generate_series(1, $1::integer)
  returning id
), told as (
  insert into cogo.events (task_id, seq, kind) select id, 1, 'task.completed' from tasks
), made as (
  insert into cogo.subtasks (task_id, key, type, lane, status, attempt, finished_at)
  select id, 'code', 'GENERATE_CODE', 'model-a', 'completed', 1, now() from tasks
  returning id, task_id
), given as (
  insert into cogo.subtask_outputs (subtask_id, attempt, output) select id, 1, '{}' from made
), said as (
  insert into cogo.turns (subtask_id, seq, kind, attempt, body)
  select id, 1, 'answer', 1, '{}' from made
), called as (
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, agent_id, model_id, provider, started_at, ended_at
  )
  select gen_random_uuid(), 'completed', task_id, id, 1, 'executor-1', 'm', 'p', now(), now()
    from made
)
insert into public.cogo_attempts (subtask_id, attempt, task_id, agent_id, lane, ended_at, outcome)
select id, 1, task_id, 'executor-1', 'model-a', now(), 'completed' from made
"""
INSERT = """
insert into cogo.subtasks (task_id, key, type, lane, status)
select $1, 'k' || n, 'CHAT', 'm', 'queued' from generate_series(1, $2::integer) as n
"""
READ = """
select coalesce(sum(idx_tup_read), 0)::bigint
       + (select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables)
  from pg_stat_user_indexes
"""


async def life(agent: Agent) -> None:
    """Plan a fan-out and a fan-in, and do all of it."""
    middle = [step(f"middle {n}", "first") for n in range(3)]
    await plan_task(agent, step("first"), *middle, step("last", *(each["key"] for each in middle)))
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "retry", after=0)
    [lease] = await agent.claim("model-a")
    assert await agent.extend(lease, content="so far") == ["ok"]
    call = a_call(lease)
    await begin(agent, call)
    await end(agent, call, 0.5)
    assert await store(agent, lease, new_turn(1)) == ("ok", None)
    await agent.release(lease, died=True)
    [lease] = await agent.claim("model-a")
    assert len(await read_turns(agent, lease)) == 1
    assert await wait(agent, lease, question("call_1")) == ("ok", None)
    await agent.connection.execute(
        "select x.id from public.cogo_approvals a, public.cogo_answer_approval(a.id, true) x"
        " where a.subtask_id = $1", lease["subtask_id"],
    )  # fmt: skip
    for _ in range(3):
        for lease in await agent.claim("model-a"):
            assert await agent.complete(lease) == "ok"
    assert await agent.claim("model-a") == []


async def test_thousands_that_come_at_once_to_an_empty_queue_do_not_read_each_other(
    database: Database,
) -> None:
    owner = await database.connect("postgres")
    await owner.execute("vacuum analyze cogo.subtasks")  # now it is known to be empty

    async def read() -> int:
        await owner.execute("select pg_stat_force_next_flush()")
        return int(await owner.fetchval(READ))

    before = await read()
    task_id = await insert_task(owner)
    await owner.execute(INSERT, task_id, DONE)

    assert await read() - before < 20 * DONE


@pytest.mark.parametrize("few", [0, 300])
async def test_no_plan_of_a_young_queue_reads_all_that_is_done_later(
    cluster: Cluster, database_url: str, few: int
) -> None:
    await apply_migrations(database_url)
    superuser = await asyncpg.connect(
        cluster.dsn("supabase_admin", database_url.rpartition("/")[2])
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(superuser.close)
        agent = Agent(await Database(database_url, stack).connect())
        # Without triggers, and without altering a table: that would throw the plans away.
        await superuser.execute("set session_replication_role = replica")
        await superuser.execute(FILL, few)
        await life(agent)
        await superuser.execute(FILL, DONE)

        async def read() -> int:
            await agent.connection.execute("select pg_stat_force_next_flush()")
            await agent.connection.execute("select 1")
            return int(await superuser.fetchval(READ))

        before = await read()
        await life(agent)
        tuples = await read() - before

    assert tuples < DONE, "something was read from end to end"
