from datetime import timedelta

import asyncpg
import pytest

from tests.db.budget_waits import (
    call_or_wait,
    claim_step,
    start_asking,
    wait_for_budget,
)
from tests.db.calls import a_call, begin, cap, end
from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, ref, statuses, task_of
from tests.support.sql.database import Database, run_at_once
from tests.support.sql.flows import answer
from tests.support.sql.turns import answer_question, approvals

pytestmark = pytest.mark.db


async def test_what_was_approved_holds_for_its_period_only(
    database: Database, agent: Agent
) -> None:
    await cap(agent, 1)
    task_id = await wait_for_budget(agent, 3)
    [asked] = await approvals(agent.connection)
    await answer_question(agent.connection, asked)
    await agent.complete(await claim_step(agent, task_id), output={"text": "done"})

    await database.jump(timedelta(days=1))

    assert (await begin(agent, a_call(usd=3)))["answer"] == "refused"
    assert (await begin(agent, a_call(usd=1)))["answer"] == "ok"
    [row] = await agent.connection.fetch("select * from public.cogo_budgets()")
    assert row["extra_usd"] == 0


@pytest.mark.parametrize("how", ["raised", "removed", "over"])
async def test_a_cap_that_has_room_again_needs_no_answer(
    database: Database, agent: Agent, how: str
) -> None:
    await cap(agent, 1)
    spent = a_call(usd=1)
    await begin(agent, spent)
    await end(agent, spent, 1)
    tasks = [await wait_for_budget(agent, 0.5) for _ in range(2)]

    if how == "raised":
        await cap(agent, 1.7)
        first = await agent.claim("model-a", limit=10)
        assert [lease["task_id"] for lease in first] == tasks[:1], "there is room for one"
        [asked] = await approvals(agent.connection)
        assert (asked["withdrawn_at"], asked["show"]["steps"]) == (None, 1)
        assert asked["task_id"] == tasks[1], "kept at what still waits"
        assert await broken_laws(agent.connection) == []
        await cap(agent, 3)
    elif how == "removed":
        await agent.connection.execute("select from public.cogo_remove_budget('total', '', 'day')")
    else:
        await agent.reap()
        assert await agent.claim("model-a") == []
        await database.jump(timedelta(days=1))
        await agent.reap()

    left = tasks[1:] if how == "raised" else tasks
    assert [each["task_id"] for each in await agent.claim("model-a", limit=10)] == left
    [asked] = await approvals(agent.connection)
    assert asked["withdrawn_at"] is not None
    assert "the cap was raised" in asked["withdrawn_reason"]
    superuser = await database.connect("postgres")
    [told] = await superuser.fetch(
        "select payload from realtime.messages"
        " where event = 'APPROVAL_WITHDRAWN' and topic = 'cogo-tasks'"
    )
    assert told["payload"]["payload"]["reason"] == asked["withdrawn_reason"]
    with pytest.raises(asyncpg.PostgresError, match=r"withdrawn .the cap was raised"):
        await answer_question(agent.connection, asked)


async def test_a_budget_that_somebody_raises_by_hand_lets_its_task_go_on(
    database: Database, agent: Agent
) -> None:
    task_id = await wait_for_budget(agent, 0.3, budget_usd=0.1)
    await agent.connection.execute(
        "update public.cogo_tasks set budget_usd = 1 where id = $1", task_id
    )

    await database.jump(timedelta(seconds=10))
    await agent.reap()

    assert await call_or_wait(agent, await claim_step(agent, task_id), 0.3) is not None
    [asked] = await approvals(agent.connection)
    assert asked["withdrawn_at"] is not None


@pytest.mark.parametrize("how", ["cancel", "delete", "deadline"])
async def test_the_question_stays_for_the_others_when_its_task_ends(
    database: Database, agent: Agent, how: str
) -> None:
    await cap(agent, 1)
    deadline = {"deadline": database.now + timedelta(minutes=1)} if how == "deadline" else {}
    first = await wait_for_budget(agent, 2, **deadline)
    second = await wait_for_budget(agent, 2)
    [asked] = await approvals(agent.connection)
    assert asked["task_id"] == first

    if how == "cancel":
        await agent.connection.execute("select from public.cogo_cancel_task($1)", first)
    elif how == "delete":
        await agent.connection.execute("delete from public.cogo_tasks where id = $1", first)
    await database.jump(timedelta(minutes=2))
    await agent.reap()

    found = [row for row in await approvals(agent.connection) if row["withdrawn_at"] is None]
    assert [row["task_id"] for row in found] == [second]
    assert (found[0]["id"] == asked["id"]) == (how != "delete")
    await answer_question(agent.connection, found[0])
    assert await claim_step(agent, second)


async def test_the_last_one_that_ends_takes_the_question_with_it(agent: Agent) -> None:
    task_id = await wait_for_budget(agent, 0.3, budget_usd=0.1)

    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)

    [asked] = await approvals(agent.connection)
    assert (asked["withdrawn_reason"], asked["answered_at"]) == (None, None)
    assert asked["withdrawn_at"] is not None
    assert await agent.connection.fetchval("select count(*) from cogo.budget_waits") == 0


async def test_two_answers_at_once_are_one(database: Database, agent: Agent) -> None:
    task_id = await wait_for_budget(agent, 0.3, budget_usd=0.1)
    [asked] = await approvals(agent.connection)
    other = await database.connect()

    said = await run_at_once(
        answer_question(agent.connection, asked, True), answer_question(other, asked, False)
    )

    [row] = await approvals(agent.connection)
    [error] = [each for each in said if each]
    assert "by the operator database:service_role at" in error
    assert (await statuses(agent, task_id))["chat"] == ("queued" if row["approved"] else "failed")
    await answer_question(agent.connection, asked, row["approved"])


async def test_an_answer_and_a_cancellation_at_once_agree(database: Database, agent: Agent) -> None:
    other = await database.connect()
    for _ in range(5):
        task_id = await wait_for_budget(agent, 0.3, budget_usd=0.1)
        *_, asked = await approvals(agent.connection)
        await run_at_once(
            answer_question(agent.connection, asked),
            other.execute("select from public.cogo_cancel_task($1)", task_id),
        )
        *_, row = await approvals(agent.connection)
        assert (row["answered_at"] is None) != (row["withdrawn_at"] is None)
        assert (await task_of(agent, task_id))["status"] == "cancelled"


async def test_a_cap_that_is_gone_before_the_step_waits_asks_nobody(agent: Agent) -> None:
    task_id = await start_asking(agent)
    lease = await claim_step(agent, task_id)
    gone = {"scope": "total", "key": "", "per": "day", "usd": 1}
    item = ref(lease) | {"output": {}, "wait": {"budget": gone}}
    assert await answer(agent, item) == ("ok", None)

    assert await approvals(agent.connection) == []
    await agent.reap()
    assert await claim_step(agent, task_id)


async def test_the_only_open_question_of_a_subtask_may_be_kept_at_another_one(
    agent: Agent,
) -> None:
    await cap(agent, 1)
    tasks = [await wait_for_budget(agent, 2) for _ in range(2)]
    subtask_id = await agent.connection.fetchval(
        "select id from cogo.subtasks where task_id = $1 and key = 'chat'", tasks[1]
    )

    await agent.connection.execute("select from public.cogo_approve_subtask($1)", subtask_id)

    assert len(await agent.claim("model-a", limit=10)) == 2


async def test_answers_beside_locked_tasks_reach_them_at_the_next_housekeeping(
    database: Database, agent: Agent
) -> None:
    await cap(agent, 1)
    tasks = [await wait_for_budget(agent, 2) for _ in range(2)]
    [asked] = await approvals(agent.connection)
    other = await database.connect()

    async with other.transaction():
        await other.execute(
            "select from public.cogo_tasks where id = $1 for no key update", tasks[1]
        )
        await answer_question(agent.connection, asked)
        assert [each["task_id"] for each in await agent.claim("model-a", limit=9)] == tasks[:1]
    await agent.reap()

    assert [each["task_id"] for each in await agent.claim("model-a", limit=9)] == tasks[1:]
    assert len(await approvals(agent.connection)) == 1


async def test_answers_cancellations_and_new_waits_at_once_neither_block_nor_lose_anything(
    database: Database, agent: Agent
) -> None:
    others = [Agent(await database.connect(), f"executor-{n}") for n in range(6)]
    for _ in range(3):
        await cap(agent, 1)
        tasks = [await wait_for_budget(agent, 2) for _ in range(8)]
        late = [await claim_step(agent, await start_asking(agent)) for _ in range(3)]
        *_, asked = await approvals(agent.connection)
        # Nobody but the holder of a lease may use its agent's name.
        item = {"scope": "total", "key": "", "per": "day", "usd": 2}
        waits = [ref(lease) | {"output": {}, "wait": {"budget": item}} for lease in late]
        cancel = "select from public.cogo_cancel_task($1)"

        said = await run_at_once(
            answer_question(others[0].connection, asked),
            others[1].connection.execute(cancel, tasks[0]),
            others[2].connection.execute(cancel, tasks[5]),
            others[3].reap(),
            cap(others[4], 1.5),
            agent.complete_all(waits),
        )

        assert [each for each in said if each and "withdrawn" not in each] == []
        await cap(agent, 1000)
        await agent.reap()
        states = [await statuses(agent, each) for each in tasks]
        assert [each["chat"] for each in states] == [
            "cancelled" if n in {0, 5} else "queued" for n in range(8)
        ]
        assert await agent.connection.fetchval("select count(*) from cogo.budget_waits") == 0
        assert await broken_laws(agent.connection) == []
        left = [row for row in await approvals(agent.connection) if row["cap"]]
        assert all(row["answered_at"] or row["withdrawn_at"] for row in left)
        for lease in await agent.claim("model-a", limit=50):
            assert await agent.complete(lease, output={"text": "done"}) == "ok"
