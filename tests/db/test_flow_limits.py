"""What a workflow may ask for is checked, and a bad end of an attempt changes nothing."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.sql.agent import (
    Agent,
    Row,
    insert_task,
    step,
)
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    hand_over,
    new_step,
    read_steps,
    start_flow,
    suspend,
)

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("steps", "fields", "detail"),
    [
        ([], {}, "await at least one step"),
        ([new_step("plan")], {}, "the key plan must be"),
        ([new_step("a/")], {}, "the key a/ must be"),
        ([new_step("a b")], {}, "the key a b must be"),
        ([new_step("a#0")], {}, "the key a#0 must be"),
        ([new_step("x" * 101)], {}, "must be 1 to 100"),
        ([new_step("a"), new_step("a")], {}, "the key a is taken"),
        ([new_step("old")], {}, "the key old is taken"),
        ([new_step("a", "flow")], {}, "unknown kind flow"),
        ([new_step("a", lane="sandbox:python")], {}, "of kind ask cannot be in lane sandbox"),
        ([new_step("a", "check", lane="model-a")], {}, "of kind check cannot be in lane model-a"),
        ([new_step("a", "event", lane="cio")], {}, "of kind event cannot be in lane cio"),
        ([new_step("a", "sleep")], {}, "needs run_at"),
        ([new_step("a", "task")], {}, "needs a child"),
        ([new_step("a", child={"type": "CHAT"})], {}, "no other may have one"),
        ([new_step("a", params=[])], {}, "params of step a"),
        ([new_step("a", error="no")], {}, "error of step a"),
        ([new_step("a", type=None)], {}, "needs a text type"),
        ([new_step("a"), "ghost"], {}, "awaited step ghost does not exist"),
        ([new_step("a")], {"awaits": [None]}, "awaited step"),
        ([new_step("a")], {"cancel": ["ghost"]}, "cancelled step ghost"),
        ([new_step("a"), "old"], {"cancel": ["old"]}, "cancelled step old"),
        ([new_step("a")], {"wait": "some"}, "wait must be all or any"),
        ([new_step("a")], {"awaits": "a"}, "awaits must be a list"),
        ([new_step("a")], {"steps": {}}, "steps must be a list"),
        ([new_step("a")], {"drift": ["x"]}, "drift must be a list of objects"),
        ([new_step("a")], {"decisions": []}, "decisions must be an object"),
        ([new_step("a")], {"decisions": {"a": "x" * 2_000_000}}, "more than 1 MiB"),
        ([new_step("a")], {"selections": [{"key": "old"}]}, "not among the new steps: old"),
        ([new_step("a")], {"selections": {}}, "selections must be a list"),
        ([new_step("a", run_at="tomorrow-ish")], {}, "tomorrow-ish"),
        ([new_step(f"s{number}") for number in range(100)], {}, "100 open steps at once"),
    ],
)
async def test_a_bad_suspension_is_refused_with_a_reason_and_nothing_is_written(
    agent: Agent, steps: list[Any], fields: Row, detail: str
) -> None:
    task_id = await start_flow(agent, new_step("old"), new_step("done"), wait="any")
    leases = await claim_steps(agent, "old", "done")
    await agent.complete(leases["done"])
    lease = await claim_flow(agent, task_id)

    found = await answer(agent, suspend(lease, *steps, **fields))

    assert found[0] == "invalid"
    assert detail in str(found[1])
    assert len(await read_steps(agent, task_id)) == 3
    assert await answer(agent, suspend(lease, "old")) == ("ok", None)


async def test_unreadable_json_in_a_suspension_is_refused(agent: Agent) -> None:
    deep: Any = 1
    for _ in range(101):
        deep = [deep]
    task_id = await insert_task(agent.connection)
    lease = await claim_flow(agent, task_id)

    for fields in ({"decisions": {"a": deep}}, {"drift": [{"key": deep}]}):
        found = await answer(agent, suspend(lease, new_step("a"), **fields))
        assert found[0] == "invalid"
        assert "100 levels" in str(found[1])
    found = await answer(agent, hand_over(lease, new_step("a", params={"a": deep})))
    assert found == ("invalid", "hand_over.step is nested more than 100 levels deep")


async def test_a_task_has_a_thousand_steps_at_most(agent: Agent) -> None:
    error = {"class": "no_model", "message": "none"}
    steps = [new_step(f"s{number}", error=error) for number in range(999)]
    task_id = await start_flow(agent, *steps, "s0")
    lease = await claim_flow(agent, task_id)

    found = await answer(agent, suspend(lease, new_step("a"), new_step("b")))
    assert found[0] == "invalid"
    assert "1000 steps" in str(found[1])
    assert await answer(agent, suspend(lease, new_step("a"))) == ("ok", None)
    assert len({row["end_no"] for row in (await read_steps(agent, task_id)).values()}) == 1000


async def test_a_model_that_is_not_granted_is_refused_unless_the_step_has_failed(
    agent: Agent,
) -> None:
    owner = uuid4()
    await agent.connection.execute(
        "insert into cogo.grants (owner, kind, name) values ($1, 'model', 'model-b')", owner
    )
    task_id = await insert_task(agent.connection, owner=owner)
    lease = await claim_flow(agent, task_id)

    for item in (suspend(lease, new_step("a")), hand_over(lease, new_step("a"))):
        found = await answer(agent, item)
        assert found[0] == "invalid"
        assert "TQ007: model model-a is not granted" in str(found[1])
    error = {"class": "not_granted", "message": "model-a is not granted"}
    steps = new_step("a", error=error), new_step("b", lane="model-b"), new_step("c", "check")
    assert await answer(agent, suspend(lease, *steps)) == ("ok", None)


@pytest.mark.parametrize("end", ["plan", "hand_over", "again", "route", "subtasks"])
async def test_a_flow_ends_its_attempt_in_one_way(agent: Agent, end: str) -> None:
    task_id = await insert_task(agent.connection)
    lease = await claim_flow(agent, task_id)

    found = await answer(agent, suspend(lease, new_step("a")) | {end: {}})

    assert found[0] == "invalid"


@pytest.mark.parametrize("end", ["plan", "suspend", "hand_over", "again"])
async def test_a_step_ends_neither_like_a_flow_nor_with_more_subtasks(
    agent: Agent, end: str
) -> None:
    await start_flow(agent, new_step("a"))
    lease = (await claim_steps(agent, "a"))["a"]

    assert await agent.complete(lease, **{end: {}}) == "invalid"
    assert await agent.complete(lease, subtasks=[step("x")]) == "invalid"
    assert await agent.complete(lease) == "ok"
