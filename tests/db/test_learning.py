"""Statistics of models, from attempts that ended and from ratings."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, insert_task
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    new_step,
    start_flow,
    suspend,
)
from tests.support.sql.outcomes import (
    REFUSED,
    answered,
    failed,
    health,
    knowledge,
    outcome,
    planned,
    selection,
    used,
)

pytestmark = pytest.mark.db

BROKEN = {"verification": {"status": "unverified", "checks": [{"name": "parses", "passed": False}]}}
PARSED = {"verification": {"status": "unverified", "checks": [{"name": "parses", "passed": True}]}}
TESTED = {"verification": {"status": "verified", "checks": [{"name": "tests", "passed": True}]}}


async def test_an_answer_counts_once_by_model_and_type_with_its_means(agent: Agent) -> None:
    await answered(agent, "model-a", ms=1000)
    await answered(agent, "model-a", ms=3000)

    first = await outcome(agent, "model-a")
    again = await outcome(agent, "model-a")

    assert first == again
    assert first["task_type"] == "code-generation"
    assert (first["judged"], first["good"]) == (2, 1.6)
    assert (first["total_ms"], first["first_token_ms"], first["cost_usd"]) == (2000, 200, 0.01)


@pytest.mark.parametrize(
    ("output", "good", "checked", "passed"),
    [
        ({"text": "done"}, 0.8, 0, 0),
        (PARSED, 0.8, 1, 1),
        (TESTED, 1, 1, 1),
        (BROKEN, 0, 1, 0),
    ],
)
async def test_a_verified_answer_counts_more_than_an_unverified_one(
    agent: Agent, output: dict[str, object], good: float, checked: int, passed: int
) -> None:
    await answered(agent, "model-a", output=output)

    seen = await outcome(agent, "model-a")

    assert (seen["good"], seen["checked"], seen["passed"]) == (good, checked, passed)


async def test_outcomes_that_say_nothing_of_the_model_do_not_count(agent: Agent) -> None:
    await failed(agent, "model-a", error={"class": "circuit_open", "message": "not asked"})
    await failed(agent, "model-a", error={"class": "invalid_request", "message": "a bad prompt"})

    assert await outcome(agent, "model-a") == {}


async def test_a_failure_counts_against_quality(agent: Agent) -> None:
    await failed(agent, "model-a")

    seen = await outcome(agent, "model-a")

    assert (seen["judged"], seen["good"]) == (1, 0)


async def test_simulated_answers_teach_nothing_about_the_model_and_are_counted_apart(
    agent: Agent,
) -> None:
    await answered(agent, "model-a", ms=1000)
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
    await agent.complete(lease, output=TESTED, usage=used("model-b"))

    assert (await outcome(agent, "model-a"))["good"] == 0
    assert (await outcome(agent, "model-b"))["good"] == 1
    assert (await outcome(agent, "model-b", "model-a"))["good"] == 1
    assert await outcome(agent, "model-a", "model-b") == {}


async def test_old_outcomes_decay(database: Database, agent: Agent) -> None:
    for _ in range(4):
        await answered(agent, "model-a", output=TESTED)
    assert (await outcome(agent, "model-a"))["judged"] == 4

    await database.jump(timedelta(days=7))
    assert (await outcome(agent, "model-a"))["judged"] == 2
    await failed(agent, "model-a")

    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["good"]) == (3, 2)


async def test_two_orchestrators_learn_each_outcome_once(agent: Agent, other_agent: Agent) -> None:
    await answered(agent, "model-a")
    transaction = agent.connection.transaction()
    await transaction.start()
    await knowledge(agent)
    meanwhile = await outcome(other_agent, "model-a")
    await transaction.commit()

    assert meanwhile == {}
    assert (await outcome(other_agent, "model-a"))["judged"] == 1


async def test_a_person_rates_an_answer_and_may_think_again(
    database: Database, agent: Agent
) -> None:
    task_id = await answered(agent, "model-a")
    await agent.connection.execute(
        "update public.cogo_tasks set owner = $1 where id = $2", ALICE, task_id
    )
    alice = await database.connect("authenticated", ALICE)
    rate = "select * from public.cogo_feedback($1, $2, $3)"
    before = await outcome(agent, "model-a")

    await alice.fetchrow(rate, task_id, 0, "it does not run")
    bad = await outcome(agent, "model-a")
    row = await alice.fetchrow(rate, task_id, 1, None)
    good = await outcome(agent, "model-a")

    assert (before["judged"], before["good"]) == (1, 0.8)
    assert (bad["judged"], bad["good"]) == (4, 0.8)
    assert (good["judged"], good["good"]) == (4, 3.8)
    assert row is not None
    assert (row["person"], row["model_id"], row["comment"]) == (ALICE, "model-a", "it does not run")
    assert await alice.fetchval("select count(*) from public.cogo_ratings") == 1


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


async def checked(agent: Agent, *answers: tuple[str, Row], **flow: Any) -> UUID:
    """Run a flow whose models answer one after another, each checked with a verdict."""
    task_id: UUID | None = None
    after: list[str] = []
    for number, (model_id, check) in enumerate(answers):
        draft, judge = f"draft#{number + 2}", f"check#{number + 2}"
        asked = new_step(draft, lane=model_id, metadata={"after": list(after)})
        selections = [selection(draft, model_id)]
        if task_id is None:
            task_id = await start_flow(agent, asked, selections=selections)
        else:
            lease = await claim_flow(agent, task_id)
            await answer(agent, suspend(lease, asked, selections=selections))
        lease = (await claim_steps(agent, draft, lane=model_id))[draft]
        await agent.complete(lease, output=PARSED, usage=used(model_id, **flow))
        await knowledge(agent)  # it is counted before its code has run
        stated = {"judges": draft, **check.get("metadata", {})}
        asked = new_step(judge, "check", metadata=stated)
        await answer(agent, suspend(await claim_flow(agent, task_id), asked))
        lease = (await claim_steps(agent, judge, lane="sandbox:python"))[judge]
        await agent.complete(lease, output={"report": {"verdict": check["verdict"]}})
        after.append(model_id)
    assert task_id is not None
    return task_id


WRITTEN = {"metadata": {"tests_by": "model-w"}}


async def test_the_verdict_on_code_takes_the_place_of_the_outcome_of_its_answer(
    agent: Agent,
) -> None:
    cases: dict[str, tuple[Row, float, int]] = {
        "model-a": ({"verdict": "passed"}, 1, 1),
        "model-b": ({"verdict": "failed"}, 0, 0),
        "model-c": ({"verdict": "timeout"}, 0, 0),
        "model-d": ({"verdict": "passed"} | WRITTEN, 0.9, 1),
        "model-e": ({"verdict": "failed"} | WRITTEN, 0.3, 0),
        "model-f": ({"verdict": "syntax"} | WRITTEN, 0, 0),
        "model-g": ({"verdict": "no_tests"}, 0.8, 1),
        "model-h": ({"verdict": "unavailable"}, 0.8, 1),
    }
    for model_id, (check, _, _) in cases.items():
        await checked(agent, (model_id, check))

    for model_id, (_, good, passed) in cases.items():
        first, again = await outcome(agent, model_id), await outcome(agent, model_id)
        assert first == again
        assert (first["judged"], first["checked"]) == (1, 1)
        assert (model_id, first["good"], first["passed"]) == (model_id, good, passed)
        assert first["total_ms"] == 1000


async def test_an_answer_after_one_whose_code_failed_counts_as_a_rescue(agent: Agent) -> None:
    failed_check, passed_check = {"verdict": "failed"}, {"verdict": "passed"}
    await checked(agent, ("model-a", failed_check), ("model-b", passed_check))

    assert (await outcome(agent, "model-a"))["good"] == 0
    assert (await outcome(agent, "model-b"))["good"] == 1
    assert (await outcome(agent, "model-b", "model-a"))["good"] == 1
    assert await outcome(agent, "model-a", "model-b") == {}


async def test_verdicts_on_simulated_answers_are_not_counted(agent: Agent) -> None:
    await checked(agent, ("model-a", {"verdict": "failed"}), simulated=True)

    assert await outcome(agent, "model-a") == {}


async def test_a_check_is_no_answer_of_the_model_that_its_usage_names(agent: Agent) -> None:
    await start_flow(agent, new_step("a", "check"))
    [lease] = (await claim_steps(agent, "a", lane="sandbox:python")).values()
    await agent.complete(lease, output=PARSED, usage=used("model-a"))

    assert await outcome(agent, "model-a") == {}
    assert await agent.connection.fetchval("select count(*) from cogo.model_health") == 0


async def test_only_the_first_check_of_an_answer_is_its_verdict(agent: Agent) -> None:
    task_id = await checked(agent, ("model-a", {"verdict": "passed"}))
    lease = await claim_flow(agent, task_id)
    await answer(agent, suspend(lease, new_step("x", "check", metadata={"judges": "draft#2"})))
    lease = (await claim_steps(agent, "x", lane="sandbox:python"))["x"]
    await agent.complete(lease, output={"report": {"verdict": "failed"}})

    assert (await outcome(agent, "model-a"))["good"] == 1


async def test_statements_that_cannot_be_read_stop_no_statistics(agent: Agent) -> None:
    statements: list[object] = ["model-x", {}, [None, 7, "y" * 9_000] * 9]
    for stated in statements:
        await start_flow(
            agent,
            new_step("a", metadata={"after": stated}),
            new_step("b", "check", metadata={"judges": stated}),
            selections=[selection("a", "model-a")],
        )
        await agent.complete((await claim_steps(agent, "a"))["a"], usage=used("model-a"))
        [lease] = (await claim_steps(agent, "b", lane="sandbox:python")).values()
        await agent.complete(lease, output={"report": "?"})

    seen = await outcome(agent, "model-a")
    assert (seen["judged"], seen["good"]) == (3, 2.4)
