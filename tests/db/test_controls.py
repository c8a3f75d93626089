"""Operators pin, ban, drain and allow models while subtasks wait and run."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, Row, insert_task, step
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.outcomes import knowledge, planned, selection, switches

pytestmark = pytest.mark.db


async def control(agent: Agent, action: str, subject: str = "model-a", **more: object) -> Row:
    names = "".join(f", p_{name} => ${number}" for number, name in enumerate(more, start=3))
    found = await agent.connection.fetchrow(
        f"select * from public.cogo_control_model(p_action => $1, p_subject => $2{names})",  # noqa: S608
        action,
        subject,
        *more.values(),
    )
    return dict(found or {})


async def lanes(agent: Agent) -> dict[Any, str]:
    rows = await agent.connection.fetch(
        "select task_id, lane from cogo.subtasks where type <> 'PLAN' order by seq"
    )
    return {row["task_id"]: row["lane"] for row in rows}


async def test_a_ban_lets_running_work_finish_and_sends_waiting_work_back(
    database: Database, agent: Agent
) -> None:
    running = await planned(agent, "model-a")
    [lease] = await agent.claim("model-a", limit=1)
    waiting = await planned(agent, "model-a")
    elsewhere = await planned(agent, "model-b")

    done = await control(agent, "ban", reason="it lies", who="ann")

    assert (done["was"], done["restamped"]) == ("allow", 1)
    assert await lanes(agent) == {running: "model-a", waiting: "cio", elsewhere: "model-b"}
    assert await agent.complete(lease) == "ok"
    [route] = await agent.claim("cio")
    assert route["task_id"] == waiting
    assert await agent.complete(route, route={"lane": "model-b"}) == "ok"
    [event] = await agent.connection.fetch(
        "select detail, agent_id from cogo.events where task_id = $1 and detail ? 'reason'", waiting
    )
    assert (event["detail"]["reason"], event["agent_id"]) == ("it lies", "ann")
    owner = await database.connect("postgres")
    rung = await owner.fetchval(
        "select count(*) from realtime.messages where topic = 'cogo-tasks'"
        " and event = 'MCP_SUBTASK'"
    )
    assert rung == 1


async def test_saying_it_again_changes_nothing_and_allow_takes_it_back(agent: Agent) -> None:
    for action in ("ban", "ban", "drain", "allow", "allow"):
        await control(agent, action)

    assert await switches(agent) == [
        ("model-a", "allow", "ban"),
        ("model-a", "ban", "drain"),
        ("model-a", "drain", "allow"),
    ]
    assert (await knowledge(agent))["controls"] == []


async def test_a_requested_model_is_kept_when_drained_but_not_when_banned(agent: Agent) -> None:
    task_id = await insert_task(agent.connection, model="model-a")
    [plan] = await agent.claim("cio")
    await agent.complete(plan, plan={"subtasks": [step("a", lane="model-a")]})

    assert (await control(agent, "drain"))["restamped"] == 0
    assert (await control(agent, "ban"))["restamped"] == 1
    assert await lanes(agent) == {task_id: "cio"}


async def test_a_provider_takes_its_models_along(agent: Agent) -> None:
    for model_id in ("model-a", "model-b", "model-c"):
        await planned(agent, model_id)

    done = await control(agent, "drain", "vendor", lanes=["model-a", "model-b"])

    assert done["restamped"] == 2
    assert sorted((await lanes(agent)).values()) == ["cio", "cio", "model-c"]


async def test_a_scope_reaches_its_tasks_only(database: Database, agent: Agent) -> None:
    tasks = []
    for owner in (ALICE, BOB):
        tasks.append(await insert_task(agent.connection, owner=owner))
        [plan] = await agent.claim("cio")
        selected = selection("a", "model-a", {"taskType": "general"})
        chosen = {"subtasks": [step("a")], "selections": [selected]}
        await agent.complete(plan, plan=chosen)

    await control(agent, "ban", scope=f"owner:{ALICE}")
    assert await lanes(agent) == {tasks[0]: "cio", tasks[1]: "model-a"}
    await control(agent, "ban", scope="task_type:code-generation")
    assert (await lanes(agent))[tasks[1]] == "model-a"
    await control(agent, "ban", scope="task_type:general")
    assert (await lanes(agent))[tasks[1]] == "cio"


async def test_a_pin_moves_what_waits_elsewhere_and_there_is_one_in_a_scope(agent: Agent) -> None:
    here, there = await planned(agent, "model-a"), await planned(agent, "model-b")

    await control(agent, "pin", "model-a")
    assert await lanes(agent) == {here: "model-a", there: "cio"}
    await control(agent, "pin", "model-c")

    pins = [row["subject"] for row in (await knowledge(agent))["controls"]]
    assert pins == ["model-c"]


@pytest.mark.parametrize(
    ("action", "subject", "scope"),
    [
        ("kill", "m", "everywhere"),
        ("ban", "", "everywhere"),
        ("ban", "m", "owner:me"),
        ("ban", "m", "x"),
    ],
)
async def test_nonsense_is_refused(agent: Agent, action: str, subject: str, scope: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await control(agent, action, subject, scope=scope)

    assert refused.value.sqlstate == "TQ004"


async def test_policies_are_kept_by_owner_and_each_change_is_announced(agent: Agent) -> None:
    set_policy = "select * from public.cogo_set_policy($1, $2)"
    await agent.connection.execute(set_policy, "scored", None)
    await agent.connection.execute(set_policy, "cascade", ALICE)
    known = await knowledge(agent)
    await agent.connection.execute(set_policy, None, None)

    assert known["policies"] == {
        "00000000-0000-0000-0000-000000000000": "scored",
        str(ALICE): "cascade",
    }
    assert (await knowledge(agent))["policies"] == {str(ALICE): "cascade"}
    assert ("policy", "scored", "default") in await switches(agent)


async def test_the_first_of_several_answers_to_a_request_is_kept_and_returned(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    request_id = "11111111-0000-4000-8000-000000000001"
    record = "select selected_model from public.cogo_record_selection($1)"

    kept = [
        await each.connection.fetchval(
            record, {"request_id": request_id, "selected_model": model_id, "reason": "r"}
        )
        for each, model_id in [(agent, "model-a"), (other_agent, "model-b")]
    ]

    assert kept == ["model-a", "model-a"]
    said = await answers_on_the_channel(database)
    assert [row["payload"]["payload"]["request_id"] for row in said] == [request_id]


@pytest.mark.parametrize("named", ["no uuid", "11111111-0000-4000-8000-000000000002"])
async def test_an_answer_repeats_ids_that_are_no_task_here_and_says_why_there_is_no_model(
    database: Database, agent: Agent, named: str
) -> None:
    await agent.connection.execute(
        "select from public.cogo_record_selection($1)",
        {"task_id": named, "subtask_id": named, "selected_model": None, "reason": "it is unknown"},
    )

    kept = await agent.connection.fetchrow("select * from public.cogo_model_selections")
    assert kept is not None
    assert (kept["task_id"], kept["subtask_id"], kept["reason"]) == (None, None, "it is unknown")
    [said] = [row["payload"]["payload"] for row in await answers_on_the_channel(database)]
    assert (said["task_id"], said["subtask_id"]) == (named, named)
    assert (said["selected_model"], said["error"]) == (None, "it is unknown")


async def test_a_request_without_an_id_of_its_own_is_another_one_later(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    answer = {
        "request_id": "11111111-0000-5000-8000-000000000001",
        "unnamed_request": True,
        "selected_model": "model-a",
        "reason": "r",
    }
    record = "select from public.cogo_record_selection($1)"

    for each in (agent, other_agent):
        await each.connection.execute(record, answer)
    assert len(await answers_on_the_channel(database)) == 1
    await database.jump(timedelta(seconds=11))
    for each in (agent, other_agent):
        await each.connection.execute(record, answer)

    assert len(await answers_on_the_channel(database)) == 2


async def answers_on_the_channel(database: Database) -> list[Any]:
    owner = await database.connect("postgres")
    rows: list[Any] = await owner.fetch(
        "select payload from realtime.messages where event = 'MODEL_SELECTION_RESPONSE'"
    )
    return rows


@pytest.mark.parametrize("subject", ["acme", "model-a"])
async def test_a_ban_refuses_the_next_call_and_lets_running_ones_end(
    agent: Agent, subject: str
) -> None:
    running = a_call()
    assert (await begin(agent, running))["answer"] == "ok"

    await control(agent, "ban", subject, reason="it lies")

    refused = await begin(agent, a_call())
    assert (refused["answer"], refused["detail"]) == ("banned", f"{subject} is banned: it lies")
    assert (await begin(agent, running))["answer"] == "ok"
    assert await end(agent, running, 0.5) is True
    assert (await begin(agent, a_call(provider="other", model_id="model-b")))["answer"] == "ok"
    await control(agent, "allow", subject)
    assert (await begin(agent, a_call()))["answer"] == "ok"


@pytest.mark.parametrize(
    ("scope", "answer"),
    [
        (f"owner:{ALICE}", "banned"),
        (f"owner:{BOB}", "ok"),
        ("task_type:code-generation", "banned"),
        ("task_type:debugging", "ok"),
    ],
)
async def test_a_ban_for_some_refuses_only_their_calls(
    agent: Agent, scope: str, answer: str
) -> None:
    await planned(agent, "model-a")
    [lease] = await agent.claim("model-a")

    await control(agent, "ban", "acme", scope=scope)

    assert (await begin(agent, a_call(lease, owner=str(ALICE))))["answer"] == answer
