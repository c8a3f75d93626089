import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end, standing
from tests.support.sql.agent import Agent, plan_task, step
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db


async def a_lease(agent: Agent) -> dict[str, Any]:
    await plan_task(agent)
    [lease] = await agent.claim("model-a", limit=1)
    return lease


@pytest.mark.parametrize(
    ("scope", "key", "other"),
    [
        ("total", None, {}),
        ("provider", "acme", {"provider": "other"}),
        ("owner", str(ALICE), {"owner": str(BOB)}),
        ("owner", "*", {"owner": str(BOB)}),
        ("owner", "*", {"owner": None}),
    ],
)
async def test_a_cap_holds_what_it_names_and_nothing_else(
    agent: Agent, scope: str, key: str | None, other: dict[str, Any]
) -> None:
    await cap(agent, 1, scope, key)
    call = a_call(owner=str(ALICE), usd=0.6)

    assert (await begin(agent, call))["answer"] == "ok"
    assert (await begin(agent, call))["answer"] == "ok"
    held = await begin(agent, a_call(owner=str(ALICE), usd=0.6))
    assert (held["answer"], held["scope"]) == ("wait", scope)
    if other:
        elsewhere = a_call(usd=0.6, **({"owner": str(ALICE)} | other))
        assert (await begin(agent, elsewhere))["answer"] == "ok"

    assert await end(agent, call, 0.5) is True
    assert await end(agent, call, 0.5) is False
    refused = await begin(agent, a_call(owner=str(ALICE), usd=0.6))
    assert refused["answer"] == "refused"
    assert "$0.500000 are left" in refused["detail"]
    assert refused["resets_at"] is not None
    assert (await begin(agent, a_call(owner=str(ALICE), usd=0.5)))["answer"] == "ok"


async def test_the_default_cap_ends_where_operators_name_an_owner(agent: Agent) -> None:
    await cap(agent, 1, "owner", "*")
    asked = a_call(owner=str(ALICE), usd=2)
    assert (await begin(agent, asked))["answer"] == "refused"
    assert (await begin(agent, a_call(usd=2)))["answer"] == "ok", "operators' own"

    await cap(agent, 5, "owner", str(ALICE), "month")
    named = await begin(agent, asked)
    await agent.connection.execute(
        "select from public.cogo_remove_budget('owner', $1, 'month')", str(ALICE)
    )
    forgotten = await begin(agent, a_call(owner=str(ALICE), usd=2))
    await agent.connection.execute("select from public.cogo_remove_budget('owner', '*', 'day')")

    assert (named["answer"], forgotten["answer"]) == ("ok", "refused")
    assert (await begin(agent, a_call(owner=str(ALICE), usd=2)))["answer"] == "ok"
    assert await standing(agent) == {}


async def test_a_default_cap_that_changes_holds_for_those_who_have_it(agent: Agent) -> None:
    await cap(agent, 1, "owner", "*")
    spent = a_call(owner=str(ALICE), usd=0.9)
    await begin(agent, spent)
    await end(agent, spent, 0.9)

    await cap(agent, 2, "owner", "*")

    assert (await begin(agent, a_call(owner=str(ALICE), usd=1)))["answer"] == "ok"
    assert (await begin(agent, a_call(owner=str(ALICE), usd=0.2)))["answer"] == "wait"


@pytest.mark.parametrize("key", ["*", "anonymous"])
async def test_anonymous_sign_ins_share_one_cap(database: Database, agent: Agent, key: str) -> None:
    admin = await database.connect("postgres")
    guests = [uuid4(), uuid4()]
    await admin.executemany(
        "insert into auth.users (id, is_anonymous) values ($1, true)", [(each,) for each in guests]
    )
    await cap(agent, 1, "owner", key)
    first = a_call(owner=str(guests[0]), usd=0.6)

    assert (await begin(agent, first))["answer"] == "ok"
    held = await begin(agent, a_call(owner=str(guests[1]), usd=0.6))
    await end(agent, first, 0.6)
    refused = await begin(agent, a_call(owner=str(guests[1]), usd=0.6))

    assert (held["answer"], refused["answer"]) == ("wait", "refused")
    assert "all anonymous sign-ins share" in refused["detail"]
    assert (await begin(agent, a_call(owner=str(ALICE), usd=0.6)))["answer"] == "ok"
    await admin.execute("delete from auth.users where id = any ($1)", guests)


async def test_the_cap_on_tasks_without_an_owner_is_called_that(agent: Agent) -> None:
    await cap(agent, 1, "owner", None)

    refused = await begin(agent, a_call(usd=2))

    assert refused["detail"].startswith("the cap on tasks without an owner is $1")


async def test_a_budget_of_a_task_counts_all_its_calls(agent: Agent) -> None:
    await plan_task(agent, step("a"), step("b"), step("end", "a", "b"), budget_usd=1)
    first, second = await agent.claim("model-a")
    for lease, cost in ((first, 0.4), (first, 0.3)):
        call = a_call(lease, 0.5)
        assert (await begin(agent, call))["answer"] == "ok"
        assert await end(agent, call, cost)

    refused = await begin(agent, a_call(second, 0.5))

    assert (refused["answer"], refused["scope"], refused["resets_at"]) == ("refused", "task", None)
    assert refused["detail"].endswith("a budget of $1.200000 would be enough")
    assert (await begin(agent, a_call(second, 0.3)))["answer"] == "ok"


@pytest.mark.parametrize("owner", [None, ALICE])
async def test_fifty_calls_at_once_never_exceed_a_cap(
    database: Database, owner: UUID | None
) -> None:
    agents = [Agent(await database.connect(), f"executor-{n}") for n in range(8)]
    if owner is None:
        await cap(agents[0], 1)
        await cap(agents[0], 1, "provider", "acme")
    else:
        await cap(agents[0], 1, "owner", "*")
    for _ in range(50):
        await plan_task(agents[0], owner=owner)
    leases = [(agent, lease) for agent in agents for lease in await agent.claim(
        "model-a", limit=7)]  # fmt: skip
    assert len(leases) == 50
    most = 0.0

    async def one_after_the_other(agent: Agent) -> float:
        nonlocal most
        spent = 0.0
        for mine, lease in leases:
            if mine is not agent:
                continue
            call = a_call(lease, 0.1)
            if (await begin(agent, call))["answer"] != "ok":
                continue
            sums = await standing(agent)
            most = max(most, *(sum(each) for each in sums.values()))
            await end(agent, call, 0.08)
            spent += 0.08
        return spent

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one_after_the_other(agent)) for agent in agents]

    spent = sum(each.result() for each in running)
    assert 0.9 < spent <= 1
    assert most <= 1
    for done, reserved in (await standing(agents[0])).values():
        assert done == pytest.approx(spent)
        assert reserved == 0


@pytest.mark.parametrize("how", ["reaped", "released", "died", "cancelled"])
async def test_a_reservation_of_a_vanished_holder_is_free_again(
    database: Database, agent: Agent, how: str
) -> None:
    await cap(agent, 1)
    lease = await a_lease(agent)
    call = a_call(lease, 1)
    assert (await begin(agent, call))["answer"] == "ok"

    match how:
        case "reaped":
            await database.jump(timedelta(seconds=16))
            assert (await agent.reap())["reaped"] == 1
        case "cancelled":
            await agent.connection.execute(
                "select from public.cogo_cancel_task($1)", lease["task_id"]
            )
            assert await agent.complete(lease) == "closed"
        case _:
            assert await agent.release(lease, died=how == "died") == ["ok"]

    assert await standing(agent) == {"total": (0, 0)}
    row = await agent.connection.fetchrow("select outcome, cost_usd from public.cogo_calls")
    assert tuple(row or ()) == ("lost", None)
    assert (await begin(agent, a_call(lease, 1)))["answer"] == "stale"


async def test_a_holder_that_comes_back_late_still_pays(agent: Agent) -> None:
    await cap(agent, 1)
    lease = await a_lease(agent)
    call = a_call(lease, 1)
    await begin(agent, call)
    await agent.release(lease)

    assert await end(agent, call, 0.7, "cancelled") is True

    assert await standing(agent) == {"total": (0.7, 0)}


async def test_a_simulated_call_spends_and_reserves_nothing_whatever_becomes_of_it(
    agent: Agent, database: Database
) -> None:
    await agent.connection.execute(
        "select from public.cogo_record_agent($1)",
        {"id": agent.id, "kind": "executor", "details": {"simulated": True}},
    )
    await cap(agent, 0)
    await plan_task(agent, step("a"), step("b"), step("end", "a", "b"), budget_usd=0)
    first, second = await agent.claim("model-a")
    lost, ended = (
        a_call(lease, usd, simulated=True) for lease, usd in ((first, 5), (second, None))
    )

    assert [(await begin(agent, call))["answer"] for call in (lost, ended)] == ["ok", "ok"]
    assert await standing(agent) == {"total": (0, 0)}
    assert await end(agent, ended, 3)
    await database.jump(timedelta(seconds=16))
    await agent.reap()

    calls = await agent.connection.fetch("select outcome, cost_usd, simulated from cogo_calls")
    assert {tuple(row) for row in calls} == {("lost", 0, True), ("completed", 0, True)}
    assert await standing(agent) == {"total": (0, 0)}
    [task] = await agent.connection.fetch("select cost_usd, simulated from cogo_tasks")
    assert tuple(task) == (0, True)


async def test_an_unknown_price_is_refused_where_a_cap_holds_unless_allowed(agent: Agent) -> None:
    assert (await begin(agent, a_call(usd=None)))["answer"] == "ok"
    await cap(agent, 1)
    refused = await begin(agent, a_call(usd=None))
    assert refused["answer"] == "refused"
    assert "--allow-unpriced" in refused["detail"]

    await cap(agent, 1, allow_unpriced=True)

    assert (await begin(agent, a_call(usd=None)))["answer"] == "ok"


async def test_a_cap_counts_its_period_and_starts_again(database: Database, agent: Agent) -> None:
    for per in ("day", "month", "ever"):
        call = a_call(usd=1)
        await begin(agent, call)
        await end(agent, call, 1)
        await cap(agent, 5, per=per)
    found = await agent.connection.fetch("select * from public.cogo_budgets()")
    assert {row["per"]: float(row["spent_usd"]) for row in found} == {
        "day": 3, "month": 3, "ever": 3,
    }  # fmt: skip

    await database.jump(timedelta(days=1))

    found = await agent.connection.fetch("select * from public.cogo_budgets()")
    assert {row["per"]: float(row["spent_usd"]) for row in found} == {
        "day": 0, "month": 3, "ever": 3,
    }  # fmt: skip
    call = a_call(usd=2)
    assert (await begin(agent, call))["answer"] == "ok"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
async def test_days_and_months_are_those_of_utc_in_a_session_of_any_time_zone(
    database: Database, agent: Agent, zone: str
) -> None:
    # The last hour of a day of UTC, and of a month; New York's clocks change a week later.
    await database.jump(datetime(2026, 2, 28, 23, 30, tzinfo=UTC) - database.now)
    await agent.connection.execute("select set_config('timezone', $1, false)", zone)
    for per in ("day", "month"):
        await cap(agent, 1, per=per)
    spent = a_call(usd=1)
    await begin(agent, spent)
    await end(agent, spent, 1)

    before = await agent.connection.fetch("select * from public.cogo_budgets() order by per")
    refused = await begin(agent, a_call(usd=1))
    await database.jump(timedelta(hours=1))
    after = await agent.connection.fetch("select * from public.cogo_budgets() order by per")
    allowed = await begin(agent, a_call(usd=1))
    days = await agent.connection.fetch("select day from public.cogo_usage")

    march = datetime(2026, 3, 1, tzinfo=UTC)
    assert [(row["spent_usd"], row["resets_at"]) for row in before] == [(1, march)] * 2
    assert (refused["answer"], refused["resets_at"]) == ("refused", march)
    assert [(row["spent_usd"], row["resets_at"]) for row in after] == [
        (0, datetime(2026, 3, 2, tzinfo=UTC)), (0, datetime(2026, 4, 1, tzinfo=UTC)),
    ]  # fmt: skip
    assert allowed["answer"] == "ok"
    assert [row["day"] for row in days] == [date(2026, 2, 28)]


async def test_a_call_that_costs_all_that_is_left_is_made_or_waits_for_what_runs(
    agent: Agent,
) -> None:
    await cap(agent, 1)
    running = a_call(usd=0.4)
    assert (await begin(agent, running))["answer"] == "ok"

    waits = await begin(agent, a_call(usd=1))
    fits = await begin(agent, a_call(usd=0.6))
    too_much = await begin(agent, a_call(usd=1.000001))

    assert (waits["answer"], fits["answer"], too_much["answer"]) == ("wait", "ok", "refused")


@pytest.mark.parametrize(
    ("scope", "key", "per", "limit"),
    [
        ("total", "x", "day", 1),
        ("owner", "nobody", "day", 1),
        ("provider", None, "day", 1),
        ("team", "x", "day", 1),
        ("total", None, "week", 1),
        ("total", None, "day", -1),
        ("total", None, "day", float("nan")),
        ("total", None, "day", float("inf")),
    ],
)
async def test_a_cap_that_means_nothing_is_refused(
    agent: Agent, scope: str, key: str | None, per: str, limit: float
) -> None:
    with pytest.raises(asyncpg.PostgresError, match="p_scope must be"):
        await cap(agent, limit, scope, key, per)


async def test_nobody_changes_the_audit(agent: Agent) -> None:
    call = a_call()
    await begin(agent, call)
    await end(agent, call, 1)

    for statement in ("update public.cogo_calls set cost_usd = 0", "delete from public.cogo_calls"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await agent.connection.execute(statement)
