"""Where claims begin to read a lane, and what they would miss if they began too far behind."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.support.eventually import eventually
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

QUEUE = """
insert into cogo.subtasks (task_id, key, type, lane, status)
select $1, 'k' || n, 'CHAT', 'm', 'queued' from generate_series(1, $2::integer) n
"""


async def new_task(connection: Connection, owner: UUID) -> UUID:
    task_id: UUID = await connection.fetchval(
        "insert into public.cogo_tasks (prompt, owner) values ('x', $1) returning id", owner
    )
    return task_id


async def queue_up(connection: Connection, task_id: UUID, count: int) -> None:
    await connection.execute(QUEUE, task_id, count)
    await connection.execute(
        "insert into cogo.subtask_payloads (subtask_id)"
        " select id from cogo.subtasks where task_id = $1 on conflict do nothing",
        task_id,
    )


async def serve(agent: Agent, count: int) -> None:
    for _ in range(count):
        [lease] = await agent.claim("m", limit=1)
        assert await agent.complete(lease) == "ok"


async def head_of(agent: Agent) -> int:
    return int(await agent.connection.fetchval("select head from cogo.lane_clocks"))


async def entries_read(agent: Agent) -> int:
    await agent.connection.execute("select pg_stat_force_next_flush()")
    await agent.connection.execute("select pg_stat_clear_snapshot()")
    return int(
        await agent.connection.fetchval(
            "select sum(idx_tup_read) from pg_stat_user_indexes"
            " where relid = 'cogo.subtasks'::regclass"
        )
    )


@ONE_VERSION
async def test_claims_do_not_read_what_was_served_while_a_snapshot_is_held(
    database: Database, agent: Agent
) -> None:
    postgres = await database.connect("postgres")
    task_id = await new_task(postgres, ALICE)
    await queue_up(postgres, task_id, 600)
    holder = await database.connect("postgres")
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetchval("select count(*) from cogo.subtasks")
        for _ in range(2):
            await serve(agent, 200)
            # The head waits for transactions of other databases, too.
            await eventually(lambda: claims_read_few(agent), within=20, every=0.5)


async def claims_read_few(agent: Agent) -> bool:
    before = await entries_read(agent)
    await serve(agent, 1)
    assert await agent.claim("empty", limit=1) == []
    return await entries_read(agent) - before < 150


async def test_what_is_committed_late_is_claimed_next(database: Database, agent: Agent) -> None:
    postgres = await database.connect("postgres")
    late, early = await new_task(postgres, BOB), await new_task(postgres, ALICE)
    await queue_up(postgres, early, 150)
    await serve(agent, 30)
    writer = await database.connect("postgres")
    async with writer.transaction():
        await queue_up(writer, late, 1)
        await serve(agent, 100)

    [lease] = await agent.claim("m", limit=1)

    assert lease["task_id"] == late


async def test_what_an_old_snapshot_queued_is_found_half_a_minute_later(
    database: Database, agent: Agent
) -> None:
    postgres = await database.connect("postgres")
    late, early = await new_task(postgres, BOB), await new_task(postgres, ALICE)
    await queue_up(postgres, early, 260)
    writer = await database.connect("postgres")
    async with writer.transaction(isolation="repeatable_read"):
        await writer.fetchval("select count(*) from cogo.lane_clocks")
        await serve(agent, 200)
        await queue_up(writer, late, 1)
    turn = await postgres.fetchval(
        "select turn from cogo.subtasks where task_id = $1 and lane = 'm'", late
    )
    assert turn < await head_of(agent), "it is behind the head"
    assert (await agent.claim("m", limit=1))[0]["task_id"] == early

    await database.jump(timedelta(seconds=31))
    await agent.reap()

    assert (await agent.claim("m", limit=1))[0]["task_id"] == late


async def test_a_level_that_is_granted_later_is_before_the_head(
    database: Database, agent: Agent
) -> None:
    postgres = await database.connect("postgres")
    privileged, early = await new_task(postgres, BOB), await new_task(postgres, ALICE)
    await queue_up(postgres, early, 150)
    await serve(agent, 100)
    assert await head_of(agent) > 0

    await agent.connection.execute(
        "select from public.cogo_set_grants($1, null, null, p_priority => 0)", BOB
    )
    await postgres.execute(
        "insert into cogo.subtasks (task_id, key, type, lane, status, priority)"
        " values ($1, 'k', 'CHAT', 'm', 'queued', 0)", privileged,
    )  # fmt: skip
    await queue_up(postgres, privileged, 0)

    assert (await agent.claim("m", limit=1))[0]["task_id"] == privileged


async def test_a_lease_that_ends_before_all_others_is_found(
    database: Database, agent: Agent
) -> None:
    postgres = await database.connect("postgres")
    await queue_up(postgres, await new_task(postgres, ALICE), 3)
    await agent.claim("m", limit=1, lease_seconds=3600)
    [short] = await agent.claim("m", limit=1, lease_seconds=2)
    await database.jump(timedelta(seconds=3))

    await agent.claim("elsewhere", limit=1)

    again = await agent.claim("m")
    assert short["subtask_id"] in [lease["subtask_id"] for lease in again]


async def test_claims_look_for_expired_leases_when_one_can_have_expired(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    postgres = await database.connect("postgres")
    await queue_up(postgres, await new_task(postgres, ALICE), 2)
    next_look = "select next_expiry > cogo.now() from cogo.lease_clock"
    await agent.claim("m", limit=1)
    assert await agent.connection.fetchval(next_look)

    await database.jump(timedelta(seconds=16))

    assert not await agent.connection.fetchval(next_look)
    assert len(await other_agent.claim("m")) == 2
    assert await agent.connection.fetchval(next_look)
