# ruff: noqa: S608 -- the statements are put together from our own names.

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, insert_task, plan_task, statuses, step, task_of
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

LEASE = timedelta(seconds=15)


async def test_an_inserted_task_can_be_claimed_as_a_plan_and_is_then_running(agent: Agent) -> None:
    task_id = await insert_task(agent.connection, "sort a list", priority=3)

    [lease] = await agent.claim("cio")

    assert (lease["type"], lease["lane"], lease["attempt"]) == ("PLAN", "cio", 1)
    assert (lease["inputs"], lease["history"], lease["priority"]) == ({}, [], 3)
    assert lease["task"]["id"] == str(task_id)
    assert lease["task"]["prompt"] == "sort a list"
    task = await task_of(agent, task_id)
    assert (task["status"], task["started_at"]) == ("running", task["created_at"])


async def test_the_sinks_output_completes_the_task_with_its_cost(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.complete(lease, output={"generated_code": "x"}, usage=a_usage())

    assert answer == "ok"
    task = await task_of(agent, task_id)
    assert task["status"] == "completed"
    assert task["result"] == {"generated_code": "x"}
    assert (float(task["cost_usd"]), task["input_tokens"], task["output_tokens"]) == (0.25, 10, 20)


async def test_a_stalled_worker_cannot_finish_what_was_handed_on(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    task_id = await plan_task(agent)
    [stalled] = await agent.claim("model-a")
    await database.jump(2 * LEASE)
    [current] = await other_agent.claim("model-a")

    assert current["attempt"] == stalled["attempt"] + 1
    assert await agent.complete(stalled, output={"text": "stale"}) == "stale"
    assert (await agent.fail(stalled))["answer"] == "stale"
    assert await agent.release(stalled) == ["stale"]
    assert await agent.extend(stalled) == ["lost"]
    assert await other_agent.complete(current, output={"text": "fresh"}) == "ok"
    assert (await task_of(agent, task_id))["result"] == {"text": "fresh"}


async def test_the_same_agent_cannot_finish_its_earlier_attempt(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    [stalled] = await agent.claim("model-a")
    await database.jump(2 * LEASE)
    [current] = await agent.claim("model-a")

    assert await agent.complete(stalled) == "stale"
    assert await agent.extend(stalled, current) == ["lost", "ok"]


async def test_an_expired_lease_that_nobody_took_is_still_held(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await database.jump(2 * LEASE)

    assert await agent.extend(lease) == ["ok"]
    await database.jump(2 * LEASE)
    assert await agent.complete(lease) == "ok"


async def test_an_extended_lease_is_not_reaped(database: Database, agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await database.jump(LEASE * 0.9)
    await agent.extend(lease)
    await database.jump(LEASE * 0.9)

    assert (await agent.reap())["reaped"] == 0
    await database.jump(LEASE * 0.2)
    assert (await agent.reap())["reaped"] == 1


async def test_another_agent_cannot_end_or_extend_a_lease(agent: Agent, other_agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    assert await other_agent.complete(lease) == "stale"
    assert await other_agent.extend(lease) == ["lost"]
    assert await other_agent.release(lease) == ["stale"]
    assert (await other_agent.fail(lease))["answer"] == "stale"
    assert await agent.complete(lease) == "ok"


async def test_completing_twice_writes_once_and_says_so(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a"), step("b", "a"))
    [lease] = await agent.claim("model-a")

    answers = [await agent.complete(lease, usage=a_usage()) for _ in range(3)]

    assert answers == ["ok", "duplicate", "duplicate"]
    assert float((await task_of(agent, task_id))["cost_usd"]) == 0.25
    assert await statuses(agent, task_id) == {"plan": "completed", "a": "completed", "b": "queued"}


async def test_one_bad_item_spoils_no_other(agent: Agent) -> None:
    steps = step("a"), step("b"), step("end", "a", "b")
    await plan_task(agent, *steps, session_id=uuid4())
    first, second = await agent.claim("model-a")
    done = {"output": {"text": "done"}}

    answers = await agent.complete_all(
        [
            {"subtask_id": str(first["subtask_id"]), "attempt": 1, "output": "not an object"},
            {"subtask_id": "no uuid", "attempt": 1} | done,
            {"subtask_id": str(uuid4()), "attempt": 1} | done,
            {"subtask_id": str(first["subtask_id"]), "attempt": 7} | done,
            {"subtask_id": str(first["subtask_id"]), "attempt": 1, "messages": "no list"} | done,
            "nonsense",
            {"subtask_id": str(second["subtask_id"]), "attempt": 1} | done,
        ]
    )

    assert [answer["answer"] for answer in answers] == [
        "invalid",
        "unknown",
        "unknown",
        "unknown",
        "invalid",
        "unknown",
        "ok",
    ]
    assert answers[0]["detail"] == "output must be an object"
    assert answers[4]["detail"] == "messages must be a list"
    assert await agent.complete(first) == "ok"


async def test_a_repeated_claim_request_gives_the_same_leases(
    agent: Agent, other_agent: Agent
) -> None:
    for _ in range(4):
        await plan_task(agent)
    request_id = uuid4()

    first = await agent.claim("model-a", limit=2, request_id=request_id)
    again = await agent.claim("model-a", limit=2, request_id=request_id)
    await agent.complete(first[0])
    third = await agent.claim("model-a", limit=2, request_id=request_id)

    assert len(first) == 2
    assert again == first
    assert third == first[1:]
    assert len(await other_agent.claim("model-a", request_id=request_id)) == 2


async def test_claims_go_by_priority_then_age_and_take_from_lanes_in_turn(agent: Agent) -> None:
    for name, lane, priority in [("d", "m1", 5), ("c", "m2", 5), ("a", "m2", -3), ("b", "m1", 1)]:
        await plan_task(agent, step(name, lane=lane), priority=priority)

    claimed = [lease["key"] for _ in range(4) for lease in await agent.claim("m1", "m2", limit=1)]

    assert [sorted(claimed[:2]), sorted(claimed[2:])] == [["a", "b"], ["c", "d"]]


async def test_a_claim_takes_only_its_lanes_and_its_limit(agent: Agent) -> None:
    keys = [f"s{number}" for number in range(5)]
    await plan_task(agent, *map(step, keys), step("end", *keys))

    assert await agent.claim("model-b") == []
    assert await agent.claim() == []
    assert await agent.claim("model-a", limit=0) == []
    assert len(await agent.claim("model-a", limit=3)) == 3
    assert len(await agent.claim("model-a", limit=3)) == 2


async def test_paused_lanes_are_skipped(agent: Agent) -> None:
    await plan_task(agent)
    await agent.connection.execute("insert into cogo.lanes (lane, paused) values ('model-a', true)")

    assert await agent.claim("model-a") == []
    await agent.connection.execute("update cogo.lanes set paused = false where lane = 'model-a'")
    assert len(await agent.claim("model-a")) == 1


async def test_a_checkpoint_is_kept_with_the_attempt_that_wrote_it(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    await plan_task(agent)
    [stalled] = await agent.claim("model-a")
    await agent.extend(stalled, content="def f", reasoning="hm")
    assert await checkpoint_of(agent, stalled) == {
        "attempt": 1,
        "content": "def f",
        "reasoning": "hm",
        "turn": None,
    }

    await database.jump(2 * LEASE)
    [current] = await other_agent.claim("model-a")
    await other_agent.extend(current, content="class")
    await agent.extend(stalled, content="too late")

    assert await checkpoint_of(agent, stalled) == {
        "attempt": 2,
        "content": "class",
        "reasoning": "",
        "turn": None,
    }


async def test_the_last_text_of_a_cancelled_attempt_is_kept(
    agent: Agent, other_agent: Agent
) -> None:
    task = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.extend(lease, content="one")
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task)

    assert await other_agent.extend(lease, content="not mine") == ["lost"]
    assert await agent.extend(lease, content="one two") == ["cancel"]

    assert (await checkpoint_of(agent, lease))["content"] == "one two"


async def test_inputs_are_the_outputs_of_the_dependencies(agent: Agent) -> None:
    await plan_task(agent, step("a"), step("b"), step("end", "a", "b"))
    first, second = await agent.claim("model-a")
    await agent.complete(first, output={"from": first["key"]})
    await agent.complete(second, output={"from": second["key"]})

    [end] = await agent.claim("model-a")

    assert end["inputs"] == {"a": {"from": "a"}, "b": {"from": "b"}}


async def test_a_lease_says_how_long_is_left_until_the_deadline(
    database: Database, agent: Agent
) -> None:
    await insert_task(agent.connection, deadline=database.now + timedelta(seconds=90))
    await insert_task(agent.connection)
    await database.jump(timedelta(seconds=30))

    leases = await agent.claim("cio")

    assert [lease["task"]["seconds_left"] for lease in leases] == [60, None]


async def test_a_task_with_a_session_remembers_what_was_said(agent: Agent) -> None:
    session_id = uuid4()
    await plan_task(agent, session_id=session_id)
    [lease] = await agent.claim("model-a")

    answer = await agent.complete(
        lease,
        messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
    )

    assert answer == "ok"
    said = await agent.connection.fetch(
        "select role, content from public.cogo_messages where session_id = $1 order by seq",
        session_id,
    )
    assert [tuple(row) for row in said] == [("user", "hi"), ("assistant", "hello")]


@pytest.mark.parametrize(
    "call",
    [
        "public.cogo_claim_subtasks('', array['cio'], 1)",
        "public.cogo_claim_subtasks('a', array['cio'], 1, 0)",
        "public.cogo_claim_subtasks('a', array['cio'], -1)",
        "public.cogo_claim_subtasks('a', array['cio'], null)",
        "public.cogo_extend_leases('a', '{}')",
        "public.cogo_complete_subtasks('a', '{}')",
        "public.cogo_fail_subtask('a', gen_random_uuid(), 1, '{\"class\": \"x\"}', 'shrug')",
        "public.cogo_fail_subtask('a', gen_random_uuid(), 1, '\"x\"')",
        "public.cogo_release_subtasks('a', '{}')",
    ],
)
async def test_a_malformed_call_is_refused_with_what_is_wrong(agent: Agent, call: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.fetch(f"select * from {call}")

    assert refused.value.sqlstate == "TQ004"


async def test_text_with_nul_is_refused_by_the_database(agent: Agent) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.fetch(
            "select * from public.cogo_complete_subtasks('a', '[{\"output\": \"\\u0000\"}]')"
        )

    assert refused.value.sqlstate == "22P05"


def a_usage(cost_usd: float | None = 0.25) -> Row:
    return {
        "model_id": "model-a",
        "provider": "simulator",
        "input_tokens": 10,
        "cached_tokens": 1,
        "output_tokens": 20,
        "reasoning_tokens": 2,
        "cost_usd": cost_usd,
        "first_token_ms": 12.6,
        "duration_ms": 80,
        "finish_reason": "stop",
        "derived": {"price_source": "catalogue"},
    }


async def checkpoint_of(agent: Agent, lease: Row) -> Row:
    found: Row = await agent.connection.fetchval(
        "select checkpoint from public.cogo_subtasks where id = $1", lease["subtask_id"]
    )
    return found
