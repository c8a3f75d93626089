"""The migrations lead to the schema, and a database is upgraded while tasks are in flight."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from cogo.migrations import Migration, load_migrations, load_schema, migrate
from scripts.schema.catalogue import Snapshot, differences, read_catalogue
from scripts.schema.migration import Draft, apply_schemas, draft_between
from tests.db.laws import broken_laws
from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, insert_task, plan_task, step, task_of
from tests.support.sql.database import ALICE, Database
from tests.support.sql.flows import answer, claim_flow, new_step, start_flow, suspend
from tests.support.sql.later_schema import as_migration, later_schema, schema_now
from tests.support.sql.turns import answer_question, approvals, new_turn, question, store, wait

pytestmark = pytest.mark.db

RELEASED = [each for each in load_migrations() if each.version <= "20261128000100"]
"""The migrations of v0.1.0."""
_TABLES = """
    select c.oid::regclass::text as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('cogo', 'public') and c.relkind = 'r'
"""
BEFORE_TOOLS = [each for each in load_migrations() if each.version < "20261129093406"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The schema after all migrations, the schema now and a later one, with the way there."""

    migrated: str
    """A database with all migrations, to be copied."""
    road: Snapshot
    now: Snapshot
    later: Snapshot
    draft: Draft

    @property
    def migration(self) -> Migration:
        """Return the drafted migration."""
        return as_migration(self.draft)


@pytest.fixture(scope="module")
def upgrade(cluster: Cluster) -> Iterator[Upgrade]:
    migrated, now, later = (cluster.create() for _ in range(3))
    cluster.run(migrate(cluster.dsn("postgres", migrated), load_migrations()))
    cluster.run(apply_schemas(cluster.dsn("postgres", now), schema_now()))
    cluster.run(apply_schemas(cluster.dsn("postgres", later), later_schema()))
    road = cluster.create(template=migrated)
    snapshots = [
        cluster.run(read_catalogue(cluster.dsn("postgres", each))) for each in (road, now, later)
    ]
    draft = cluster.run(
        draft_between(cluster.dsn("postgres", road), cluster.dsn("postgres", later))
    )
    yield Upgrade(
        migrated=migrated, road=snapshots[0], now=snapshots[1], later=snapshots[2], draft=draft
    )
    for each in (migrated, now, later, road):
        cluster.drop(each)


@pytest.fixture
def live(cluster: Cluster, upgrade: Upgrade) -> Iterator[str]:
    """Yield a database with all migrations, which is upgraded."""
    name = cluster.create(template=upgrade.migrated)
    yield cluster.dsn("postgres", name)
    cluster.drop(name)


@pytest.fixture
def released(cluster: Cluster) -> Iterator[str]:
    """Yield a database with the migrations of v0.1.0."""
    name = cluster.create()
    cluster.run(migrate(cluster.dsn("postgres", name), RELEASED))
    yield cluster.dsn("postgres", name)
    cluster.drop(name)


@pytest.fixture
def without_tools(cluster: Cluster) -> Iterator[str]:
    """Yield a database in which models have no tools yet."""
    name = cluster.create()
    cluster.run(migrate(cluster.dsn("postgres", name), BEFORE_TOOLS))
    yield cluster.dsn("postgres", name)
    cluster.drop(name)


def test_the_migrations_lead_to_the_schema(upgrade: Upgrade) -> None:
    assert differences(upgrade.road, upgrade.now) == []
    assert all(upgrade.now[kind] for kind in upgrade.now.keys() - {"publication"})


async def test_a_new_database_gets_the_schema_in_place_of_the_migrations(
    cluster: Cluster, database_url: str, upgrade: Upgrade
) -> None:
    files, schema = load_migrations(), load_schema()
    assert schema is not None

    first = await migrate(database_url, files, schema=schema)
    second = await migrate(database_url, files, schema=schema)

    assert first.applied == tuple(each.version for each in files)
    assert (second.present, second.applied) == (first.applied, ())
    assert differences(await read_catalogue(database_url), upgrade.road) == []
    migrated = cluster.dsn("postgres", upgrade.migrated)
    assert await read_rows(database_url) == await read_rows(migrated)


async def read_rows(url: str) -> dict[str, object]:
    """Return the history, what the schema knows of it, and how many rows each table has."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(_TABLES)
        return {
            "history": await connection.fetch(
                "select * from supabase_migrations.schema_migrations order by version"
            ),
            "known": await connection.fetch("select version from public.cogo_schema_versions()"),
            **{
                row["name"]: await connection.fetchval(f"select count(*) from {row['name']}")  # noqa: S608
                for row in tables
            },
        }
    finally:
        await connection.close()


async def test_a_drafted_migration_leads_to_a_later_schema(upgrade: Upgrade, live: str) -> None:
    await migrate(live, [*load_migrations(), upgrade.migration])

    assert upgrade.draft.todos == []
    assert differences(await read_catalogue(live), upgrade.later) == []


async def test_a_task_in_flight_survives_an_upgrade(upgrade: Upgrade, live: str) -> None:
    async with AsyncExitStack() as stack:
        database = Database(live, stack)
        agent = Agent(await database.connect())
        task_id = await plan_task(agent)
        waiting_id = await insert_task(agent.connection)
        [lease] = await agent.claim("model-a")

        done = await migrate(live, [*load_migrations(), upgrade.migration])

        await database.jump(timedelta(seconds=1))
        assert done.applied == (upgrade.migration.version,)
        assert await agent.extend(lease, content="so far") == ["ok"]
        assert await agent.complete(lease) == "ok"
        assert (await task_of(agent, task_id))["status"] == "completed"
        assert (await task_of(agent, waiting_id))["labels"] == []
        [plan] = await agent.claim("cio")
        assert plan["task_id"] == waiting_id
        events = await agent.connection.fetch(
            "select seq from public.cogo_events where task_id = $1 order by seq", task_id
        )
        assert [row["seq"] for row in events] == list(range(1, len(events) + 1))


async def test_plans_in_flight_survive_the_upgrade_from_v0_1_0(released: str) -> None:
    async with AsyncExitStack() as stack:
        database = Database(released, stack)
        old, new = Agent(await database.connect(), "old"), Agent(await database.connect(), "new")
        executed = await plan_task(old)
        [step_lease] = await old.claim("model-a")
        planned, lost = [await insert_task(old.connection) for _ in range(2)]
        leases = {lease["task_id"]: lease for lease in await old.claim("cio")}
        failed = await insert_task(old.connection)
        [failing] = await old.claim("cio")
        await old.fail(failing, "give_up")
        waiting = await insert_task(old.connection)

        await migrate(released, load_migrations())

        # The agents of v0.1.0 still hold their leases, and complete what they know.
        assert await old.extend(leases[planned], step_lease) == ["ok", "ok"]
        assert await old.complete(leases[planned], plan={"subtasks": [step("code")]}) == "ok"
        assert await old.complete(step_lease) == "ok"
        [code] = await old.claim("model-a")
        assert await old.complete(code) == "ok"
        # What another agent takes over is a flow.
        await old.release(leases[lost])
        await new.connection.execute("select from public.cogo_redrive_task($1)", failed)
        flows = {lease["task_id"]: lease for lease in await new.claim("cio")}
        assert {lease["kind"] for lease in flows.values()} == {"flow"}
        assert set(flows) == {lost, failed, waiting}
        for lease in flows.values():
            assert await answer(new, suspend(lease, new_step("draft"))) == ("ok", None)
        for lease in await new.claim("model-a"):
            assert await new.complete(lease) == "ok"
        for lease in await new.claim("cio"):
            assert await new.complete(lease) == "ok"

        for task_id in (executed, planned, lost, failed, waiting):
            assert (await task_of(new, task_id))["status"] == "completed"
        assert await broken_laws(new.connection) == []


async def test_questions_and_grants_survive_the_upgrade_to_tools(without_tools: str) -> None:
    async with AsyncExitStack() as stack:
        agent = Agent(await Database(without_tools, stack).connect())
        planned = await plan_task(agent, step("code", needs_approval=True), owner=ALICE)
        asking = await start_flow(agent, new_step("sure", "approve"), columns={"owner": ALICE})
        grant = "select from public.cogo_set_grants($1, array['model-a'])"
        await agent.connection.execute(grant, ALICE)

        await migrate(without_tools, load_migrations())

        # The questions of before can be answered, and their steps go on.
        for asked in await approvals(agent.connection):
            assert asked["call_id"] is None
            await answer_question(agent.connection, asked)
        flow = await claim_flow(agent, asking)
        assert flow["tools_granted"] is None, "all tools, as before"
        assert await agent.complete(flow) == "ok"
        [code] = await agent.claim("model-a")
        # Its loop may ask in its turn, beside the question of before.
        assert await store(agent, code, new_turn(1)) == ("ok", None)
        assert await wait(agent, code, question("call_1")) == ("ok", None)
        *_, asked = await approvals(agent.connection)
        await answer_question(agent.connection, asked)
        [code] = await agent.claim("model-a")
        assert code["turns"] == 2
        assert await agent.complete(code) == "ok"
        granted = await agent.connection.fetchrow("select models, tools from public.cogo_grants()")

        assert tuple(granted or ()) == (["model-a"], None)
        for task_id in (planned, asking):
            assert (await task_of(agent, task_id))["status"] == "completed"
        assert await broken_laws(agent.connection) == []
