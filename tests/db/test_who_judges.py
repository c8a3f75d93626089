"""Who judges answers: people by ratings, and no one owner for all."""

from datetime import timedelta

import asyncpg
import pytest

from tests.support.sql.agent import Agent, insert_task
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.outcomes import DATA, RATE, answered, outcome

pytestmark = pytest.mark.db


async def test_a_person_rates_an_answer_and_may_think_again(
    database: Database, agent: Agent
) -> None:
    task_id = await answered(agent, "model-a", owner=ALICE)
    alice = await database.connect("authenticated", ALICE)
    before = await outcome(agent, "model-a")

    await alice.fetchrow(RATE, task_id, 0, "it does not run")
    bad = await outcome(agent, "model-a")
    row = await alice.fetchrow(RATE, task_id, 1, None)
    good = await outcome(agent, "model-a")
    await agent.connection.execute(RATE, task_id, 0, None)
    both = await outcome(agent, "model-a")

    assert (before["judged"], before["good"]) == (0, 0)
    assert (bad["judged"], bad["good"]) == (1, 0)
    assert (good["judged"], good["good"]) == (1, 1)
    assert (both["judged"], both["good"]) == (1, 0.5)
    assert row is not None
    assert (row["person"], row["model_id"], row["comment"]) == (ALICE, "model-a", "it does not run")
    assert await alice.fetchval("select count(*) from public.cogo_ratings") == 2


async def test_one_owner_does_not_decide_for_all(database: Database, agent: Agent) -> None:
    answers = [await answered(agent, "model-a", owner=ALICE, output=DATA) for _ in range(60)]
    for task_id in answers[:55]:
        await agent.connection.execute(RATE, task_id, 0, None)
    for _ in range(3):
        task_id = await answered(agent, "model-a", owner=BOB)
        await agent.connection.execute(RATE, task_id, 1, None)

    seen = await outcome(agent, "model-a")
    assert seen["sources"] == {"feedback": 53, "schema": 1}
    await database.jump(timedelta(days=1))
    await agent.connection.execute(RATE, answers[-1], 0, None)

    seen = await outcome(agent, "model-a")
    assert seen["sources"]["feedback"] == pytest.approx(53 * 0.5 ** (1 / 7) + 1, abs=0.01)
    assert await agent.connection.fetchval("select count(*) from cogo.judgement_quotas") == 1


async def test_kinds_that_an_owner_names_do_not_raise_the_limit(agent: Agent) -> None:
    for number in range(160):
        needs = {"kind": f"invented-{number % 5}"}
        task_id = await answered(agent, "model-a", owner=ALICE, requirements=needs)
        await agent.connection.execute(RATE, task_id, 0, None)
        if number == 100:
            await outcome(agent, "model-a")
    await outcome(agent, "model-a")

    counted = "select sum(answers) from cogo.judgement_quotas where model_id = 'model-a'"
    assert await agent.connection.fetchval(counted) == 150


async def test_tasks_of_operators_are_counted_without_such_a_limit(agent: Agent) -> None:
    for _ in range(52):
        task_id = await answered(agent, "model-a")
        await agent.connection.execute(RATE, task_id, 0, None)

    assert (await outcome(agent, "model-a"))["judged"] == 52


async def test_owners_may_not_judge_but_by_ratings(database: Database, agent: Agent) -> None:
    task_id = await answered(agent, "model-a", owner=ALICE)
    alice = await database.connect("authenticated", ALICE)
    row = await agent.connection.fetchrow("select * from cogo.subtasks where task_id = $1", task_id)
    assert row is not None

    for statement in (
        "insert into cogo.judgements (score) values (0)",
        f"select cogo.record_judgement('{row['id']}', 1, 'run', 0)",
        f"select cogo.record_judgements('{task_id}', '[]')",
        "select * from cogo.judgements",
        "select public.cogo_model_outcomes()",
        "select public.cogo_judged_answers()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await alice.execute(statement)


async def test_judgements_end_with_their_task(agent: Agent) -> None:
    task_id = await answered(agent, "model-a", output=DATA)
    kept = await insert_task(agent.connection)
    await outcome(agent, "model-a")

    await agent.connection.execute("delete from public.cogo_tasks where id <> $1", kept)

    assert await agent.connection.fetchval("select count(*) from cogo.judgements") == 0
    assert (await outcome(agent, "model-a"))["judged"] == 0.2
    assert task_id != kept
