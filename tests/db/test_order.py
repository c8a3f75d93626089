from uuid import UUID

import pytest

from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent, plan_task, step, task_of
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

LEVEL = 100
"""How many rounds a level of priority is worth."""


async def queue_up(
    database: Database, count: int, owner: UUID | None, *, priority: int = 5, lane: str = "m"
) -> None:
    """Queue subtasks of one owner in one task, as quickly as SQL can."""
    postgres = await database.connect("postgres")
    task_id = await postgres.fetchval(
        "insert into public.cogo_tasks (prompt, owner) values ('x', $1) returning id", owner
    )
    # Nobody listens here, and the history of such a task would take longer than the law.
    await postgres.execute("alter table cogo.subtasks disable trigger on_status_inserted")
    await postgres.execute(
        "with made as (insert into cogo.subtasks (task_id, key, type, lane, status, priority)"
        " select $1, 'k' || n, 'CHAT', $3, 'queued', $4 from generate_series(1, $2) n"
        " returning id)"
        " insert into cogo.subtask_payloads (subtask_id) select id from made",
        task_id,
        count,
        lane,
        priority,
    )
    await postgres.execute("alter table cogo.subtasks enable trigger on_status_inserted")
    await postgres.close()


async def owners_of(agent: Agent, *, claims: int, lane: str = "m") -> list[UUID | None]:
    """Return the owners of the next subtasks, claimed one at a time."""
    found = []
    for _ in range(claims):
        [lease] = await agent.claim(lane, limit=1)
        found.append(UUID(lease["task"]["owner"]) if lease["task"]["owner"] else None)
    return found


@pytest.mark.parametrize(("served", "priority"), [(0, 5), (7, 5), (0, 0), (7, 0)])
@ONE_VERSION
async def test_a_small_owner_is_served_among_the_first_behind_a_large_backlog_of_any_priority(
    database: Database, agent: Agent, served: int, priority: int
) -> None:
    await queue_up(database, 10_000, ALICE, priority=priority)
    await owners_of(agent, claims=served)

    await queue_up(database, 2, BOB)

    assert (await owners_of(agent, claims=6)).count(BOB) == 2


async def test_owners_with_backlogs_take_turns(database: Database, agent: Agent) -> None:
    for owner in (ALICE, BOB, None):
        await queue_up(database, 20, owner)

    served = await owners_of(agent, claims=12)

    assert [served.count(owner) for owner in (ALICE, BOB, None)] == [4, 4, 4]


@pytest.mark.parametrize("limit", [1, 4])
async def test_an_owner_has_no_more_turns_for_using_many_priorities(
    database: Database, agent: Agent, limit: int
) -> None:
    for priority in (5, 9, 0, 3):
        await queue_up(database, 20, ALICE, priority=priority)
    await queue_up(database, 20, BOB)

    leases = [lease for _ in range(24 // limit) for lease in await agent.claim("m", limit=limit)]

    served = [lease["task"]["owner"] for lease in leases]
    assert (served.count(str(ALICE)), served.count(str(BOB))) == (12, 12)
    assert {lease["priority"] for lease in leases if lease["task"]["owner"] == str(ALICE)} == {0}


@pytest.mark.parametrize(
    ("hold", "release"),
    [
        (
            "select from cogo_tasks t, public.cogo_pause_task(t.id) where t.owner = $1",
            "select from cogo_tasks t, public.cogo_resume_task(t.id) where t.owner = $1",
        ),
        ("select public.cogo_set_owner($1, true)", "select public.cogo_set_owner($1, false)"),
    ],
    ids=["task", "owner"],
)
async def test_subtasks_that_a_limit_held_back_do_not_pass_others(
    database: Database, agent: Agent, hold: str, release: str
) -> None:
    await queue_up(database, 50, ALICE)
    await agent.connection.execute(hold, ALICE)
    await queue_up(database, 60, BOB)
    await owners_of(agent, claims=60)

    await agent.connection.execute(release, ALICE)
    await queue_up(database, 2, BOB)

    assert (await owners_of(agent, claims=5)).count(BOB) == 2


async def test_a_granted_priority_counts_among_owners_until_it_is_taken_back(
    database: Database, agent: Agent
) -> None:
    set_priority = "select from public.cogo_set_grants($1, null, null, p_priority => $2)"
    await queue_up(database, 40, ALICE, priority=0)
    await queue_up(database, 40, BOB, priority=0)

    await agent.connection.execute(set_priority, BOB, 3)
    while_granted = await owners_of(agent, claims=10)
    await agent.connection.execute(set_priority, BOB, -1)
    afterwards = await owners_of(agent, claims=20)

    assert (while_granted.count(BOB), afterwards.count(BOB)) == (10, 5)


async def test_a_clock_does_not_pass_what_still_waits(database: Database, agent: Agent) -> None:
    await queue_up(database, 30, ALICE)

    await agent.connection.execute(
        "select cogo.advance_clock('m', max(turn - 100 * level)) from cogo.subtasks"
    )

    assert await agent.connection.fetchval("select round from cogo.lane_clocks") == 1


async def test_a_lane_is_not_passed_over_for_older_and_more_urgent_work_of_another(
    database: Database, agent: Agent
) -> None:
    await queue_up(database, 50, ALICE, lane="flooded", priority=0)
    await queue_up(database, 1, BOB, lane="quiet")

    lanes = [lease["lane"] for _ in range(2) for lease in await agent.claim(
        "flooded", "quiet", limit=1)]  # fmt: skip

    assert sorted(lanes) == ["flooded", "quiet"]


async def test_an_owner_who_returns_owes_nothing_for_what_was_done(
    database: Database, agent: Agent
) -> None:
    await queue_up(database, 40, ALICE)
    await owners_of(agent, claims=40)
    await queue_up(database, 4, BOB)

    await queue_up(database, 4, ALICE)

    assert sorted(map(str, await owners_of(agent, claims=4))) == sorted(
        map(str, [ALICE, ALICE, BOB, BOB])
    )


async def test_urgent_work_passes_a_backlog_of_the_same_owner(
    database: Database, agent: Agent
) -> None:
    await queue_up(database, 1_000, ALICE)
    await queue_up(database, 1, ALICE, priority=0)

    [lease] = await agent.claim("m", limit=1)

    assert lease["priority"] == 0


@ONE_VERSION
async def test_a_stream_of_urgent_subtasks_cannot_starve_what_is_not_urgent(
    database: Database, agent: Agent
) -> None:
    await queue_up(database, 1, ALICE, priority=1)
    passed = 0
    while True:
        await queue_up(database, 1, ALICE, priority=0)
        [lease] = await agent.claim("m", limit=1)
        if lease["priority"] == 1:
            break
        passed += 1
        assert passed <= LEVEL + 1, "the bound that docs/reference/database.md names"

    assert passed >= LEVEL - 2


async def test_a_retry_goes_to_the_head_of_its_line(database: Database, agent: Agent) -> None:
    await queue_up(database, 1_000, ALICE)
    [lease] = await agent.claim("m", limit=1)
    await agent.claim("m", limit=50)

    await agent.fail(lease, after=0)

    assert (await agent.claim("m", limit=1))[0]["subtask_id"] == lease["subtask_id"]


async def test_a_subtask_that_changes_lanes_lines_up_where_it_comes_to(agent: Agent) -> None:
    moved = await plan_task(agent, step("moved", lane="a"))
    for _ in range(3):
        await plan_task(agent, step("there", lane="b"))
    await agent.claim("b", limit=1)
    [lease] = await agent.claim("a")
    await agent.fail(lease, "reroute")
    [lease] = await agent.claim("cio")

    await agent.complete(lease, route={"lane": "b"})

    assert [lease["key"] for lease in await agent.claim("b")] == ["there", "there", "moved"]
    assert (await task_of(agent, moved))["status"] == "running"


async def test_an_agent_takes_from_its_lanes_in_turn(database: Database, agent: Agent) -> None:
    await queue_up(database, 100, ALICE, lane="long")
    await queue_up(database, 100, ALICE, lane="short")

    lanes = [lease["lane"] for lease in await agent.claim("long", "short", limit=10)]

    assert (lanes.count("long"), lanes.count("short")) == (5, 5)


@pytest.mark.parametrize("limited", [False, True])
async def test_the_cost_of_a_claim_does_not_depend_on_how_much_waits(
    database: Database, agent: Agent, limited: bool
) -> None:
    await queue_up(database, 20_000, ALICE)
    if limited:
        await agent.connection.execute("select public.cogo_set_owner($1, true)", ALICE)
        await queue_up(database, 2, BOB)
    postgres = await database.connect("postgres")
    await postgres.execute("analyze cogo.subtasks")
    # What this connection has read so far is counted when it says so, or up to a second later.
    await agent.connection.execute("select pg_stat_force_next_flush()")
    before = await rows_read(postgres)

    assert len(await agent.claim("m", limit=2)) == 2

    await agent.connection.execute("select pg_stat_force_next_flush()")
    assert await rows_read(postgres) - before < 500


async def rows_read(connection: Connection) -> int:
    await connection.execute("select pg_stat_force_next_flush()")
    await connection.execute("select pg_stat_clear_snapshot()")
    return int(
        await connection.fetchval(
            "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
            " where relid = 'cogo.subtasks'::regclass"
        )
    )
