"""A copy of a database runs nothing by itself until it is adopted; its origin always does."""

import asyncio
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from embedded.postgres.binaries import find_installation
from protocol.records.agents import Instance
from protocol.records.tasks import Task
from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, Row, insert_task
from tests.support.sql.columns import open_columns
from tests.support.sql.database import ALICE, Connection, Database, rows

pytestmark = pytest.mark.db

HOST = "acme.supabase.co"
COPY = "copy.supabase.co"
HOUR = timedelta(hours=1)


async def verify(agent: Agent, host: str = HOST, *, is_start: bool = False) -> str | None:
    row = await agent.connection.fetchrow(
        "select * from public.cogo_verify_instance($1, $2, $3)", agent.id, host, is_start
    )
    assert row is not None
    assert row["is_own"] is (row["reason"] is None)
    reason: str | None = row["reason"]
    return reason


async def adopt(agent: Agent, host: str = HOST) -> Row:
    [row] = rows(
        await agent.connection.fetch("select * from public.cogo_adopt_instance($1, 'ann')", host)
    )
    return row


async def state_of(agent: Agent, host: str | None = None) -> Row:
    [row] = rows(await agent.connection.fetch("select * from public.cogo_instance($1)", host))
    return row


async def problem(agent: Agent, host: str | None = None) -> str | None:
    found: str | None = await agent.connection.fetchval("select cogo.instance_problem($1)", host)
    return found


async def claimed(agent: Agent) -> list[object]:
    """Claim all that may run, for long."""
    return [each["task_id"] for each in await agent.claim("cio", lease_seconds=9999)]


async def restore_elsewhere(database: Database) -> None:
    """Make the row that of another server, as it is in a dump that was restored here."""
    owner = await database.connect("postgres")
    await owner.execute("update cogo.instance set system_identifier = '7/5'")


async def test_the_first_agent_adopts_and_everything_runs(database: Database, agent: Agent) -> None:
    assert await problem(agent) is None
    assert await problem(agent, HOST) is None

    assert await verify(agent, is_start=True) is None

    state = await state_of(agent, HOST)
    assert (state["hosts"], state["adopted_by"]) == ([HOST], agent.id)
    assert state["verified_until"] == database.now + timedelta(minutes=5)
    assert state["reason"] is state["scheduled_tasks"] is None
    later = await insert_task(agent.connection, run_at=database.now + HOUR)
    now = await insert_task(agent.connection)
    assert await claimed(agent) == [now]
    await database.jump(HOUR)
    assert await claimed(agent) == [later]


async def test_a_restored_dump_runs_nothing_that_came_with_it(
    database: Database, agent: Agent
) -> None:
    await verify(agent)
    queued = await insert_task(agent.connection)
    later = await insert_task(agent.connection, run_at=database.now + HOUR)
    await restore_elsewhere(database)

    # An agent of v0.1.0 does not verify, and is stopped too.
    assert await claimed(agent) == []
    assert HOST in (await verify(agent, COPY, is_start=True) or "")
    assert "cogo adopt" in (await verify(agent, HOST) or "")
    await database.jump(HOUR)
    await agent.reap()
    assert await claimed(agent) == []

    state = await state_of(agent, COPY)
    assert (state["waiting_tasks"], state["scheduled_tasks"], state["due_tasks"]) == (1, 0, 1)
    assert await adopt(agent, COPY) == {"hosts": [COPY], "is_new": True}
    assert await verify(agent, COPY) is None
    assert set(await claimed(agent)) == {queued, later}


async def test_a_copy_runs_what_a_person_submits_there_now(
    database: Database, agent: Agent
) -> None:
    await verify(agent)
    old = [await insert_task(agent.connection) for _ in range(3)]
    await restore_elsewhere(database)
    await verify(agent, COPY, is_start=True)

    new = await insert_task(agent.connection, owner=ALICE)
    scheduled = await insert_task(agent.connection, run_at=database.now + HOUR)

    assert await claimed(agent) == [new]
    await database.jump(HOUR)
    assert await claimed(agent) == []
    await adopt(agent, COPY)
    assert set(await claimed(agent)) == {*old, scheduled}


async def test_commands_say_of_the_same_tasks_that_they_wait(
    database: Database, agent: Agent
) -> None:
    plain = await insert_task(agent.connection)
    await insert_task(agent.connection, run_at=database.now + HOUR)
    following = await insert_task(agent.connection)
    owner = await database.connect("postgres")
    await owner.execute(
        "update public.cogo_tasks set previous_task_id = $1 where id = $2", plain, following
    )
    first = await owner.fetchval("select seq from public.cogo_tasks where id = $1", plain)
    held = []

    for inherited in (None, first - 1, first, first + 98):
        for row in rows(
            await owner.fetch(
                "select t.*, cogo.waits_for_adoption(t, $1::bigint) as waits"
                " from public.cogo_tasks t order by t.seq",
                inherited,
            )
        ):
            waits = row.pop("waits")
            assert Instance(inherited_to=inherited).must_hold(Task.model_validate(row)) is waits
            held.append(waits)

    assert held == [False] * 3 + [False, True, True] + [True] * 6


async def test_a_copy_does_not_repeat_tasks(database: Database, agent: Agent) -> None:
    await verify(agent)
    await restore_elsewhere(database)
    await verify(agent, COPY, is_start=True)
    await insert_task(agent.connection)
    [lease] = await agent.claim("cio")

    await agent.complete(lease, again={})

    assert await claimed(agent) == []
    await adopt(agent, COPY)
    assert len(await claimed(agent)) == 1


async def test_retries_in_a_copy_are_not_schedules(database: Database, agent: Agent) -> None:
    await verify(agent)
    await restore_elsewhere(database)
    await verify(agent, COPY, is_start=True)
    new = await insert_task(agent.connection)
    [lease] = await agent.claim("cio")
    await agent.fail(lease, after=60)

    await database.jump(timedelta(minutes=2))

    assert await claimed(agent) == [new]


async def test_an_agent_at_an_unknown_address_stops_a_physical_copy(
    database: Database, agent: Agent
) -> None:
    await verify(agent)
    await insert_task(agent.connection, run_at=database.now + HOUR)
    queued = await insert_task(agent.connection)

    # Seconds after the copy was made, so that the row is as fresh as that of its origin.
    reason = await verify(agent, COPY, is_start=True)

    assert COPY in (reason or "")
    assert HOST in (reason or "")
    assert await problem(agent) is not None
    assert await problem(agent, HOST) is not None
    assert await claimed(agent) == []
    assert (await adopt(agent, COPY))["hosts"] == [HOST, COPY]
    assert await claimed(agent) == [queued]


async def test_an_agent_at_a_known_address_clears_the_doubt(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    await verify(agent)
    queued = await insert_task(agent.connection)
    assert await verify(other_agent, "10.0.0.7", is_start=True) is not None
    assert await claimed(other_agent) == []

    assert await verify(agent) is None

    assert await verify(other_agent, "10.0.0.7") is not None
    assert await problem(agent) is None
    assert await claimed(other_agent) == [queued]
    assert await adopt(other_agent, "10.0.0.7") == {"hosts": [HOST, "10.0.0.7"], "is_new": True}
    assert await verify(other_agent, "10.0.0.7") is None
    assert await verify(agent) is None
    assert await adopt(agent, HOST) == {"hosts": [HOST, "10.0.0.7"], "is_new": False}


async def test_without_an_address_an_agent_must_have_verified_lately(
    database: Database, agent: Agent
) -> None:
    await verify(agent)
    await database.jump(timedelta(minutes=6))

    assert "lately" in (await problem(agent) or "")
    assert await problem(agent, HOST) is None
    # Such as agents of v0.1.0, to which one went back: they go on with what is scheduled.
    later = await insert_task(agent.connection, run_at=database.now + HOUR)
    await database.jump(HOUR)
    assert await claimed(agent) == [later]


async def test_rows_of_a_dump_beside_the_own_one_make_it_a_copy(
    database: Database, agent: Agent
) -> None:
    await verify(agent, COPY)
    owner = await database.connect("postgres")
    await owner.execute(
        "insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)"
        " values ('7/5', '{acme.supabase.co}', 'orchestrator-1', cogo.now() + '5 minutes')"
    )

    assert HOST in (await verify(agent, COPY) or "")
    assert await adopt(agent, COPY) == {"hosts": [COPY], "is_new": True}


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST.", "api.localhost"]
)
async def test_names_of_this_machine_are_one(agent: Agent, host: str) -> None:
    await verify(agent, "loopback")

    assert await verify(agent, host) is None


@pytest.mark.parametrize("host", ["localhost.example.com", "127.example.com", "1270.0.0.1"])
async def test_similar_names_are_others(agent: Agent, host: str) -> None:
    await verify(agent, "127.0.0.1")

    assert await verify(agent, host) is not None


async def test_rights_on_the_control_file_are_not_needed(
    cluster: Cluster, database: Database, agent: Agent, migrated: str
) -> None:
    change = "{} execute on function pg_catalog.pg_control_system() {} public"
    admin: Connection = await asyncpg.connect(cluster.dsn("supabase_admin", migrated))
    await admin.execute(change.format("revoke", "from"))
    try:
        assert await verify(agent) is None
        identifier = await agent.connection.fetchval("select cogo.read_system_identifier()")
        assert identifier.startswith("unknown/")
        assert await verify(agent, COPY) is not None
    finally:
        await admin.execute(change.format("grant", "to"))
        await admin.close()
    identifier = await agent.connection.fetchval("select cogo.read_system_identifier()")
    assert identifier[0].isdigit(), "what was not allowed is not remembered"


async def test_columns_of_a_copy_ask_for_nothing(database: Database, agent: Agent) -> None:
    async with open_columns(database) as columns:
        await columns.add()
        await verify(agent, "test.supabase.co")
        await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
        await restore_elsewhere(database)

        ran = await columns.run()

        assert "cogo adopt" in (ran["standing_still"] or "")
        assert await columns.open_tasks() == []
        shown = await agent.connection.fetchval("select standing_still from public.cogo_columns")
        assert shown == ran["standing_still"]
        state = await state_of(agent)
        assert [each["name"] for each in state["columns"]] == ["shop.tickets.summary"]
        await adopt(agent, "test.supabase.co")
        await columns.answer("short")
        written = await columns.owner.fetch("select summary from shop.tickets")
        assert [each["summary"] for each in written] == ["short", "short"]


async def test_users_do_not_see_it(database: Database) -> None:
    ann = await database.connect("authenticated", ALICE)
    for statement in (
        "select * from cogo.instance",
        "select * from public.cogo_instance('x')",
        "select * from public.cogo_verify_instance('x', 'x')",
        "select * from public.cogo_adopt_instance('x')",
        "select cogo.instance_problem()",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await ann.execute(statement)


async def test_a_dump_that_psql_restores_is_found_out(
    cluster: Cluster, migrated: str, database: Database, agent: Agent, other_database_url: str
) -> None:
    assert await verify(agent) is None
    queued = await insert_task(agent.connection)
    programs = find_installation(cluster.major).bin
    dump = await run_program(
        programs / "pg_dump", "--schema=cogo", "--schema=public", "--no-owner",
        cluster.dsn("postgres", migrated),
    )  # fmt: skip

    await run_program(programs / "psql", "--quiet", other_database_url, text=dump)

    async with AsyncExitStack() as stack:
        copy = Agent(await Database(other_database_url, stack).connect())
        assert await claimed(copy) == []
        assert HOST in (await verify(copy, HOST, is_start=True) or "")
        await adopt(copy, HOST)
        assert await claimed(copy) == [queued]
    assert await claimed(agent) == [queued]


async def run_program(program: Path, *arguments: str, text: bytes | None = None) -> bytes:
    """Run a program of Postgres; return what it wrote."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(text)
    assert process.returncode == 0, err
    return out
