import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, step, task_of
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db


async def set_lane(agent: Agent, lane: str = "model-a", **values: object) -> Row:
    return await set_limits(agent, "lane", lane, values)


async def set_owner(agent: Agent, owner: object = ALICE, **values: object) -> Row:
    return await set_limits(agent, "owner", owner, values)


async def set_limits(agent: Agent, kind: str, name: object, values: Row) -> Row:
    named = "".join(f", p_{key} => ${number}" for number, key in enumerate(values, start=2))
    found: Any = await agent.connection.fetchrow(
        f"select * from public.cogo_set_{kind}($1{named})",  # noqa: S608 -- our own names
        name,
        *values.values(),
    )
    return dict(found)


async def test_a_paused_lane_drains_and_goes_on_with_its_limits(agent: Agent) -> None:
    for _ in range(3):
        await plan_task(agent)
    await set_lane(agent, max_running=2)
    [lease] = await agent.claim("model-a", limit=1)

    paused = await set_lane(agent, paused=True)

    assert (paused["paused"], paused["running"], paused["max_running"]) == (True, 1, 2)
    assert await agent.claim("model-a") == []
    assert await agent.complete(lease) == "ok"
    assert (await set_lane(agent, paused=False))["running"] == 0
    assert len(await agent.claim("model-a")) == 2
    await set_lane(agent, max_running=-1)
    assert len(await agent.claim("model-a")) == 0
    await plan_task(agent)
    assert len(await agent.claim("model-a")) == 1


async def test_a_paused_owner_is_not_served_and_nobody_else_notices(agent: Agent) -> None:
    await plan_task(agent, owner=ALICE)
    await set_owner(agent, paused=True)
    with pytest.raises(ValueError, match="not enough"):
        [_] = await agent.claim("model-a")
    theirs = await plan_task(agent, owner=BOB)

    assert [lease["task_id"] for lease in await agent.claim("model-a")] == [theirs]
    await set_owner(agent, paused=False)
    assert len(await agent.claim("model-a")) == 1


async def test_a_paused_owner_is_not_even_planned(agent: Agent) -> None:
    await set_owner(agent, paused=True)

    task_id = await plan_task(agent, owner=ALICE)

    assert (await task_of(agent, task_id))["status"] == "pending"


async def test_a_claim_takes_no_more_of_a_lane_than_it_asks_for(agent: Agent) -> None:
    for lane in ["model-a", "model-b"] * 3:
        await plan_task(agent, step("code", lane=lane))

    first = await agent.claim("model-a", "model-b", limit=5, lane_limits={"model-a": 1})
    none = await agent.claim("model-a", lane_limits={"model-a": 0})
    rest = await agent.claim("model-a", lane_limits={"model-a": "nonsense", "model-b": 0})

    assert sorted(lease["lane"] for lease in first) == ["model-a"] + ["model-b"] * 3
    assert none == []
    assert len(rest) == 2


async def test_the_limit_of_an_owner_holds_over_all_lanes(agent: Agent) -> None:
    steps = [step(f"{lane}{n}", lane=lane) for lane in ("a", "b") for n in range(5)]
    await plan_task(agent, *steps, step("end", *(each["key"] for each in steps)), owner=ALICE)
    await plan_task(agent, step("other", lane="a"), owner=BOB)
    await set_owner(agent, max_running=3)

    leases = await agent.claim("a", "b")

    assert len(leases) == 4
    assert "other" in [lease["key"] for lease in leases]
    assert await agent.claim("a", "b") == []
    await agent.complete(next(lease for lease in leases if lease["key"] != "other"))
    assert len(await agent.claim("a", "b")) == 1


async def test_the_limit_of_an_owner_holds_when_all_claim_at_once(
    database: Database, agent: Agent
) -> None:
    await set_owner(agent, max_running=5)
    for _ in range(20):
        await plan_task(agent, owner=ALICE)
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(6)]

    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(member.claim("model-a", limit=3)) for member in crowd]

    assert sum(len(claim.result()) for claim in claims) == 5


@pytest.mark.parametrize("limit", [set_lane, set_owner])
async def test_a_rate_holds_over_any_minute(database: Database, agent: Agent, limit: Any) -> None:
    for _ in range(100):
        await plan_task(agent, owner=ALICE)
    await limit(agent, per_minute=20)

    started = []
    for _ in range(120):
        started.append(len(await agent.claim("model-a")))
        await database.jump(timedelta(seconds=1))

    assert max(sum(started[at : at + 60]) for at in range(60)) <= 22
    assert sum(started) >= 40


async def test_planning_does_not_spend_what_an_owner_may_run(agent: Agent) -> None:
    await set_owner(agent, max_running=1, per_minute=1)

    for _ in range(3):
        task_id = await plan_task(agent, owner=ALICE)
        assert (await task_of(agent, task_id))["status"] == "running"


async def test_planning_does_not_spend_the_rate_of_an_owner(agent: Agent) -> None:
    await set_owner(agent, max_running=1, per_minute=1)

    await plan_task(agent, owner=ALICE)

    assert len(await agent.claim("model-a")) == 1


async def test_work_queued_before_a_limit_is_limited_too(agent: Agent) -> None:
    for _ in range(3):
        await plan_task(agent)

    await set_owner(agent, None, max_running=1)

    assert len(await agent.claim("model-a")) == 1


@pytest.mark.parametrize(
    "call",
    [
        "set_lane('')",
        "set_lane(null)",
        "set_lane('a', p_max_running => -2)",
        "set_lane('a', p_per_minute => 0)",
        "set_owner(null, p_max_running => -2)",
        "set_owner(null, p_per_minute => 0)",
        "prune(-1)",
        "prune(1, '-1 day')",
    ],
)
async def test_a_setting_without_sense_is_refused(agent: Agent, call: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.execute(f"select public.cogo_{call}")

    assert refused.value.sqlstate == "TQ004"


@pytest.mark.parametrize(
    ("pause", "resume"),
    [
        ("cogo_set_lane('model-a', true)", "cogo_set_lane('model-a', false)"),
        ("cogo_set_owner(null, true)", "cogo_set_owner(null, false)"),
    ],
)
async def test_the_end_of_a_pause_notifies_for_waiting_work(
    database: Database, agent: Agent, pause: str, resume: str
) -> None:
    await plan_task(agent, step("a"), step("b"), step("end", "a", "b"))
    await agent.connection.execute(f"select public.{pause}")
    owner = await database.connect("postgres")
    await owner.execute("delete from realtime.messages where true")

    await agent.connection.execute(f"select public.{resume}")

    rung = await owner.fetch("select topic from realtime.messages where event = 'MCP_SUBTASK'")
    assert [message["topic"] for message in rung] == ["cogo-subtasks"]
