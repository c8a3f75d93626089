"""Texts under the data policies of the tasks that wrote them: conversations, facts and vectors."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.agent import Agent, Row, insert_task, plan_task
from tests.support.sql.database import ALICE, BOB
from tests.support.sql.memory import call, embed, find, remember, run_memory, search

pytestmark = pytest.mark.db

TURN: list[Row] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


async def hold_turn(agent: Agent, session_id: UUID, policy: Any, owner: UUID | None = ALICE) -> Row:
    """Return the lease of a task in a session, after its turn was stored."""
    preferences = {} if policy is None else {"data_policy": policy}
    await plan_task(agent, owner=owner, session_id=session_id, preferences=preferences)
    [lease] = await agent.claim("model-a")
    assert await agent.complete(lease, messages=TURN) == "ok"
    return lease


def read_rules(lease: Row) -> Any:
    return lease["task"]["preferences"].get("data_policy")


async def test_a_conversation_adds_its_rules_to_those_of_later_tasks(agent: Agent) -> None:
    session = uuid4()

    before = await hold_turn(agent, session, None)
    strict = await hold_turn(agent, session, " Local-Only ")
    after = await hold_turn(agent, session, None)
    more = await hold_turn(agent, session, ["eu", "any"])
    last = await hold_turn(agent, session, "any")
    elsewhere = await hold_turn(agent, uuid4(), None)
    of_another = await hold_turn(agent, session, None, owner=BOB)

    assert [read_rules(each) for each in (before, elsewhere, of_another)] == [None] * 3
    assert read_rules(strict) == " Local-Only ", "nothing was said before"
    assert read_rules(after) == ["local-only"]
    assert read_rules(more) == ["eu", "local-only"]
    assert read_rules(last) == ["eu", "local-only"]


@pytest.mark.parametrize("policy", [7, [], [7, None], {"a": 1}, [["eu"]], "x" * 60_000, None])
async def test_a_policy_that_is_none_harms_no_turn(agent: Agent, policy: Any) -> None:
    session = uuid4()

    await hold_turn(agent, session, policy)
    lease = await hold_turn(agent, session, "eu")

    assert "eu" in read_rules(lease)


async def test_a_copy_of_a_conversation_is_under_its_rules(agent: Agent) -> None:
    session = uuid4()
    await hold_turn(agent, session, "eu")
    await agent.connection.execute("delete from public.cogo_tasks")

    [copy] = await call(agent.connection, "fork_session", owner=ALICE, session_id=session)
    lease = await hold_turn(agent, copy["session_id"], None)

    assert read_rules(lease) == ["eu"]


async def test_a_fact_is_under_the_rules_of_its_task(agent: Agent) -> None:
    who = agent.connection
    task = await insert_task(agent.connection, owner=ALICE, preferences={"data_policy": "eu"})

    await remember(who, ALICE, "Ada likes red tea.", task_id=str(task))
    await remember(who, ALICE, "Bob likes green tea.")

    assert len(await find(who, ALICE, "tea")) == 2, "its owner finds everything"
    assert await find(who, ALICE, "tea", data_policy=[]) == ["Bob likes green tea."]
    assert len(await find(who, ALICE, "tea", data_policy=["eu", "no-training"])) == 2
    assert await find(who, ALICE, "tea", data_policy=["local-only"]) == ["Bob likes green tea."]
    # Said again, freely.
    await remember(who, ALICE, "Ada likes red tea.")
    assert len(await find(who, ALICE, "tea", data_policy=[])) == 2


async def test_no_outer_index_gets_the_vector_of_a_fact_that_must_stay(agent: Agent) -> None:
    who = agent.connection
    for name, policy in (("red", "local-only"), ("green", "eu")):
        task = await insert_task(who, owner=ALICE, preferences={"data_policy": policy})
        await remember(who, ALICE, name, task_id=str(task))
    await call(who, "register_index", index="early")
    for _ in range(2):  # one task for each policy
        await run_memory(who, "m")
        await embed(agent, {"red": [0, 1], "green": [1, 0]})
    await run_memory(who, "m")
    await call(who, "register_index", index="late")

    listed = [await call(who, "list_vector_changes", index=each) for each in ("early", "late")]

    [green] = await search(who, ALICE, "green")
    [red] = await search(who, ALICE, "red")
    assert [[row["id"] for row in each] for each in listed] == [[green["id"]]] * 2
    assert red["found_by"] == ["words"]


async def test_the_rules_of_somebody_elses_task_are_no_ones_business(agent: Agent) -> None:
    task = await insert_task(agent.connection, owner=BOB, preferences={"data_policy": "eu"})

    await remember(agent.connection, ALICE, "Ada likes red tea.", task_id=str(task))

    assert await find(agent.connection, ALICE, "tea", data_policy=[]) == ["Ada likes red tea."]
