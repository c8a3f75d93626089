"""Statistics of models, from attempts that ended."""

from datetime import timedelta

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, insert_task
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.flows import claim_steps, new_step, start_flow
from tests.support.sql.outcomes import (
    DATA,
    REFUSED,
    answered,
    failed,
    health,
    knowledge,
    outcome,
    planned,
    rate_last,
    selection,
    used,
)

pytestmark = pytest.mark.db

BROKEN = {"verification": {"status": "unverified", "checks": [{"name": "parses", "passed": False}]}}


async def test_an_answer_that_nobody_judged_counts_by_what_it_took_and_not_by_its_worth(
    agent: Agent,
) -> None:
    await answered(agent, "model-a", ms=1000)
    await answered(agent, "model-a", ms=3000)

    first = await outcome(agent, "model-a")
    again = await outcome(agent, "model-a")

    assert first == again
    assert first["kind"] == "code-generation"
    assert (first["judged"], first["good"], first["answered"]) == (0, 0, 2)
    assert (first["total_ms"], first["first_token_ms"], first["cost_usd"]) == (2000, 200, 0.01)


async def test_tokens_are_means_of_whole_prompts_with_the_cached_part_of_them(
    agent: Agent,
) -> None:
    counts = {"input_tokens": 100, "cached_tokens": 300, "output_tokens": 50}
    await answered(agent, "model-a", usage=counts)
    await answered(agent, "model-a", usage={"input_tokens": 200, "output_tokens": 150})
    await answered(agent, "model-a", usage={"output_tokens": None})

    seen = await outcome(agent, "model-a")

    assert (seen["input_tokens"], seen["cached_tokens"], seen["output_tokens"]) == (300, 150, 100)
    assert seen["answered"] == 3


async def test_outcomes_are_grouped_by_the_kind_of_work(agent: Agent) -> None:
    stated = [
        ({"taskType": "general", "kind": "translation"}, "translation"),
        ({"taskType": "code-generation"}, "code-generation"),
        ({}, "general"),
        ({"kind": "x" * 90_000}, "general"),
    ]
    for requirements, _ in stated:
        await answered(agent, "model-a", requirements=requirements)

    found = {each["kind"] for each in (await knowledge(agent))["outcomes"]}

    assert found == {kind for _, kind in stated}


async def test_outcomes_that_say_nothing_of_the_model_do_not_count(agent: Agent) -> None:
    await failed(agent, "model-a", error={"class": "circuit_open", "message": "not asked"})
    await failed(agent, "model-a", error={"class": "invalid_request", "message": "a bad prompt"})

    assert await outcome(agent, "model-a") == {}


async def test_a_failure_of_the_vendor_belongs_to_health_and_not_to_quality(agent: Agent) -> None:
    for _ in range(5):
        await failed(agent, "model-a")

    assert await outcome(agent, "model-a") == {}
    assert await health(agent, "model-a") == "open"


async def test_simulated_answers_teach_nothing_about_the_model_and_are_counted_apart(
    agent: Agent,
) -> None:
    await answered(agent, "model-a", ms=1000, output=BROKEN)
    before = await outcome(agent, "model-a")
    for _ in range(6):
        await failed(agent, "model-a", simulated=True)
    task_id = await answered(agent, "model-a", ms=9000, simulated=True)
    await agent.connection.execute("select public.cogo_feedback($1, 0)", task_id)

    assert await outcome(agent, "model-a") == before
    assert await health(agent, "model-a") == "ok"
    stats = await agent.connection.fetch(
        "select simulated, completed, failed from public.cogo_model_stats"
        " where period = 'hour' order by simulated"
    )
    assert [tuple(row) for row in stats] == [(False, 1, 0), (True, 1, 6)]
    report = await agent.connection.fetch(
        "select simulated, selections, completed, failed, ratings, health"
        " from public.cogo_model_report()"
    )
    assert [tuple(row) for row in report] == [
        (False, 1, 1, 0, 0, "ok"), (True, 7, 1, 6, 1, "ok")
    ]  # fmt: skip
    tasks = await agent.connection.fetch("select simulated from public.cogo_tasks order by seq")
    assert [row["simulated"] for row in tasks] == [False, *[True] * 7]


async def test_an_answer_after_a_refusal_counts_as_a_rescue(agent: Agent) -> None:
    await planned(agent, "model-a")
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "reroute", error=REFUSED, usage=used("model-a"))
    [route] = await agent.claim("cio")
    await agent.complete(route, route={"lane": "model-b", "params": {"model_id": "model-b"}})
    [lease] = await agent.claim("model-b")
    await agent.complete(lease, output=DATA, usage=used("model-b"))
    await rate_last(agent, 1)

    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["good"]) == (1, 0)
    assert (await outcome(agent, "model-b"))["good"] == 1
    assert (await outcome(agent, "model-b", "model-a"))["good"] == 1
    assert await outcome(agent, "model-a", "model-b") == {}


async def test_old_outcomes_decay(database: Database, agent: Agent) -> None:
    for _ in range(4):
        await answered(agent, "model-a", output=DATA)
    await rate_last(agent, 1)
    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["answered"]) == (1.6, 4)

    await database.jump(timedelta(days=7))
    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["answered"]) == (0.8, 2)
    await answered(agent, "model-a", output=BROKEN)

    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["good"], seen["answered"]) == (1.8, 0.8, 3)


async def test_a_model_that_is_seldom_called_is_counted_for_ever(
    database: Database, agent: Agent
) -> None:
    await failed(agent, "model-a")
    for _ in range(3):  # what decays twice to almost nothing would be too small for Postgres
        await answered(agent, "model-a")
        await knowledge(agent)
        await database.jump(timedelta(hours=8))
    for _ in range(40):
        await database.jump(timedelta(minutes=25))
        await answered(agent, "model-a")
        await knowledge(agent)

    failures = await agent.connection.fetchval("select failed from cogo.model_health")

    assert failures == 0


async def test_two_orchestrators_learn_each_outcome_once(agent: Agent, other_agent: Agent) -> None:
    await answered(agent, "model-a")
    transaction = agent.connection.transaction()
    await transaction.start()
    await knowledge(agent)
    meanwhile = await outcome(other_agent, "model-a")
    await transaction.commit()

    assert meanwhile == {}
    assert (await outcome(other_agent, "model-a"))["answered"] == 1


async def test_only_an_operator_passes_on_a_rating_of_another_person(
    database: Database, agent: Agent
) -> None:
    task_id = await answered(agent, "model-a")
    await agent.connection.execute(
        "update public.cogo_tasks set owner = $1 where id = $2", ALICE, task_id
    )
    alice = await database.connect("authenticated", ALICE)
    rate = "select person from public.cogo_feedback($1, $2, null, $3)"

    assert await agent.connection.fetchval(rate, task_id, 0, ALICE) == ALICE
    assert await alice.fetchval(rate, task_id, 1, BOB) == ALICE


async def test_only_the_owner_rates_and_only_what_was_answered(
    database: Database, agent: Agent
) -> None:
    bob = await database.connect("authenticated", BOB)
    theirs = await answered(agent, "model-a")
    open_task = await insert_task(bob)
    rate = "select from public.cogo_feedback($1, $2)"

    for task_id, score, code in [
        (theirs, 1, "TQ002"),
        (open_task, 1, "TQ003"),
        (open_task, 2, "TQ004"),
    ]:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await bob.execute(rate, task_id, score)
        assert refused.value.sqlstate == code


async def test_statements_that_cannot_be_read_stop_no_statistics(agent: Agent) -> None:
    statements: list[object] = ["model-x", {}, [None, 7, "y" * 9_000] * 9]
    outputs: list[Row] = [
        DATA | {"problem": 7, "verification": "?", "tools_used": 9, "invalid_calls": "x"},
        DATA | {"verification": {"checks": 8}, "tools_used": {}, "invalid_calls": [[]]},
        DATA | {"verification": [], "tools_used": None},
    ]
    for stated, output in zip(statements, outputs, strict=True):
        await start_flow(
            agent,
            new_step("a", metadata={"after": stated}),
            selections=[selection("a", "model-a")],
        )
        lease = (await claim_steps(agent, "a"))["a"]
        await agent.complete(lease, output=output, usage=used("model-a"))

    assert (await outcome(agent, "model-a"))["answered"] == 3
