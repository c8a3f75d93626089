"""Stopped spending: no call begins, nothing that makes one is claimed, and nothing is lost."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end
from tests.db.laws import LAWS
from tests.support.sql.agent import Agent, insert_task, plan_task, statuses, step, task_of
from tests.support.sql.database import ALICE, Connection, Database

pytestmark = pytest.mark.db

LANES = ("model-a", "cio", "sandbox:python", "tools:shop", "tools:cogo.embeddings/e",
         "tools:cogo.rerank/r", "tools:cogo.memory")  # fmt: skip
CALLING = {"model-a", "tools:cogo.embeddings/e", "tools:cogo.rerank/r"}


async def stop(agent: Agent, reason: str | None = None, *, cancels: bool = False) -> dict[str, Any]:
    found = await agent.connection.fetchrow(
        "select * from public.cogo_stop_spending($1, $2)", reason, cancels
    )
    return dict(found or {})


async def resume(agent: Agent) -> bool:
    return bool(await agent.connection.fetchval("select * from public.cogo_resume_spending()"))


async def broken_laws(database: Database) -> list[str]:
    owner = await database.connect("postgres")
    return [law for law, query in LAWS.items() if await owner.fetch(query)]


async def test_only_what_calls_a_model_waits(database: Database, agent: Agent) -> None:
    await plan_task(agent, *(step(f"s{n}", lane=lane) for n, lane in enumerate(LANES[2:])),
                    step("end", *(f"s{n}" for n in range(len(LANES) - 2))))  # fmt: skip
    await plan_task(agent)
    await stop(agent)
    await agent.connection.execute(
        "insert into public.cogo_tasks (type, prompt) values ('GENERATE_CODE', 'x')"
    )

    claimed = {each["lane"] for each in await agent.claim(*LANES, limit=100)}

    assert claimed == set(LANES) - CALLING
    assert await resume(agent)
    assert {each["lane"] for each in await agent.claim(*LANES, limit=100)} == CALLING
    assert await broken_laws(database) == []


async def test_a_call_in_the_middle_of_a_loop_is_refused_and_the_work_goes_on_later(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent, owner=ALICE)
    [lease] = await agent.claim("model-a")
    first = a_call(lease)
    unheard = a_call(lease)
    for call in (first, unheard):
        assert (await begin(agent, call))["answer"] == "ok"

    stopped = await stop(agent, "a loop")
    refused = await begin(agent, a_call(lease))
    simulated = await begin(agent, a_call(lease, simulated=True))
    [batch] = await agent.connection.fetch(
        "select answer from public.cogo_begin_calls($1, $2)", agent.id, [a_call(lease)]
    )
    repeated = await begin(agent, unheard)
    assert await end(agent, first, 0.5)
    given_back = await agent.fail(
        lease, error={"class": "spending_stopped", "message": "x"}, action="snooze", after=0
    )

    assert (stopped["running"], stopped["is_new"]) == (2, True)
    assert refused["answer"] == simulated["answer"] == batch["answer"] == "stopped"
    assert "a loop" in refused["detail"]
    assert repeated["answer"] == "stopped"  # the answer to the first try was lost
    assert given_back["status"] == "queued"
    assert await agent.claim("model-a") == []
    task = await task_of(agent, task_id)
    assert (task["status"], float(task["cost_usd"])) == ("running", 0.5)

    assert await resume(agent)
    [again] = await agent.claim("model-a")
    assert (again["failures"], again["reaps"]) == (0, 0)
    assert (await begin(agent, a_call(again)))["answer"] == "ok"
    assert await broken_laws(database) == []


async def test_calls_under_way_are_aborted_if_asked_for_and_their_cost_is_booked(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    calling = await plan_task(agent)
    idle = await plan_task(agent)
    [lease] = await agent.claim("model-a", limit=1)
    [between] = await other_agent.claim("model-a", limit=1)
    call = a_call(lease)
    assert (await begin(agent, call))["answer"] == "ok"

    stopped = await stop(agent, "x", cancels=True)
    twice = await stop(agent, "x", cancels=True)

    assert (stopped["aborted"], stopped["running"]) == (1, 0)
    assert (twice["aborted"], twice["is_new"]) == (0, False)
    assert await agent.extend(lease) == ["lost"]
    assert await other_agent.extend(between) == ["ok"]  # it makes no call now, and begins none
    assert await end(agent, call, 0.25, "cancelled")
    assert "queued" in (await statuses(agent, calling)).values()
    assert (await task_of(agent, idle))["status"] == "running"
    costs = await agent.connection.fetch(
        "select outcome, cost_usd from public.cogo_calls order by ended_at"
    )
    assert [(each["outcome"], each["cost_usd"]) for each in costs] == [
        ("lost", None), ("cancelled", Decimal("0.25")),
    ]  # fmt: skip
    await resume(agent)
    [again] = await agent.claim("model-a", limit=1)
    assert (again["failures"], again["reaps"]) == (0, 0)
    owner = await database.connect("postgres")
    told = await owner.fetchval(
        "select count(*) from realtime.messages where event = 'SUBTASK_CANCELLED'"
    )
    assert told == 1
    assert await broken_laws(database) == []


async def test_a_call_that_waits_for_a_cap_when_spending_is_stopped_does_not_begin(
    database: Database, agent: Agent
) -> None:
    await cap(agent, 10)
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    blocker: Connection = await database.connect()
    operator = Agent(await database.connect(), "operator")
    held = blocker.transaction()
    await held.start()
    await blocker.execute("select from cogo.budgets for no key update")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(begin(agent, a_call(lease)))
        while not await operator.connection.fetchval(
            "select exists (select from pg_locks where not granted)"
        ):
            pass
        await stop(operator)
        await held.rollback()

    assert waiting.result()["answer"] == "stopped"
    assert await agent.connection.fetchval("select count(*) from cogo.reservations") == 0


async def test_no_call_begins_after_the_stop_was_committed(database: Database) -> None:
    """Many agents call all the time; the log of calls has none that began after the stop."""
    agents = [Agent(await database.connect(), f"executor-{n}") for n in range(6)]
    leases = []
    for each in agents:
        await plan_task(each)
        leases += await each.claim("model-a", limit=1)
    over = asyncio.Event()
    after: list[str] = []

    async def call_for_ever(agent: Agent, lease: Any) -> int:
        count = 0
        while True:
            is_after = over.is_set()
            answer = (await begin(agent, call := a_call(lease, 0)))["answer"]
            if is_after:
                after.append(answer)
                return count
            if answer == "ok":
                await end(agent, call, 0)
                count += 1

    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(call_for_ever(*each)) for each in zip(agents, leases, strict=True)
        ]
        operator = Agent(await database.connect(), "operator")
        while await operator.connection.fetchval("select count(*) from public.cogo_calls") < 50:
            pass
        stopped = await stop(operator)
        over.set()

    assert sum(each.result() for each in running) >= 50
    assert after == ["stopped"] * len(agents)
    late = await operator.connection.fetchval(
        "select count(*) from public.cogo_calls"
        " where started_at > $1::timestamptz + interval '2 seconds'",
        stopped["since"],
    )
    assert late == 0


async def test_tasks_are_accepted_and_rights_stay(database: Database, agent: Agent) -> None:
    await stop(agent, "why")
    alice = await database.connect("authenticated", ALICE)
    await alice.execute(
        "insert into public.cogo_tasks (type, prompt) values ('GENERATE_CODE', 'x')"
    )
    for statement in (
        "select public.cogo_resume_spending()",
        "select public.cogo_stop_spending()",
        "select * from public.cogo_spending_stop()",
        "delete from cogo.spending_stop",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await alice.execute(statement)
    with pytest.raises(asyncpg.PostgresError, match="10000"):
        await stop(agent, "x" * 10_001)
    [row] = await agent.connection.fetch("select * from public.cogo_spending_stop()")
    assert (row["reason"], row["who"]) == ("why", "database:service_role")


async def test_the_time_of_a_stop_does_not_count_towards_deadlines(
    database: Database, agent: Agent
) -> None:
    minute = timedelta(minutes=1)
    passed = await plan_task(agent, deadline=database.now + minute)
    before = await plan_task(agent, deadline=database.now + 3 * minute)
    await database.jump(2 * minute)
    await stop(agent)
    during = await plan_task(agent, deadline=database.now + minute)
    await database.jump(timedelta(hours=1))

    await agent.reap()

    assert (await task_of(agent, passed))["error"]["class"] == "deadline"  # before the stop
    for task_id in (before, during):
        assert (await task_of(agent, task_id))["status"] == "running"
    await insert_task(agent.connection, deadline=database.now + minute)
    await database.jump(timedelta(hours=1))
    [planning] = await agent.claim("cio")
    assert planning["task"]["seconds_left"] == 60
    await resume(agent)
    after = await plan_task(agent, deadline=database.now + minute)
    await agent.reap()
    leases = await agent.claim("model-a", limit=9)
    assert [each["task"]["seconds_left"] for each in leases] == [60, 60, 60]
    assert {each["task_id"] for each in leases} == {before, during, after}

    await database.jump(minute / 2)
    await stop(agent)
    await database.jump(minute)
    await resume(agent)
    await agent.reap()
    [again] = await agent.claim("cio")
    assert again["task"]["seconds_left"] == 30

    await database.jump(minute)
    await agent.reap()
    for task_id in (before, during, after):
        assert (await task_of(agent, task_id))["error"]["class"] == "deadline"
    assert await broken_laws(database) == []


async def test_a_deadline_set_or_inherited_after_a_stop_is_not_put_off_twice(
    database: Database, agent: Agent
) -> None:
    minute = timedelta(minutes=1)
    task_id = await plan_task(agent, deadline=database.now + minute)
    await stop(agent)
    await database.jump(timedelta(hours=1))
    await resume(agent)

    await agent.connection.execute(
        "update public.cogo_tasks set deadline = $2 where id = $1", task_id, database.now + minute
    )
    await database.jump(2 * minute)
    await agent.reap()

    assert (await task_of(agent, task_id))["error"]["class"] == "deadline"


async def test_a_resume_announces_the_work_that_waits(database: Database, agent: Agent) -> None:
    await agent.connection.execute(
        "insert into public.cogo_agents (id, kind, lanes) values ('e', 'executor', '{model-a,cio}')"
    )
    await plan_task(agent)
    await stop(agent)
    owner = await database.connect("postgres")
    count = "select count(*) from realtime.messages where event = 'MCP_SUBTASK'"
    before = await owner.fetchval(count)

    await resume(agent)

    assert await owner.fetchval(count) == before + 1
    assert not await resume(agent)
