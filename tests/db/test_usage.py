"""What calls have used and cost, summed by day, model, owner, project, ..."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, Row, insert_task, plan_task
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

NOBODY = UUID(int=0)
FIGURES = {
    "input_tokens": 10, "cached_tokens": 4, "cache_write_tokens": 2, "output_tokens": 6,
    "reasoning_tokens": 1,
}  # fmt: skip


async def usage(connection: Connection, **asked: Any) -> list[Row]:
    """Sum calls, by default those until now."""
    if "until" not in asked:  # the clock of tests stands still
        asked["until"] = await connection.fetchval("select cogo.now() + interval '1 second'")
    names = ", ".join(f"p_{name} => ${place}" for place, name in enumerate(asked, 1))
    found: Row = await connection.fetchval(
        f"select public.cogo_usage({names})",
        *asked.values(),
    )
    return list(found["rows"])


async def call(agent: Agent, cost: float | None, outcome: str = "completed", **fields: Any) -> Row:
    made = a_call(usd=1) | fields
    assert (await begin(agent, made))["answer"] == "ok"
    assert await end(agent, made | FIGURES, cost, outcome)
    return made


async def call_for(agent: Agent, cost: float | None, **columns: Any) -> UUID:
    task_id: UUID = await insert_task(agent.connection, **columns)
    owner = columns.get("owner")
    await call(agent, cost, task_id=str(task_id), owner=owner and str(owner))
    return task_id


async def test_each_figure_is_that_of_the_audit_log(agent: Agent) -> None:
    for cost, first, duration in ((1.5, 100, 1000), (0.5, 300, 3000)):
        await call(agent, cost, first_token_ms=first, duration_ms=duration)
    await call(agent, 0, "failed", first_token_ms=9, duration_ms=9)
    await call(agent, 0, "cached", first_token_ms=9, duration_ms=9)

    [row] = await usage(agent.connection)

    assert row == {
        "bucket": "2026-03-01", "tasks": 0, "calls": 4, "failed": 1, "cost_usd": 2.0,
        "unknown_costs": 0, "simulated": False, "first_token_ms_p50": 200,
        "first_token_ms_p95": 290, "duration_ms_p50": 5, "duration_ms_p95": 5,
    } | {name: 4 * number for name, number in FIGURES.items()}  # fmt: skip


async def test_an_unknown_cost_is_counted_and_never_0(agent: Agent) -> None:
    await call(agent, 2)
    await call(agent, None)
    await call(agent, None, model_id="model-b")

    rows = await usage(agent.connection, by=["model"])

    assert [(row["model"], row["cost_usd"], row["unknown_costs"]) for row in rows] == [
        ("model-a", 2, 1),
        ("model-b", None, 1),
    ]


async def test_simulated_calls_have_rows_of_their_own(agent: Agent) -> None:
    await call(agent, 2)
    await call(agent, 3, simulated=True)

    rows = await usage(agent.connection)

    assert [(row["simulated"], row["cost_usd"]) for row in rows] == [(False, 2), (True, 0)]


async def test_a_report_that_comes_late_replaces_what_was_lost_on_the_day_of_the_call(
    database: Database, agent: Agent
) -> None:
    await database.jump(timedelta(hours=11, minutes=59))
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    late, lost = a_call(lease), a_call(lease)
    for each in (late, lost):
        assert (await begin(agent, each))["answer"] == "ok"
    await database.jump(timedelta(minutes=2))
    await agent.reap()
    before = await usage(agent.connection)
    await database.jump(timedelta(days=1))

    assert await end(agent, late, 0.25)

    [row] = await usage(agent.connection, since=datetime(2026, 2, 1, tzinfo=UTC))
    [day] = await agent.connection.fetch("select * from public.cogo_usage")
    assert [(each["bucket"], each["calls"], each["failed"]) for each in before] == [
        ("2026-03-01", 2, 2)
    ]
    assert before[0]["cost_usd"] is None
    assert (row["bucket"], row["calls"], row["failed"]) == ("2026-03-01", 2, 1)
    assert (row["cost_usd"], row["unknown_costs"]) == (0.25, 1)
    assert (str(day["day"]), day["calls"], day["cost_usd"]) == ("2026-03-01", 2, Decimal("0.25"))
    assert (day["failed"], day["unpriced"]) == (0, 1)


async def test_days_and_months_are_those_of_the_zone_and_hours_begin_in_utc(
    database: Database, agent: Agent
) -> None:
    # New York: 2026-02-28 23:30, then 2026-03-01 00:30.
    await database.jump(datetime(2026, 3, 1, 4, 30, tzinfo=UTC) - database.now)
    await call(agent, 1)
    await database.jump(timedelta(hours=1))
    await call(agent, 2)
    await database.jump(timedelta(hours=1))

    async def buckets(bucket: str, zone: str) -> dict[str, int]:
        rows = await usage(agent.connection, bucket=bucket, zone=zone)
        return {row["bucket"]: row["cost_usd"] for row in rows}

    assert await buckets("day", "America/New_York") == {"2026-02-28": 1, "2026-03-01": 2}
    assert await buckets("month", "America/New_York") == {"2026-02": 1, "2026-03": 2}
    assert await buckets("day", "UTC") == {"2026-03-01": 3}
    assert await buckets("all", "UTC") == {None: 3}
    week = {"since": database.now - timedelta(days=7), "bucket": "hour"}
    for zone, hours in {
        "UTC": ["2026-03-01T04:00Z", "2026-03-01T05:00Z"],
        "Asia/Kolkata": ["2026-03-01T04:30Z", "2026-03-01T05:30Z"],
    }.items():
        rows = await usage(agent.connection, **week, zone=zone)
        assert [row["bucket"] for row in rows] == hours


async def test_a_day_on_which_clocks_change_has_23_hours_of_calls(
    database: Database, agent: Agent
) -> None:
    await database.jump(datetime(2026, 3, 29, 21, 59, tzinfo=UTC) - database.now)
    await call(agent, 1)
    await database.jump(timedelta(minutes=2))
    await call(agent, 2)
    await database.jump(timedelta(minutes=1))

    rows = await usage(agent.connection, zone="Europe/Berlin")

    assert [(row["bucket"], row["cost_usd"]) for row in rows] == [
        ("2026-03-29", 1), ("2026-03-30", 2),
    ]  # fmt: skip


async def test_a_period_begins_with_a_whole_day_and_ends_before_its_end(
    database: Database, agent: Agent
) -> None:
    begun = database.now
    for cost in (1, 2, 4):
        await call(agent, cost)
        await database.jump(timedelta(days=1))

    async def sum_costs(**asked: Any) -> int:
        return sum(row["cost_usd"] for row in await usage(agent.connection, **asked))

    later = begun + timedelta(hours=3)
    assert await sum_costs(since=later) == 7
    assert await sum_costs(since=later, bucket="all") == 6
    assert await sum_costs(since=begun, until=begun + timedelta(days=2)) == 3
    assert await sum_costs(until=begun) == 0


async def test_calls_are_grouped_by_what_is_known_of_their_tasks(agent: Agent) -> None:
    await call_for(agent, 1, type="CHAT", project="web", tags=["a", "b"], owner=ALICE)
    await call_for(agent, 2, type="CHAT", project="web", tags=["b"], owner=BOB)
    gone = await call_for(agent, 4, type="TRANSLATE", project="shop")
    await agent.connection.execute("delete from public.cogo_tasks where id = $1", gone)

    async def costs(*keys: str, **asked: Any) -> dict[Any, Any]:
        rows = await usage(agent.connection, by=list(keys), bucket="all", **asked)
        return {tuple(row[key] for key in keys): row["cost_usd"] for row in rows}

    assert await costs("tag") == {("b",): 3, ("a",): 1, (None,): 4}
    assert await costs("owner") == {(str(ALICE),): 1, (str(BOB),): 2, (None,): 4}
    assert await costs("model", "provider") == {("model-a", "acme"): 7}
    assert (await costs("type"))[("CHAT",)] == 3
    assert await costs("project") == {("web",): 3, ("shop",): 4}
    assert await costs("owner", project="web") == {(str(ALICE),): 1, (str(BOB),): 2}
    assert await costs(owner=ALICE) == {(): 1}
    assert await costs(owner=NOBODY) == {(): 4}
    assert await costs(model="model-b") == {}
    assert await costs(provider="acme") == {(): 7}


async def test_a_task_is_counted_once_in_each_row(agent: Agent) -> None:
    task_id = await call_for(agent, 1)
    for model in ("model-a", "model-b"):
        await call(agent, 1, task_id=str(task_id), model_id=model)

    [whole] = await usage(agent.connection)
    by_model = await usage(agent.connection, by=["model"])

    assert (whole["tasks"], whole["calls"]) == (1, 3)
    assert [(row["model"], row["tasks"]) for row in by_model] == [("model-a", 1), ("model-b", 1)]


async def test_a_gateway_asks_for_somebody_and_their_projects(agent: Agent) -> None:
    await call_for(agent, 1, owner=ALICE, project="web")
    await call_for(agent, 2, owner=ALICE)
    await call_for(agent, 4, owner=BOB, project="web")
    await call_for(agent, 8, project="shop")

    async def seen(**visible: Any) -> int:
        nobody: Row = {"owner": None, "every_owner": False, "projects": [], "only_project": None}
        rows = await usage(agent.connection, visible=nobody | visible)
        return sum(row["cost_usd"] for row in rows)

    assert await seen(owner=str(ALICE)) == 3
    assert await seen(owner=str(ALICE), projects=["web"]) == 7
    assert await seen(owner=str(ALICE), only_project="web") == 1
    assert await seen(owner=str(ALICE), projects=["web"], only_project="shop") == 0
    assert await seen() == 8
    assert await seen(every_owner=True) == 15
    assert await seen(every_owner=True, only_project="shop") == 8
    assert await usage(agent.connection, visible={}) == await usage(agent.connection, owner=NOBODY)


async def test_users_sum_their_own_calls(database: Database, agent: Agent) -> None:
    await call_for(agent, 1, owner=ALICE, type="CHAT")
    await call_for(agent, 2, owner=BOB)
    alice = await database.connect("authenticated", ALICE)

    rows = await usage(alice, by=["type"], owner=ALICE)

    assert [(row["type"], row["cost_usd"]) for row in rows] == [("CHAT", 1)]
    assert await usage(alice, owner=BOB, visible={"every_owner": True}) == []


async def test_members_sum_the_calls_of_their_projects_too(
    database: Database, agent: Agent
) -> None:
    await call_for(agent, 1, owner=ALICE)
    await call_for(agent, 2, owner=BOB, project="web")
    await call_for(agent, 4, owner=BOB)
    await agent.connection.execute(
        "select public.cogo_set_project_member('web', $1, 'viewer')", ALICE
    )
    alice = await database.connect("authenticated", ALICE)

    rows = await usage(alice, by=["project"])

    assert {row["project"]: row["cost_usd"] for row in rows} == {None: 1, "web": 2}


@pytest.mark.parametrize(
    "asked",
    [
        {"bucket": "week"},
        {"bucket": None},
        {"by": ["prompt"]},
        {"by": [None]},
        {"by": ["model", "type", "tag"]},
        {"zone": "Europe/Nowhere"},
        {"zone": ""},
        {"zone": None},
        {"since": datetime(2026, 4, 1, tzinfo=UTC)},
        {"since": datetime(2026, 1, 1, tzinfo=UTC), "bucket": "hour"},
    ],
)
async def test_what_cannot_be_meant_is_refused(agent: Agent, asked: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        await usage(agent.connection, **asked)

    assert caught.value.sqlstate == "TQ004"
