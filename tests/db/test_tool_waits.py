"""A subtask waits in the middle of a tool loop until people have answered about its calls."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, ref, statuses, task_of
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.flows import new_step, start_flow
from tests.support.sql.turns import (
    answer_question,
    approvals,
    ask,
    hand_over_step,
    new_turn,
    question,
    read_turns,
    store,
    wait,
)

pytestmark = pytest.mark.db

USAGE = {"model_id": "model-a", "provider": "acme", "cost_usd": 2, "output_tokens": 7}


async def call_rpc(connection: Connection, function: str, row_id: UUID) -> None:
    await connection.execute(f"select from public.{function}($1)", row_id)


async def transcript(agent: Agent, lease: Row) -> list[tuple[str, object]]:
    """Return the kind of each turn, and which call was answered how."""
    return [
        (turn["kind"], (turn["body"].get("call_id"), turn["body"].get("approved")))
        if turn["kind"] == "approval"
        else (turn["kind"], None)
        for turn in await read_turns(agent, lease)
    ]


async def test_the_last_of_several_answers_lets_it_go_on(database: Database, agent: Agent) -> None:
    lease = await ask(agent, "call_1", "call_2")
    first, second = await approvals(agent.connection)
    assert (first["key"], first["question"]) == ("chat/call_1", "May call_1 run?")
    assert (second["key"], second["call_id"], second["owner"]) == ("chat/call_2", "call_2", ALICE)
    assert await statuses(agent, lease["task_id"]) == {"plan": "completed", "chat": "waiting"}
    said = await (await database.connect("postgres")).fetch(
        "select topic from realtime.messages where event = 'APPROVAL_REQUESTED' order by topic"
    )
    assert [row["topic"] for row in said] == [f"cogo-results:{lease['task_id']}"] * 2 + [
        "cogo-tasks"
    ] * 2
    alice = await database.connect("authenticated", ALICE)

    await answer_question(alice, second, False, "not that one")

    assert (await statuses(agent, lease["task_id"]))["chat"] == "waiting"
    assert await agent.claim("model-a") == []

    await answer_question(alice, first)

    [again] = await agent.claim("model-a")
    assert (again["turns"], again["attempt"]) == (3, 2)
    told = [turn["body"] for turn in await read_turns(agent, again, 1)]
    assert [{**body, "at": None} for body in told] == [
        {"call_id": "call_2", "approved": False, "comment": "not that one", "by": str(ALICE)}
        | {"at": None},
        {"call_id": "call_1", "approved": True, "comment": None, "by": str(ALICE), "at": None},
    ]
    assert await store(agent, again, new_turn(4, "result")) == ("ok", None)
    assert await agent.complete(again) == "ok"
    assert (await task_of(agent, lease["task_id"]))["status"] == "completed"


async def test_a_wait_counts_no_failure_and_books_its_usage(agent: Agent) -> None:
    task_id = await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0)
    [lease] = await agent.claim("model-a")
    await agent.release(lease, died=True)
    [lease] = await agent.claim("model-a")

    await wait(agent, lease, question("call_1"), usage=USAGE)

    row = await agent.connection.fetchrow(
        "select failures, reaps, status from cogo.subtasks where key = 'chat'"
    )
    assert tuple(row or ()) == (0, 0, "waiting")
    attempt = await agent.connection.fetchrow(
        "select outcome, cost_usd, output_tokens from public.cogo_attempts where attempt = 3"
    )
    assert tuple(attempt or ()) == ("suspended", 2, 7)
    assert (await task_of(agent, task_id))["output_tokens"] == 7
    [asked] = await approvals(agent.connection)
    await answer_question(agent.connection, asked)
    [again] = await agent.claim("model-a")
    assert [each["outcome"] for each in again["history"]] == ["failed", "reaped"]


async def test_a_repeated_wait_asks_once(agent: Agent, other_agent: Agent) -> None:
    lease = await ask(agent, "call_1")

    assert await wait(agent, lease, question("call_1")) == ("duplicate", None)
    assert await wait(other_agent, lease, question("call_1")) == ("stale", None)
    assert len(await approvals(agent.connection)) == 1
    [asked] = await approvals(agent.connection)
    await answer_question(agent.connection, asked)
    [again] = await other_agent.claim("model-a")

    assert await wait(agent, lease, question("call_1")) == ("duplicate", None)
    assert await wait(agent, {**again, "attempt": 7}, question("call_1")) == ("unknown", None)
    assert await wait(agent, again, question("call_2")) == ("stale", None)
    assert (await statuses(agent, lease["task_id"]))["chat"] == "running"


async def test_the_same_call_id_in_a_later_turn_is_asked_anew(agent: Agent) -> None:
    await ask(agent, "call_0")
    [asked] = await approvals(agent.connection)
    await answer_question(agent.connection, asked)
    [lease] = await agent.claim("model-a")

    assert await wait(agent, lease, question("call_0")) == ("ok", None)

    first, second = await approvals(agent.connection)
    assert (first["key"], second["key"]) == ("chat/call_0", "chat/call_0#2")
    assert first["approved"] is True
    await answer_question(agent.connection, second, False)
    [again] = await agent.claim("model-a")
    assert await transcript(agent, again) == [
        ("answer", None),
        ("approval", ("call_0", True)),
        ("approval", ("call_0", False)),
    ]
    assert await wait(agent, again, question("call_0"), question("call_0#2")) == ("ok", None)
    assert [row["key"] for row in (await approvals(agent.connection))[2:]] == [
        "chat/call_0#3",
        "chat/call_0#2#2",
    ]


@pytest.mark.parametrize("when", ["before", "between", "after"])
async def test_a_paused_task_takes_answers_and_goes_on_when_resumed(
    agent: Agent, when: str
) -> None:
    task_id = await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    if when == "before":
        await call_rpc(agent.connection, "cogo_pause_task", task_id)
    assert await wait(agent, lease, question("call_1"), question("call_2")) == ("ok", None)
    first, second = await approvals(agent.connection)
    if when == "after":
        await call_rpc(agent.connection, "cogo_pause_task", task_id)
    await answer_question(agent.connection, first)
    if when == "between":
        await call_rpc(agent.connection, "cogo_pause_task", task_id)
    assert (await statuses(agent, task_id))["chat"] == "held"
    for function in ("cogo_resume_task", "cogo_pause_task"):
        await call_rpc(agent.connection, function, task_id)
    assert len(await approvals(agent.connection)) == 2

    await answer_question(agent.connection, second)

    assert (await statuses(agent, task_id))["chat"] == "held"
    assert await agent.claim("model-a") == []
    await call_rpc(agent.connection, "cogo_resume_task", task_id)
    [again] = await agent.claim("model-a")
    assert again["turns"] == 2


async def test_a_cancelled_task_withdraws_its_questions(agent: Agent) -> None:
    lease = await ask(agent, "call_1", "call_2")
    first, second = await approvals(agent.connection)
    await answer_question(agent.connection, first)

    await call_rpc(agent.connection, "cogo_cancel_task", lease["task_id"])

    first, second = await approvals(agent.connection)
    assert (first["withdrawn_at"], first["approved"]) == (None, True)
    assert second["withdrawn_at"] is not None
    with pytest.raises(asyncpg.PostgresError, match="waits for no approval") as refused:
        await answer_question(agent.connection, second)
    assert refused.value.sqlstate == "TQ003"
    await answer_question(agent.connection, first)  # repeated
    assert await transcript(agent, lease) == [("answer", None), ("approval", ("call_1", True))]


async def test_a_wait_after_the_cancellation_is_closed(agent: Agent) -> None:
    task_id = await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    await call_rpc(agent.connection, "cogo_cancel_task", task_id)

    assert await wait(agent, lease, question("call_1"), usage=USAGE) == ("closed", None)

    assert await approvals(agent.connection) == []
    assert (await task_of(agent, task_id))["cost_usd"] == 2


async def test_a_deadline_ends_the_wait_and_a_redrive_asks_again(
    database: Database, agent: Agent
) -> None:
    task_id = await hand_over_step(agent, deadline=database.now + timedelta(seconds=60))
    [lease] = await agent.claim("model-a")
    await wait(agent, lease, question("call_1"), question("call_2"))
    first, second = await approvals(agent.connection)
    await answer_question(agent.connection, first)
    await database.jump(timedelta(seconds=61))
    await agent.reap()
    task = await task_of(agent, task_id)
    assert (task["status"], task["error"]["class"]) == ("failed", "deadline")
    assert (await approvals(agent.connection))[1]["withdrawn_at"] is not None

    await call_rpc(agent.connection, "cogo_redrive_task", task_id)

    first, second = await approvals(agent.connection)
    assert second["withdrawn_at"] is None
    assert await statuses(agent, task_id) == {"plan": "completed", "chat": "waiting"}
    await answer_question(agent.connection, second)
    [again] = await agent.claim("model-a")
    assert again["turns"] == 2
    assert await agent.complete(again) == "ok"


async def test_a_redriven_step_that_failed_asks_only_what_is_open(agent: Agent) -> None:
    lease = await ask(agent, "call_1", "call_2")
    first, _ = await approvals(agent.connection)
    await answer_question(agent.connection, first)
    await agent.connection.execute(
        'select cogo.dead_letter_subtask($1, \'{"class": "x", "message": "y"}\')',
        lease["subtask_id"],
    )
    assert (await task_of(agent, lease["task_id"]))["status"] == "failed"
    assert (await approvals(agent.connection))[1]["withdrawn_at"] is not None

    await call_rpc(agent.connection, "cogo_redrive_task", lease["task_id"])
    [again] = await agent.claim("model-a")
    changed = question("call_2", question="Really?", by="operators")
    assert await wait(agent, again, changed) == ("ok", None)

    first, second = await approvals(agent.connection)
    assert (second["question"], second["by"], second["withdrawn_at"]) == (
        "Really?", "operators", None
    )  # fmt: skip
    assert second["attempt"] == 2
    await answer_question(agent.connection, second)
    [third] = await agent.claim("model-a")
    assert third["turns"] == 3


async def test_a_withdrawn_question_cannot_be_answered_while_another_waits(agent: Agent) -> None:
    lease = await ask(agent, "call_1")
    await agent.connection.execute(
        'select cogo.dead_letter_subtask($1, \'{"class": "x", "message": "y"}\')',
        lease["subtask_id"],
    )
    await call_rpc(agent.connection, "cogo_redrive_task", lease["task_id"])
    [again] = await agent.claim("model-a")
    await wait(agent, again, question("call_9"))
    withdrawn, waiting = await approvals(agent.connection)

    with pytest.raises(asyncpg.PostgresError, match="withdrawn: it waits for no approval"):
        await answer_question(agent.connection, withdrawn)

    await call_rpc(agent.connection, "cogo_pause_task", lease["task_id"])
    await call_rpc(agent.connection, "cogo_resume_task", lease["task_id"])
    assert (await approvals(agent.connection))[0]["withdrawn_at"] is not None
    await answer_question(agent.connection, waiting)
    assert [each["attempt"] for each in await agent.claim("model-a")] == [3]


async def test_a_step_of_a_flow_waits_and_its_flow_waits_for_it(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"))
    leases = {lease["key"]: lease for lease in await agent.claim("model-a")}
    await wait(agent, leases["a"], question("call_1"))
    await agent.complete(leases["b"])
    assert await statuses(agent, task_id) == {"plan": "blocked", "a": "waiting", "b": "completed"}
    [asked] = await approvals(agent.connection)

    await answer_question(agent.connection, asked, False)

    [again] = await agent.claim("model-a")
    assert await agent.complete(again) == "ok"
    assert await statuses(agent, task_id) == {"plan": "queued", "a": "completed", "b": "completed"}


async def test_a_redrive_asks_again_about_a_call_step_that_was_refused(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a", "call"))
    [lease] = await agent.claim("tools:shop")
    assert await wait(agent, lease, question("call")) == ("ok", None)
    [asked] = await approvals(agent.connection)
    await answer_question(agent.connection, asked, False)
    [refused] = await agent.claim("tools:shop")
    assert refused["turns"] == 1
    await agent.fail(refused, "give_up")
    [flow] = await agent.claim("cio")
    await agent.fail(flow, "give_up", error={"class": "x", "message": "y", "step": "a"})

    await call_rpc(agent.connection, "cogo_redrive_task", task_id)

    [again] = await agent.claim("tools:shop")
    assert again["turns"] == 0
    assert await wait(agent, again, question("call")) == ("ok", None)
    assert [row["key"] for row in await approvals(agent.connection)] == ["a/call", "a/call#2"]


async def test_a_planned_subtask_that_needed_approval_asks_about_calls_too(agent: Agent) -> None:
    await plan_task(agent, {**_planned(), "needs_approval": True})
    [before] = await approvals(agent.connection)
    await answer_question(agent.connection, before)
    [lease] = await agent.claim("model-a")

    assert await wait(agent, lease, question("call_1")) == ("ok", None)

    before, asked = await approvals(agent.connection)
    assert (before["key"], asked["key"]) == ("a", "a/call_1")
    assert before["approved"] is True
    await answer_question(agent.connection, asked, False)
    [again] = await agent.claim("model-a")
    assert await agent.complete(again) == "ok"


def _planned() -> Row:
    return {"key": "a", "type": "CHAT", "lane": "model-a", "params": {}, "dependencies": []}


async def test_answers_by_subtask_need_one_open_question(agent: Agent) -> None:
    lease = await ask(agent, "call_1", "call_2")
    first, second = await approvals(agent.connection)
    approve = "select status from public.cogo_approve_subtask($1)"

    with pytest.raises(asyncpg.PostgresError, match="2 approvals: chat/call_1, chat/call_2"):
        await agent.connection.fetchval(approve, lease["subtask_id"])

    await answer_question(agent.connection, second, False)
    assert await agent.connection.fetchval(approve, lease["subtask_id"]) == "queued"
    first, second = await approvals(agent.connection)
    assert (first["approved"], second["approved"]) == (True, False)


async def test_each_is_answered_by_whoever_may(database: Database, agent: Agent) -> None:
    await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    await wait(
        agent,
        lease,
        question("hers", show={"path": "a.txt"}),
        question("his", by=str(BOB)),
        question("ours", by="operators"),
    )
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)

    hers, his, ours = await approvals(alice)
    assert hers["show"] == {"path": "a.txt"}
    assert [row["key"] for row in await approvals(bob)] == ["chat/his"]
    for who, row, code in [(alice, his, "TQ003"), (bob, hers, "TQ002"), (alice, ours, "TQ003")]:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await answer_question(who, row)
        assert refused.value.sqlstate == code
    await answer_question(bob, his)
    await answer_question(agent.connection, ours)
    await answer_question(alice, hers)
    assert len(await agent.claim("model-a")) == 1


async def test_many_waits_are_committed_together(agent: Agent) -> None:
    keys: Sequence[str] = [f"s{n}" for n in range(5)]
    await start_flow(agent, *map(new_step, keys))
    leases = await agent.claim("model-a")
    items = [
        ref(lease) | {"wait": {"approvals": [question("call_1")]}}
        if lease["key"] != "s2"
        else ref(lease) | {"output": {}}
        for lease in leases
    ]

    assert {row["answer"] for row in await agent.complete_all(items)} == {"ok"}

    assert {row["key"] for row in await approvals(agent.connection)} == {
        "s0/call_1", "s1/call_1", "s3/call_1", "s4/call_1"
    }  # fmt: skip


async def test_questions_go_with_their_task(agent: Agent) -> None:
    lease = await ask(agent, "call_1")

    await agent.connection.execute("delete from public.cogo_tasks where id = $1", lease["task_id"])

    assert await approvals(agent.connection) == []
    assert await agent.connection.fetchval("select count(*) from cogo.turns") == 0
