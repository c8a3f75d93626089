# ruff: noqa: S608 -- the statements are put together from our own names.
"""One round trip: ends of calls and completions are recorded, and the next work is claimed."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end, standing
from tests.support.sql.agent import Agent, Row, insert_task, plan_task, ref, step
from tests.support.sql.database import rows


async def complete_and_claim(
    agent: Agent,
    *items: object,
    limit: int = 10,
    request_id: UUID | None = None,
    calls: object = (),
    lanes: tuple[str, ...] = ("model-a",),
) -> Row:
    return dict(
        await agent.connection.fetchval(
            "select public.cogo_complete_and_claim(p_agent_id => $1, p_items => $2,"
            " p_lanes => $3, p_limit => $4, p_request_id => $5, p_calls => $6)",
            agent.id,
            list(items),
            list(lanes),
            limit,
            request_id or uuid4(),
            list(calls),  # type: ignore[call-overload]
        )
    )


def done(lease: Row, **fields: object) -> Row:
    return ref(lease) | {"output": {"text": "done"}} | fields


def ended(call: Row, cost: float | None, **fields: object) -> Row:
    return call | {"outcome": "completed", "cost_usd": cost, "duration_ms": 5} | fields


def parallel(*keys: str) -> list[Row]:
    """Build steps that can run at once, and one after them."""
    return [*map(step, keys), step("end", *keys)]


async def count(agent: Agent, rows_of: str) -> int:
    return int(await agent.connection.fetchval("select count(*) from " + rows_of))


async def test_the_next_step_is_claimed_with_the_completion_that_frees_it(agent: Agent) -> None:
    await plan_task(agent, step("a"), step("b", "a"))
    [lease] = await agent.claim("model-a")

    given = await complete_and_claim(agent, done(lease))

    assert [each["answer"] for each in given["answers"]] == ["ok"]
    assert given["answers"][0]["subtask_id"] == str(lease["subtask_id"])
    [claimed] = given["claimed"]
    assert (claimed["key"], claimed["attempt"]) == ("b", 1)
    assert claimed["inputs"] == {"a": {"text": "done"}}
    assert (given["refusal"], given["problems"]) == (None, [])


async def test_leases_have_the_fields_that_a_claim_of_its_own_returns(agent: Agent) -> None:
    await plan_task(agent, *parallel("a", "b"))
    first, second = await agent.claim("model-a")
    await agent.release(first, second)
    request = uuid4()
    given = await complete_and_claim(agent, request_id=request)

    alone = await agent.claim("model-a", request_id=request)

    assert [set(each) for each in given["claimed"]] == [set(each) for each in alone]
    assert [each["subtask_id"] for each in given["claimed"]] == [
        str(each["subtask_id"]) for each in alone
    ]


async def test_a_repetition_returns_the_same_leases_and_completes_nothing_twice(
    agent: Agent,
) -> None:
    await plan_task(agent, *parallel("a", "b", "c"))
    lease = (await agent.claim("model-a", limit=1))[0]
    call = a_call(lease)
    await begin(agent, call)
    request = uuid4()
    sent: Any = {"request_id": request, "limit": 1, "calls": [ended(call, 0.5)]}
    first = await complete_and_claim(agent, done(lease), **sent)

    again = await complete_and_claim(agent, done(lease), **sent)

    assert [each["answer"] for each in again["answers"]] == ["duplicate"]
    assert again["claimed"] == first["claimed"]
    assert await count(agent, "public.cogo_calls") == 1
    assert await count(agent, "cogo.subtasks s where s.status = 'running'") == 1


async def test_a_refused_claim_keeps_the_completion(agent: Agent) -> None:
    await plan_task(agent, *parallel("a", "b"))
    lease = (await agent.claim("model-a", limit=1))[0]

    given = await agent.connection.fetchval(
        "select public.cogo_complete_and_claim($1, $2, $3, 1, p_lease_seconds => -1)",
        agent.id,
        [done(lease)],
        ["model-a"],
    )

    assert [each["answer"] for each in given["answers"]] == ["ok"]
    assert given["claimed"] is None
    assert "p_lease_seconds must be positive" in given["refusal"]
    assert await count(agent, "cogo.subtasks s where s.status = 'completed' and s.key = 'a'") == 1


async def test_each_completion_is_answered_as_by_the_function_for_completions(
    agent: Agent,
) -> None:
    await plan_task(agent, *parallel("a", "b"))
    a, b = await agent.claim("model-a")
    unknown = {"subtask_id": str(uuid4()), "attempt": 1, "output": {}}

    given = await complete_and_claim(
        agent, done(a), done(b, output={"text": "\\u0000" * 3}, plan=1), unknown, done(a)
    )

    alone = await agent.complete_all([done(a), unknown])
    assert [each["answer"] for each in given["answers"]][2:] == ["unknown", "duplicate"]
    assert [each["answer"] for each in alone] == ["duplicate", "unknown"]
    assert given["claimed"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "select public.cogo_set_lane('model-a', p_max_running => 1)",
        "select public.cogo_set_owner(null, p_max_running => 1)",
    ],
)
async def test_a_claim_that_could_wait_is_left_to_the_function_for_claims(
    agent: Agent, statement: str
) -> None:
    await plan_task(agent, *parallel("a", "b"))
    lease = (await agent.claim("model-a", limit=1))[0]
    await agent.connection.execute(statement)

    given = await complete_and_claim(agent, done(lease))

    assert [each["answer"] for each in given["answers"]] == ["ok"]
    assert given["claimed"] is None
    assert given["refusal"] is None
    assert [each["key"] for each in await agent.claim("model-a")] == ["b"]


async def test_calls_end_before_their_attempts_and_cost_what_they_cost(agent: Agent) -> None:
    await cap(agent, 10)
    await plan_task(agent, step("a"))
    [lease] = await agent.claim("model-a")
    call = a_call(lease, usd=2)
    await begin(agent, call)

    given = await complete_and_claim(agent, done(lease), calls=[ended(call, 0.5)])

    assert given["problems"] == []
    assert await standing(agent) == {"total": (0.5, 0)}
    assert await count(agent, "public.cogo_calls c where c.outcome = 'completed'") == 1
    assert await count(agent, "public.cogo_calls c where c.outcome = 'lost'") == 0
    assert not await end(agent, call, 0.5)
    assert await standing(agent) == {"total": (0.5, 0)}


async def test_a_call_that_cannot_be_recorded_affects_nothing_else(agent: Agent) -> None:
    await plan_task(agent, *parallel("a", "b"))
    a, b = await agent.claim("model-a")
    good, bad = a_call(a), a_call(b)
    for each in (good, bad):
        await begin(agent, each)

    given = await complete_and_claim(
        agent, done(a), done(b), calls=[ended(bad, 1, outcome="shrugged"), ended(good, 1)]
    )

    assert [each["answer"] for each in given["answers"]] == ["ok", "ok"]
    assert [each["id"] for each in given["problems"]] == [bad["id"]]
    recorded = await agent.connection.fetch("select id::text, outcome from public.cogo_calls")
    assert {(each["id"], each["outcome"]) for each in recorded} == {
        (good["id"], "completed"),
        (bad["id"], "lost"),
    }


async def test_a_default_cap_counts_a_call_once_that_ends_with_its_first_use(agent: Agent) -> None:
    owner = str(uuid4())
    call = a_call() | {"owner": owner}
    await begin(agent, call)
    await cap(agent, 10, "owner", "*")

    await complete_and_claim(agent, calls=[ended(call, 0.5)])

    spent = await agent.connection.fetchval(
        "select spent_usd from cogo.budgets where scope = 'owner' and key = $1", owner
    )
    assert spent == pytest.approx(0.5)


async def test_lists_are_required(agent: Agent) -> None:
    with pytest.raises(asyncpg.PostgresError, match="p_items must be a list"):
        await agent.connection.execute(
            "select public.cogo_complete_and_claim('a', '{}', '{model-a}', 1)"
        )
    with pytest.raises(asyncpg.PostgresError, match="p_calls must be a list"):
        await agent.connection.execute("select public.cogo_begin_calls('a', '{}')")


async def begin_all(agent: Agent, *calls: Row) -> list[Row]:
    return rows(
        await agent.connection.fetch(
            "select * from public.cogo_begin_calls($1, $2)", agent.id, list(calls)
        )
    )


async def test_calls_begin_together_as_one_after_the_other(agent: Agent) -> None:
    await cap(agent, 5)
    await plan_task(agent, *parallel("a", "b"))
    a, b = await agent.claim("model-a")
    first, second, third = a_call(a, usd=3), a_call(b, usd=1), a_call(usd=4)
    over = a_call(b | {"attempt": 7})

    given = await begin_all(agent, first, second, third, over)

    assert [(str(each["id"]), each["answer"]) for each in given] == [
        (first["id"], "ok"),
        (second["id"], "ok"),
        (third["id"], "wait"),
        (over["id"], "stale"),
    ]
    assert await standing(agent) == {"total": (0, 4)}
    assert [each["answer"] for each in await begin_all(agent, first, second)] == ["ok", "ok"]
    assert await standing(agent) == {"total": (0, 4)}


async def test_a_call_waits_for_no_end_of_an_attempt_when_others_begin_with_it(
    agent: Agent, other_agent: Agent
) -> None:
    await plan_task(agent, *parallel("a", "b"))
    a, b = await agent.claim("model-a")
    first, second = a_call(a), a_call(b)
    async with other_agent.connection.transaction():
        await other_agent.connection.execute(
            "select from public.cogo_attempts where subtask_id = $1 for no key update",
            a["subtask_id"],
        )

        given = await begin_all(agent, first, second)

    assert [str(each["id"]) for each in given] == [second["id"]]
    assert (await begin(agent, first))["answer"] == "ok"


async def test_the_flow_of_a_task_is_claimed_with_the_plan_of_another(agent: Agent) -> None:
    await insert_task(agent.connection)
    await insert_task(agent.connection)
    [flow] = await agent.claim("cio", limit=1)

    given = await complete_and_claim(
        agent, ref(flow) | {"plan": {"subtasks": [step("a")]}}, lanes=("cio",)
    )

    assert [each["answer"] for each in given["answers"]] == ["ok"]
    assert [each["kind"] for each in given["claimed"]] == ["flow"]
    assert await count(agent, "public.cogo_tasks t where t.status = 'running'") == 2
