from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, ref, statuses, step
from tests.support.sql.database import ALICE, BOB, Connection, Database, run_at_once
from tests.support.sql.flows import answer
from tests.support.sql.turns import (
    answer_question,
    approvals,
    hand_over_step,
    new_turn,
    question,
    read_turns,
    store,
    wait,
)
from tests.support.sql.waits import begin_flow, read_record, start_flow, suspend, wait_step

pytestmark = pytest.mark.db

HOUR = 3600


def asking(key: str = "ok", **params: Any) -> Row:
    return wait_step(key, "approve", params={"question": "Apply it?"} | params)


async def topics_of(database: Database, type_: str) -> list[str]:
    superuser = await database.connect("postgres")
    found = await superuser.fetch(
        "select topic from realtime.messages where event = $1 order by topic", type_
    )
    return [row["topic"] for row in found]


async def test_without_options_a_question_stays_open_for_ever(
    database: Database, agent: Agent
) -> None:
    await start_flow(agent, asking())
    await database.jump(timedelta(days=1000))
    await agent.reap()

    [asked] = await approvals(agent.connection)
    assert (asked["kind"], asked["answered_at"], asked["on_expiry"]) == ("step", None, "refuse")
    assert asked["expires_at"] is None and asked["escalate_at"] is None


@pytest.mark.parametrize("on_expiry", ["refuse", "approve", None])
async def test_a_question_expires_at_its_time_and_never_early(
    database: Database, agent: Agent, on_expiry: str | None
) -> None:
    task_id = await start_flow(agent, asking(expires_in=HOUR, on_expiry=on_expiry, cost_usd=0.5))
    [asked] = await approvals(agent.connection)
    assert asked["expires_at"] == database.now + timedelta(hours=1)
    assert float(asked["cost_usd"]) == 0.5

    await database.jump(timedelta(seconds=HOUR, microseconds=-1))
    await agent.reap()
    assert (await statuses(agent, task_id))["ok"] == "waiting"
    await database.jump(timedelta(microseconds=1))
    assert (await statuses(agent, task_id))["ok"] == "waiting", "until somebody keeps house"
    await agent.reap()

    [row] = await approvals(agent.connection)
    assert row["approved"] is (on_expiry == "approve")
    assert (row["answered_by"], row["answered_via"]) == (None, "expiry")
    assert row["comment"].startswith("nobody answered by 20")
    output = (await read_record(agent, task_id))["ok"]["output"]
    assert output["approved"] is (on_expiry == "approve")
    assert f"cogo-results:{task_id}" in await topics_of(database, "APPROVAL_ANSWERED")


async def test_an_answer_in_time_counts_and_nothing_expires_then(
    database: Database, agent: Agent
) -> None:
    await start_flow(agent, asking(expires_in=HOUR))
    [asked] = await approvals(agent.connection)
    await database.jump(timedelta(seconds=HOUR - 1))
    await answer_question(agent.connection, asked)

    await database.jump(timedelta(days=1))
    await agent.reap()

    [row] = await approvals(agent.connection)
    assert (row["approved"], row["answered_via"]) == (True, None)


async def test_a_late_answer_finds_what_the_expiry_has_answered(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, asking(expires_in=HOUR))
    [asked] = await approvals(agent.connection)
    await database.jump(timedelta(hours=2))

    with pytest.raises(asyncpg.PostgresError, match="ok was refused by its expiry at 20"):
        await answer_question(agent.connection, asked)
    assert (await statuses(agent, task_id))["ok"] == "waiting", "the error took it back"
    await answer_question(agent.connection, asked, False)

    [row] = await approvals(agent.connection)
    assert (row["approved"], row["answered_via"]) == (False, "expiry")
    assert (await statuses(agent, task_id))["ok"] == "completed"


async def test_an_answer_and_the_expiry_at_once_are_one(database: Database, agent: Agent) -> None:
    other = await database.connect()
    for _ in range(5):
        task_id = await start_flow(agent, asking(expires_in=1))
        *_, asked = await approvals(agent.connection)
        await database.jump(timedelta(seconds=1))
        await run_at_once(answer_question(other, asked), agent.reap())
        await agent.reap()  # the first may have found the task locked
        *_, row = await approvals(agent.connection)
        assert (row["approved"], row["answered_via"]) == (False, "expiry")
        assert (await statuses(agent, task_id))["ok"] == "completed"


async def test_a_call_of_a_tool_expires_in_its_loop(database: Database, agent: Agent) -> None:
    await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    assert await store(agent, lease, new_turn(1)) == ("ok", None)
    asked = [question("pay", expires_in=60, cost_usd=1), question("ship")]
    assert await wait(agent, lease, *asked) == ("ok", None)

    await database.jump(timedelta(minutes=1))
    await agent.reap()

    pay, ship = await approvals(agent.connection)
    assert (pay["kind"], pay["approved"], ship["answered_at"]) == ("tool", False, None)
    *_, turn = await read_turns(agent, lease)
    assert (turn["kind"], turn["body"]["approved"]) == ("approval", False)
    assert turn["body"]["comment"].startswith("nobody answered by")
    await answer_question(agent.connection, ship)
    assert len(await agent.claim("model-a")) == 1


async def test_an_expiry_fails_a_planned_subtask_as_a_refusal_does(
    database: Database, agent: Agent
) -> None:
    params = {"expires_in": 5}
    task_id = await plan_task(agent, step("a", needs_approval=True, params=params))

    await database.jump(timedelta(seconds=5))
    await agent.reap()

    error = await agent.connection.fetchval(
        "select error from public.cogo_tasks where id = $1", task_id
    )
    assert (error["class"], "nobody answered by" in error["message"]) == ("rejected", True)


async def test_nonsense_of_a_planned_subtask_is_left_out(agent: Agent) -> None:
    params = {"expires_in": "soon", "escalate": [], "cost_usd": {}}
    await plan_task(agent, step("a", needs_approval=True, params=params))

    [asked] = await approvals(agent.connection)
    assert (asked["expires_at"], asked["escalate_at"], asked["cost_usd"]) == (None, None, None)


async def test_a_redrive_gives_the_time_anew(database: Database, agent: Agent) -> None:
    await hand_over_step(agent, deadline=database.now + timedelta(minutes=1))
    [lease] = await agent.claim("model-a")
    options: Row = {"expires_in": 120, "escalate": {"after": 60, "to": "operators"}}
    assert await wait(agent, lease, question("pay", **options)) == ("ok", None)
    await database.jump(timedelta(seconds=90))
    await agent.reap()
    assert (await statuses(agent, lease["task_id"]))["chat"] == "cancelled"

    await agent.connection.execute("select from public.cogo_redrive_task($1)", lease["task_id"])

    [asked] = await approvals(agent.connection)
    assert asked["withdrawn_at"] is None
    assert asked["expires_at"] == database.now + timedelta(seconds=120)
    assert asked["escalate_at"] == database.now + timedelta(seconds=60)
    assert asked["escalated_at"] is None


async def answer_as(
    connection: Connection, approval_id: UUID, person: UUID | None, approved: bool = True
) -> Row:
    [row] = await connection.fetch(
        "select * from public.cogo_answer_approval($1, $2, null, $3, 'link')",
        approval_id, approved, person,
    )  # fmt: skip
    return dict(row)


async def test_another_person_is_asked_when_nobody_has_answered(
    database: Database, agent: Agent
) -> None:
    escalate = {"after": HOUR, "to": str(BOB).upper()}
    await start_flow(agent, asking(escalate=escalate), owner=ALICE)
    [asked] = await approvals(agent.connection)
    bob = await database.connect("authenticated", BOB)
    assert await approvals(bob) == []
    with pytest.raises(asyncpg.PostgresError, match="or it is not yours"):
        await answer_as(agent.connection, asked["id"], BOB)
    assert f"cogo-approvals:{BOB}" not in await topics_of(database, "APPROVAL_REQUESTED")

    await database.jump(timedelta(hours=1))
    await agent.reap()
    await agent.reap()

    assert (await topics_of(database, "APPROVAL_REQUESTED")).count(f"cogo-approvals:{BOB}") == 1
    [seen] = await approvals(bob)
    assert (seen["escalate_to"], seen["escalated_at"]) == (str(BOB), database.now)
    answered = await answer_as(agent.connection, asked["id"], BOB)
    assert (answered["answered_by"], answered["answered_via"]) == (BOB, "link")
    assert f"cogo-approvals:{BOB}" in await topics_of(database, "APPROVAL_ANSWERED")


async def test_who_was_asked_first_may_answer_after_the_escalation(
    database: Database, agent: Agent
) -> None:
    await start_flow(
        agent, asking(by=str(BOB), escalate={"after": 5, "to": "operators"}), owner=ALICE
    )
    await database.jump(timedelta(seconds=5))
    await agent.reap()
    [asked] = await approvals(agent.connection)

    with pytest.raises(asyncpg.PostgresError, match=f"only person {BOB} may answer"):
        await answer_as(agent.connection, asked["id"], ALICE)
    bob = await database.connect("authenticated", BOB)
    await answer_question(bob, asked)

    [row] = await approvals(agent.connection)
    assert row["answered_by"] == BOB


async def test_what_is_answered_or_expired_is_not_escalated(
    database: Database, agent: Agent
) -> None:
    options: Row = {"expires_in": 10, "escalate": {"after": 5, "to": "operators"}}
    await start_flow(agent, asking("a", **options), asking("b", **options))
    a, _ = await approvals(agent.connection)
    await answer_question(agent.connection, a)

    await database.jump(timedelta(seconds=20))
    await agent.reap()

    assert [row["escalated_at"] for row in await approvals(agent.connection)] == [None, None]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"expires_in": -1}, "expires_in must be a number of seconds, 1 to 315360000"),
        ({"expires_in": 0}, "expires_in must be"),
        ({"expires_in": 1e300}, "expires_in must be"),
        ({"expires_in": "60"}, "expires_in must be"),
        ({"expires_in": [60]}, "expires_in must be"),
        ({"expires_in": True}, "expires_in must be"),
        ({"expires_in": 60, "on_expiry": "maybe"}, "on_expiry must be refuse or approve"),
        ({"on_expiry": "approve"}, "on_expiry needs expires_in"),
        ({"escalate": "operators"}, "escalate must be an object with after and to"),
        ({"escalate": {"after": 5, "to": "operators", "cc": "x"}}, "with after and to"),
        ({"escalate": {"to": "operators"}}, "escalate.after must be a number"),
        ({"escalate": {"after": -5, "to": "operators"}}, "escalate.after must be a number"),
        ({"escalate": {"after": 5}}, "escalate.to must be the uuid of a person, or operators"),
        ({"escalate": {"after": 5, "to": "the boss"}}, "escalate.to must be"),
        ({"escalate": {"after": 5, "to": {}}}, "escalate.to must be"),
        ({"expires_in": 5, "escalate": {"after": 5, "to": "operators"}}, "less than expires_in"),
        ({"cost_usd": -1}, "cost_usd must be a number of US dollars"),
        ({"cost_usd": "much"}, "cost_usd must be"),
    ],
)
async def test_wrong_options_are_refused_with_what_is_wrong(
    agent: Agent, options: dict[str, Any], why: str
) -> None:
    flow = await begin_flow(agent)
    said = await suspend(agent, flow, asking(**options))
    assert (said["answer"], said["detail"].startswith("step ok: ")) == ("invalid", True)
    assert why in said["detail"]

    await hand_over_step(agent)
    [lease] = await agent.claim("model-a")
    item = ref(lease) | {"output": {}, "wait": {"approvals": [question("pay", **options)]}}
    word, detail = await answer(agent, item)
    assert (word, why in str(detail)) == ("invalid", True)
    assert await approvals(agent.connection) == []


@pytest.mark.parametrize("via", ["", "HTTP", "expiry", "a b", "x" * 51])
async def test_how_it_was_answered_is_a_short_word(agent: Agent, via: str) -> None:
    await start_flow(agent, asking())
    [asked] = await approvals(agent.connection)

    with pytest.raises(asyncpg.PostgresError, match="p_via must be"):
        await agent.connection.execute(
            "select from public.cogo_answer_approval($1, true, p_via => $2)", asked["id"], via
        )


async def test_a_withdrawn_question_neither_expires_nor_escalates(
    database: Database, agent: Agent
) -> None:
    options: Row = {"expires_in": 10, "escalate": {"after": 5, "to": "operators"}}
    task_id = await start_flow(agent, asking(**options))
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
    assert f"cogo-results:{task_id}" in await topics_of(database, "APPROVAL_WITHDRAWN")

    await database.jump(timedelta(seconds=20))
    await agent.reap()

    [row] = await approvals(agent.connection)
    assert (row["answered_at"], row["escalated_at"]) == (None, None)


async def test_a_paused_task_does_not_stop_the_clock(database: Database, agent: Agent) -> None:
    task_id = await start_flow(agent, asking(expires_in=10))
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)

    await database.jump(timedelta(seconds=10))
    await agent.reap()

    assert (await statuses(agent, task_id))["ok"] == "completed"
    assert (await statuses(agent, task_id))["plan"] == "held"


async def test_many_expire_in_turns_and_locked_tasks_are_skipped(
    database: Database, agent: Agent
) -> None:
    tasks = [await start_flow(agent, asking(expires_in=10)) for _ in range(3)]
    await database.jump(timedelta(seconds=10))
    other = await database.connect()

    async with other.transaction():
        await other.execute(
            "select from public.cogo_tasks where id = $1 for no key update", tasks[0]
        )
        await agent.connection.execute("select from public.cogo_reap(1)")
        await agent.connection.execute("select from public.cogo_reap(1)")
        open_ = [r["task_id"] for r in await approvals(agent.connection) if not r["answered_at"]]
        assert open_ == tasks[:1]
    await agent.reap()
    assert all(row["answered_at"] for row in await approvals(agent.connection))
