"""What an attempt has cost whose holder could not report it: nothing is lost or counted twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.calls import a_call, begin, cap, end, standing
from tests.db.laws import broken_laws
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent, Row, plan_task, task_of
from tests.support.sql.database import Database
from tests.support.sql.flows import claim_steps, new_step, start_flow
from tests.support.sql.turns import new_turn, store

pytestmark = pytest.mark.db

TOKENS = {
    "input_tokens": 10,
    "cached_tokens": 3,
    "cache_write_tokens": 2,
    "output_tokens": 7,
    "reasoning_tokens": 1,
}


@pytest.fixture
async def lease(agent: Agent) -> Row:
    await plan_task(agent)
    [claimed] = await agent.claim("model-a")
    return claimed


async def call(agent: Agent, lease: Row, usd: float | None, **fields: object) -> Row:
    """Begin a call, and end it; without a price it is failed or, as asked, something else."""
    made = a_call(lease, 1)
    assert (await begin(agent, made))["answer"] == "ok"
    await end_call(agent, made | TOKENS | fields, usd)
    return made


async def end_call(agent: Agent, made: Row, usd: float | None) -> None:
    outcome = str(made.pop("outcome", "completed"))
    assert await end(agent, made, usd, outcome) is True


async def attempt_of(agent: Agent, lease: Row) -> Row:
    row = await agent.connection.fetchrow(
        "select * from public.cogo_attempts where subtask_id = $1 and attempt = $2",
        lease["subtask_id"], lease["attempt"],
    )  # fmt: skip
    return dict(row or {})


async def end_attempt(database: Database, agent: Agent, lease: Row, how: str) -> None:
    """End an attempt without a report of its usage."""
    match how:
        case "reaped":
            await database.jump(timedelta(seconds=16))
            assert (await agent.reap())["reaped"] == 1
        case "cancelled":
            await agent.connection.execute(
                "select from public.cogo_cancel_task($1)", lease["task_id"]
            )
            await database.jump(timedelta(seconds=16))
            assert (await agent.reap())["cancelled"] == 1
        case "failed":
            await agent.fail(lease, after=0)
        case _:
            assert await agent.release(lease, died=how == "died") == ["ok"]


@pytest.mark.parametrize("how", ["reaped", "died", "released", "cancelled", "failed"])
async def test_ended_calls_are_booked_to_an_attempt_that_reports_nothing(
    database: Database, agent: Agent, lease: Row, how: str
) -> None:
    await call(agent, lease, 0.25)
    await call(agent, lease, 0.5)

    await end_attempt(database, agent, lease, how)

    attempt = await attempt_of(agent, lease)
    assert (attempt["cost_usd"], attempt["provider"]) == (Decimal("0.75"), "acme")
    assert attempt["outcome"] == {"died": "reaped"}.get(how, how)
    # Written to the cache counts as not read from it, as executors report it.
    assert [attempt[f"{name}_tokens"] for name in ("input", "cached", "output", "reasoning")] == [
        24, 6, 14, 2
    ]  # fmt: skip
    task = await task_of(agent, lease["task_id"])
    assert (task["cost_usd"], task["input_tokens"], task["output_tokens"]) == (
        Decimal("0.75"), 24, 14
    )  # fmt: skip
    assert await broken_laws(agent.connection) == []


@pytest.mark.parametrize(
    ("lane", "cost"), [("tools:cogo.embeddings/small", Decimal("0.25")), ("tools:shop", 0)]
)
async def test_a_call_step_pays_for_embeddings_and_for_nothing_else(
    database: Database, agent: Agent, lane: str, cost: Decimal
) -> None:
    task_id = await start_flow(agent, new_step("a", "call", lane=lane))
    [lease] = await agent.claim(lane)
    await call(agent, lease, 0.25)
    lost = a_call(lease, 1)
    await begin(agent, lost)

    await end_attempt(database, agent, lease, "died")
    before = (await attempt_of(agent, lease))["cost_usd"]
    await end_call(agent, lost, 0)

    assert before == (None if cost else 0), "unknown while one of its calls is"
    assert (await attempt_of(agent, lease))["cost_usd"] == cost
    assert (await task_of(agent, task_id))["cost_usd"] == cost
    assert await broken_laws(agent.connection) == []


async def test_an_unfinished_call_is_lost_and_the_others_are_booked(
    database: Database, agent: Agent, lease: Row
) -> None:
    await cap(agent, 9)
    await call(agent, lease, 0.25)
    lost = a_call(lease, 1)
    await begin(agent, lost)

    await end_attempt(database, agent, lease, "reaped")

    attempt = await attempt_of(agent, lease)
    assert (attempt["cost_usd"], attempt["output_tokens"]) == (None, 7)
    task = await task_of(agent, lease["task_id"])
    assert (task["cost_usd"], task["output_tokens"]) == (None, 7)
    outcomes = await agent.connection.fetch(
        "select outcome from public.cogo_calls order by outcome"
    )
    assert [row["outcome"] for row in outcomes] == ["completed", "lost"]
    assert await standing(agent) == {"total": (0.25, 0)}

    # The holder had only been stalled.
    await end_call(agent, lost | TOKENS, 0.5)

    attempt = await attempt_of(agent, lease)
    assert (attempt["cost_usd"], attempt["output_tokens"]) == (Decimal("0.75"), 14)
    task = await task_of(agent, lease["task_id"])
    assert (task["cost_usd"], task["output_tokens"]) == (Decimal("0.75"), 14)
    assert await standing(agent) == {"total": (0.75, 0)}
    assert await end(agent, lost, 0.5) is False
    assert (await task_of(agent, lease["task_id"]))["cost_usd"] == Decimal("0.75")
    assert await broken_laws(agent.connection) == []


async def test_the_usage_of_a_cancelled_attempt_replaces_what_was_booked(
    database: Database, agent: Agent, lease: Row
) -> None:
    await call(agent, lease, 0.25)
    await end_attempt(database, agent, lease, "cancelled")
    usage = {"cost_usd": "0.75", "output_tokens": 10, "provider": "acme"}

    for _ in "twice":
        assert await agent.complete(lease, usage=usage) == "closed"

    attempt = await attempt_of(agent, lease)
    assert (attempt["cost_usd"], attempt["output_tokens"]) == (Decimal("0.75"), 10)
    task = await task_of(agent, lease["task_id"])
    assert (task["cost_usd"], task["output_tokens"]) == (Decimal("0.75"), 10)
    # A call that is reported after that is part of it.
    late = a_call(lease, 1) | TOKENS
    await end_call(agent, late, 0.5)
    assert (await task_of(agent, lease["task_id"]))["cost_usd"] == Decimal("0.75")
    assert await broken_laws(agent.connection) == []


@pytest.mark.parametrize(
    ("calls", "cost"),
    [
        ([("completed", None)], None),
        ([("completed", 0.5), ("cancelled", None)], None),
        ([("failed", None)], None),
        ([("failed", None), ("completed", 0.5)], Decimal("0.5")),
        ([("failed", 0), ("cached", 0)], Decimal(0)),
    ],
)
async def test_calls_of_unknown_cost_make_it_unknown_unless_they_failed_beside_others(
    database: Database,
    agent: Agent,
    lease: Row,
    calls: list[tuple[str, float | None]],
    cost: Decimal | None,
) -> None:
    for outcome, usd in calls:
        await call(agent, lease, usd, outcome=outcome)

    await end_attempt(database, agent, lease, "reaped")

    assert (await attempt_of(agent, lease))["cost_usd"] == cost
    assert (await task_of(agent, lease["task_id"]))["cost_usd"] == cost


async def test_an_attempt_that_dies_between_two_turns_has_cost_what_it_has_paid(
    database: Database, agent: Agent, lease: Row
) -> None:
    await call(agent, lease, 0.25)
    await store(agent, lease, new_turn(1))
    await end_attempt(database, agent, lease, "died")
    [second] = await agent.claim("model-a")
    await end_attempt(database, agent, second, "died")  # before its first call
    [third] = await agent.claim("model-a")
    await call(agent, third, 0.5)
    assert await agent.complete(third, usage={"cost_usd": "0.5", "output_tokens": 7}) == "ok"

    assert (await attempt_of(agent, second))["cost_usd"] == 0
    task = await task_of(agent, lease["task_id"])
    assert (task["status"], task["cost_usd"]) == ("completed", Decimal("0.75"))
    assert await broken_laws(agent.connection) == []


async def test_reported_usage_is_not_counted_again_from_the_calls(agent: Agent, lease: Row) -> None:
    await call(agent, lease, 0.25)
    await agent.fail(lease, after=0, usage={"cost_usd": "0.25", "output_tokens": 7})

    task = await task_of(agent, lease["task_id"])
    assert (task["cost_usd"], task["output_tokens"]) == (Decimal("0.25"), 7)


async def test_steps_that_a_deadline_ends_cost_what_their_calls_have(
    database: Database, agent: Agent
) -> None:
    deadline = database.now + timedelta(minutes=1)
    task_id = await start_flow(agent, *map(new_step, "ab"), columns={"deadline": deadline})
    leases = await claim_steps(agent, *"ab")
    for lease in leases.values():
        await call(agent, lease, 0.25)
    await database.jump(timedelta(seconds=61))
    for lease in leases.values():
        await agent.extend(lease)

    await agent.reap()

    assert (await task_of(agent, task_id))["cost_usd"] == Decimal("0.5")
    assert await agent.complete(leases["a"], usage={"cost_usd": "0.35"}) == "closed"
    assert (await task_of(agent, task_id))["cost_usd"] == Decimal("0.6")
    assert await broken_laws(agent.connection) == []


async def test_a_parent_learns_what_a_dead_attempt_of_its_child_has_cost(
    database: Database, agent: Agent
) -> None:
    step = {"key": "child", "kind": "task", "type": "TASK", "lane": "wait"}
    parent_id = await start_flow(agent, step | {"child": {"type": "CHAT", "prompt": "x"}})
    [flow] = await agent.claim("cio")
    await agent.complete(flow, plan={"subtasks": [_planned()]})
    [lease] = await agent.claim("model-a")
    await call(agent, lease, 0.25)
    lost = a_call(lease, 1)
    await begin(agent, lost)
    await end_attempt(database, agent, lease, "died")
    [again] = await agent.claim("model-a")
    await call(agent, again, 0.5)
    assert await agent.complete(again, usage={"cost_usd": "0.5"}) == "ok"
    await agent.reap()
    assert (await task_of(agent, parent_id))["cost_usd"] is None

    await end_call(agent, lost | TOKENS, 1)
    await agent.reap()

    assert (await task_of(agent, lease["task_id"]))["cost_usd"] == Decimal("1.75")
    assert (await task_of(agent, parent_id))["cost_usd"] == Decimal("1.75")
    assert await broken_laws(agent.connection) == []


def _planned() -> Row:
    return {"key": "a", "type": "CHAT", "lane": "model-a", "params": {}, "dependencies": []}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "lose", "late", "store", "die", "reap", "fail", "wait", "report"]),
        st.integers(min_value=1, max_value=8),
    ),
    min_size=3,
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@ONE_VERSION
async def test_whatever_happens_the_task_costs_what_its_calls_cost(
    database: Database, agent: Agent, steps: list[tuple[str, int]]
) -> None:
    task_id = await plan_task(agent, {**_planned(), "max_failures": 1000})
    await agent.connection.execute("update cogo.subtasks set max_reaps = 1000 where true")
    spent = Decimal()
    open_calls: list[Row] = []
    seq = 0
    lease = await _claim(agent, task_id)
    for what, number in steps:
        usd = Decimal(number) / 8
        if what == "call":
            await call(agent, lease, float(usd))
            spent += usd
        elif what == "lose":
            lost = a_call(lease, 1)
            await begin(agent, lost)
            open_calls.append(lost)
        elif what == "late" and open_calls:
            await end_call(agent, open_calls.pop() | TOKENS, float(usd))
            spent += usd
        elif what == "store":
            seq += 1
            assert await store(agent, lease, new_turn(seq)) == ("ok", None)
        elif what in {"die", "reap", "fail"}:
            how = {"die": "died", "reap": "reaped", "fail": "failed"}[what]
            await end_attempt(database, agent, lease, how)
            lease = await _claim(agent, task_id)
    while open_calls:
        await end_call(agent, open_calls.pop() | TOKENS, 0.125)
        spent += Decimal("0.125")
    reported = await _sum_calls(agent, lease)
    assert await agent.complete(lease, usage=reported) == "ok"

    task = await task_of(agent, task_id)
    unknown = await agent.connection.fetchval(
        "select count(*) from public.cogo_attempts where cost_usd is null and lane = 'model-a'"
        " and task_id = $1", task_id,
    )  # fmt: skip
    # Only an attempt that nothing is known of, not even a call, is of unknown cost.
    assert (task["cost_usd"] == spent) if not unknown else task["cost_usd"] is None
    assert unknown == 0 or await _count_without_calls(agent, task_id) == unknown
    assert await broken_laws(agent.connection) == []
    await agent.connection.execute("delete from public.cogo_tasks where id = $1", task_id)


async def _claim(agent: Agent, task_id: Any) -> Row:
    [lease] = await agent.claim("model-a")
    assert lease["task_id"] == task_id
    return lease


async def _sum_calls(agent: Agent, lease: Row) -> Row:
    usd = await agent.connection.fetchval(
        "select coalesce(sum(cost_usd), 0) from public.cogo_calls"
        " where subtask_id = $1 and attempt = $2",
        lease["subtask_id"], lease["attempt"],
    )  # fmt: skip
    return {"cost_usd": str(usd), "output_tokens": 1}


async def _count_without_calls(agent: Agent, task_id: Any) -> int:
    found: int = await agent.connection.fetchval(
        "select count(*) from public.cogo_attempts a where a.task_id = $1 and a.lane = 'model-a'"
        "   and a.cost_usd is null and not exists ("
        "     select from public.cogo_calls c"
        "      where c.subtask_id = a.subtask_id and c.attempt = a.attempt)",
        task_id,
    )
    return found
