from uuid import UUID

import asyncpg
import pytest

from tests.db.budget_waits import (
    call_or_wait,
    claim_step,
    start_asking,
    wait_for_budget,
)
from tests.db.calls import a_call, begin, cap, end
from tests.support.sql.agent import Agent, Row, insert_task, ref, statuses, task_of
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.flows import answer, claim_flow
from tests.support.sql.turns import answer_question, approvals, new_turn, store
from tests.support.sql.waits import child_step, children_of, start_flow, wait_step

pytestmark = pytest.mark.db


async def test_a_task_that_does_not_ask_is_refused_as_ever(agent: Agent) -> None:
    await cap(agent, 1)
    for params in ({}, {"on_budget": "fail"}, {"on_budget": ["ask"]}):
        task_id = await start_asking(agent, params=params)
        refused = await begin(agent, a_call(await claim_step(agent, task_id), 2))
        assert (refused["answer"], refused["question"]) == ("refused", None)


async def test_a_price_that_is_not_known_is_no_question_of_money(agent: Agent) -> None:
    await cap(agent, 1)
    lease = await claim_step(agent, await start_asking(agent))

    refused = await begin(agent, a_call(lease, None))

    assert (refused["answer"], refused["question"]) == ("refused", None)


async def test_what_waits_for_running_calls_only_does_not_ask(agent: Agent) -> None:
    await cap(agent, 1)
    await begin(agent, a_call(usd=0.8))

    held = await begin(agent, a_call(await claim_step(agent, await start_asking(agent)), 0.5))

    assert (held["answer"], held["question"]) == ("wait", None)


async def test_the_budget_of_a_task_is_its_owners_question(
    database: Database, agent: Agent
) -> None:
    task_id = await wait_for_budget(agent, 0.3, owner=ALICE, budget_usd=0.1)

    [asked] = await approvals(agent.connection)
    assert (asked["kind"], asked["by"], asked["owner"]) == ("budget", None, ALICE)
    assert (asked["key"], float(asked["cost_usd"])) == ("chat/budget", 0.3)
    assert asked["question"] == (
        "The task's budget is $0.1, and $0.1 of it are left. May $0.2 more be spent?"
    )
    assert asked["show"] == {
        "scope": "task", "key": str(task_id), "per": "ever", "limit_usd": 0.1, "spent_usd": 0,
        "needed_usd": 0.2, "resets_at": None, "steps": 1,
    }  # fmt: skip
    assert (await statuses(agent, task_id))["chat"] == "waiting"

    alice = await database.connect("authenticated", ALICE)
    await answer_question(alice, asked)

    assert float((await task_of(agent, task_id))["budget_usd"]) == 0.3
    lease = await claim_step(agent, task_id)
    assert (lease["attempt"], lease["failures"], lease["history"]) == (2, 0, [])
    assert await call_or_wait(agent, lease, 0.3) is not None
    assert await agent.complete(lease, output={"text": "done"}) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"
    [answered] = await approvals(agent.connection)
    assert (answered["approved"], answered["answered_by"]) == (True, ALICE)


async def test_other_caps_are_the_operators_question(database: Database, agent: Agent) -> None:
    await cap(agent, 1, "owner", str(ALICE))
    task_id = await wait_for_budget(agent, 1.5, owner=ALICE)

    [asked] = await approvals(agent.connection)
    assert (asked["by"], asked["owner"]) == ("operators", ALICE)
    assert asked["question"].startswith(f"The cap of owner {ALICE} is $1 a day, and")
    assert "May $0.5 more be spent until 20" in asked["question"]
    alice = await database.connect("authenticated", ALICE)
    with pytest.raises(asyncpg.PostgresError, match="only operators may answer"):
        await answer_question(alice, asked)

    await answer_question(agent.connection, asked)

    call = await call_or_wait(agent, await claim_step(agent, task_id), 1.5)
    assert call is not None
    [row] = await agent.connection.fetch("select * from public.cogo_budgets()")
    assert (float(row["limit_usd"]), float(row["extra_usd"])) == (1, 0.5)
    # What was approved is spent with this call; the next one asks again.
    await end(agent, call, 1.5)
    assert await begin(agent, a_call(owner=str(ALICE), usd=0.01)) | {"detail": ""} == {
        "answer": "refused", "scope": "owner", "detail": "", "question": None,
        "resets_at": row["resets_at"],
    }  # fmt: skip


async def test_a_hundred_steps_that_wait_for_one_cap_are_one_question(
    database: Database, agent: Agent
) -> None:
    await cap(agent, 1)
    tasks = [await wait_for_budget(agent, 2) for _ in range(20)]
    others = [await wait_for_budget(agent, 2, owner=BOB) for _ in range(2)]

    ours, bobs = await approvals(agent.connection)
    assert (ours["owner"], ours["show"]["steps"], float(ours["cost_usd"])) == (None, 20, 40)
    assert (ours["show"]["needed_usd"], bobs["owner"], bobs["show"]["steps"]) == (39, BOB, 2)
    superuser = await database.connect("postgres")
    told = await superuser.fetch(
        "select payload -> 'payload' ->> 'approval_id' as id, count(*) from realtime.messages"
        " where event = 'APPROVAL_REQUESTED' and topic = 'cogo-tasks' group by 1"
    )
    assert {row["id"]: row["count"] for row in told} == {str(ours["id"]): 5, str(bobs["id"]): 2}

    await answer_question(agent.connection, ours)

    leases = await agent.claim("model-a", limit=100)
    assert sorted(lease["task_id"] for lease in leases) == sorted(tasks)
    for lease in leases:
        assert await call_or_wait(agent, lease, 2) is not None
    assert {(await statuses(agent, each))["chat"] for each in others} == {"waiting"}


async def test_a_refusal_fails_every_step_that_waits(agent: Agent) -> None:
    await cap(agent, 1)
    tasks = [await wait_for_budget(agent, 2) for _ in range(3)]
    [asked] = await approvals(agent.connection)

    await answer_question(agent.connection, asked, False, "too dear")

    for task_id in tasks:
        task = await task_of(agent, task_id)
        assert (task["status"], task["error"]["class"]) == ("failed", "spend_cap")
        assert "the cap on everything is spent, and more was refused" in task["error"]["message"]
        assert task["error"]["message"].endswith(": too dear")
    assert await agent.connection.fetchval("select count(*) from cogo.budget_waits") == 0

    await agent.connection.execute("select from public.cogo_redrive_task($1)", tasks[0])
    assert await call_or_wait(agent, await claim_step(agent, tasks[0]), 2) is None
    first, second = await approvals(agent.connection)
    assert (first["key"], second["key"]) == ("chat/budget", "chat/budget#2")
    assert second["answered_at"] is None


async def test_turns_of_a_loop_stay_while_it_waits(agent: Agent) -> None:
    task_id = await start_asking(agent, budget_usd=1)
    lease = await claim_step(agent, task_id)
    first = await call_or_wait(agent, lease, 0.7)
    assert first is not None
    await end(agent, first, 0.7)
    assert await store(agent, lease, new_turn(1)) == ("ok", None)
    assert await call_or_wait(agent, lease, 0.7) is None

    [asked] = await approvals(agent.connection)
    assert float((await task_of(agent, task_id))["cost_usd"]) == 0.7
    await answer_question(agent.connection, asked)

    again = await claim_step(agent, task_id)
    assert (again["turns"], again["failures"], again["reaps"]) == (1, 0, 0)
    assert float((await task_of(agent, task_id))["budget_usd"]) == 1.4


async def test_a_paused_task_takes_the_answer_and_goes_on_when_it_is_resumed(agent: Agent) -> None:
    task_id = await wait_for_budget(agent, 0.3, budget_usd=0.1)
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)
    await agent.connection.execute("select from public.cogo_resume_task($1)", task_id)
    assert (await statuses(agent, task_id))["chat"] == "waiting"
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)
    [asked] = await approvals(agent.connection)

    await answer_question(agent.connection, asked)
    assert await agent.claim("model-a") == []
    await agent.connection.execute("select from public.cogo_resume_task($1)", task_id)

    assert await claim_step(agent, task_id)


async def _call_in_child(agent: Agent, parent: UUID, usd: float) -> Row | None:
    [child] = await children_of(agent, parent)
    lease = await claim_flow(agent, child["id"])
    step = {"key": "chat", "kind": "ask", "type": "CHAT", "lane": "model-a"}
    assert await answer(agent, ref(lease) | {"hand_over": {"step": step}}) == ("ok", None)
    return await call_or_wait(agent, await claim_step(agent, child["id"]), usd)


async def test_a_child_that_spends_the_budget_of_its_parent_asks_its_owner(
    database: Database, agent: Agent
) -> None:
    parent = await start_flow(
        agent, child_step("part"), owner=ALICE, budget_usd=0.1, params={"on_budget": "ask"}
    )
    assert await _call_in_child(agent, parent, 0.4) is None

    [asked] = await approvals(agent.connection)
    [child] = await children_of(agent, parent)
    assert (asked["task_id"], asked["by"], asked["owner"]) == (child["id"], None, ALICE)
    assert asked["show"]["key"] == str(parent)
    assert asked["question"].startswith(f"The budget of its parent task {parent} is $0.1")
    alice = await database.connect("authenticated", ALICE)
    await answer_question(alice, asked)

    assert float((await task_of(agent, parent))["budget_usd"]) == 0.4
    assert await call_or_wait(agent, await claim_step(agent, child["id"]), 0.4) is not None


@pytest.mark.parametrize("approved", [True, False])
async def test_a_child_task_for_which_its_parent_has_no_money_waits(
    agent: Agent, approved: bool
) -> None:
    parent = await start_flow(
        agent, child_step("part", budget_usd=2), budget_usd=0.5, params={"on_budget": "ask"}
    )

    [asked] = await approvals(agent.connection)
    assert (asked["task_id"], asked["kind"], float(asked["cost_usd"])) == (parent, "budget", 2)
    assert await children_of(agent, parent) == []
    await answer_question(agent.connection, asked, approved)

    children = await children_of(agent, parent)
    assert [float(each["budget_usd"]) for each in children] == ([2] if approved else [])
    assert (await statuses(agent, parent))["part"] == ("waiting" if approved else "failed")
    assert (await statuses(agent, parent))["plan"] == ("blocked" if approved else "queued")


async def test_what_a_cap_says_about_another_steps_question_is_refused(agent: Agent) -> None:
    task_id = await start_asking(agent, budget_usd=1)
    lease = await claim_step(agent, task_id)
    good = {"scope": "total", "key": "", "per": "day", "usd": 1}
    for wrong, why in (
        ({"usd": -1}, "needs usd"),
        ({"usd": "1"}, "needs usd"),
        ({"scope": None}, "needs a text scope"),
        ({"key": "k" * 501}, "needs a text key"),
        ({"scope": "task", "key": "x"}, "needs the id of a task"),
    ):
        item = ref(lease) | {"output": {}, "wait": {"budget": good | wrong}}
        said, detail = await answer(agent, item)
        assert (said, why in str(detail)) == ("invalid", True), detail
    both = {"budget": good, "approvals": [{"call_id": "a", "question": "?"}]}
    said, detail = await answer(agent, ref(lease) | {"output": {}, "wait": both})
    assert said == "invalid" and "not for both" in str(detail)


async def test_a_step_and_a_budget_are_asked_about_beside_each_other(agent: Agent) -> None:
    task_id = await start_flow(
        agent,
        wait_step("sure", "approve"),
        {"key": "draft", "kind": "ask", "type": "CHAT", "lane": "model-a"},
        budget_usd=0.1,
        params={"on_budget": "ask"},
    )
    assert await call_or_wait(agent, await claim_step(agent, task_id), 0.2) is None

    kinds = {row["kind"]: row for row in await approvals(agent.connection)}
    assert sorted(kinds) == ["budget", "step"]
    await answer_question(agent.connection, kinds["step"])
    assert (await statuses(agent, task_id))["draft"] == "waiting"
    await answer_question(agent.connection, kinds["budget"])
    assert (await statuses(agent, task_id))["draft"] == "queued"


async def test_nobody_sees_the_question_of_another_owner(database: Database, agent: Agent) -> None:
    await cap(agent, 1)
    await wait_for_budget(agent, 2, owner=ALICE)
    await insert_task(agent.connection, "x", owner=BOB)

    for user, seen in ((ALICE, 1), (BOB, 0)):
        person = await database.connect("authenticated", user)
        assert len(await approvals(person)) == seen


async def test_the_cap_of_a_project_is_asked_about_and_raised(agent: Agent) -> None:
    await cap(agent, 1, "project", "web")
    task_id = await wait_for_budget(agent, 1.5, project="web")

    [asked] = await approvals(agent.connection)
    assert (asked["by"], asked["cap"]) == ("operators", "project:web:day")
    assert asked["question"].startswith(
        "The cap of project web is $1 a day, and $1 of it are left."
    )
    await answer_question(agent.connection, asked)

    lease = await claim_step(agent, task_id)
    assert (await begin(agent, a_call(lease, 1.5)))["answer"] == "ok"
