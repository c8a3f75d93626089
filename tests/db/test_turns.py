"""Turns are stored under the fence, once, and read by the next attempt."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, ref, step, task_of
from tests.support.sql.database import ALICE, BOB, Database
from tests.support.sql.flows import new_step, start_flow
from tests.support.sql.turns import new_turn, read_turns, store, store_all

pytestmark = pytest.mark.db


@pytest.fixture
async def lease(agent: Agent) -> Row:
    await plan_task(agent, owner=ALICE)
    [claimed] = await agent.claim("model-a")
    return claimed


async def test_the_next_attempt_reads_what_the_last_one_stored(
    agent: Agent, other_agent: Agent, lease: Row
) -> None:
    assert lease["turns"] == 0
    assert await store(agent, lease, new_turn(1), new_turn(2, "begun")) == ("ok", None)
    assert await store(agent, lease, new_turn(3, "result", content=None)) == ("ok", None)
    await agent.release(lease, died=True)

    [again] = await other_agent.claim("model-a")

    assert again["turns"] == 3
    assert await store(other_agent, again, new_turn(4)) == ("ok", None)
    assert [
        (turn["seq"], turn["kind"], turn["attempt"]) for turn in await read_turns(agent, again)
    ] == [(1, "answer", 1), (2, "begun", 1), (3, "result", 1), (4, "answer", 2)]
    third = (await read_turns(agent, again, 2))[0]
    assert third["body"] == {"n": 3, "content": None}


async def test_a_repeated_call_changes_nothing(agent: Agent, lease: Row) -> None:
    turns = [new_turn(1), new_turn(2, "begun")]
    await store(agent, lease, *turns)

    assert await store(agent, lease, *turns) == ("ok", None)
    assert await store(agent, lease, turns[1], new_turn(3, "result")) == ("ok", None)
    assert await store(agent, lease) == ("ok", None)
    assert [turn["seq"] for turn in await read_turns(agent, lease)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("turns", "detail"),
    [
        ([new_turn(3)], "turn 3 does not follow turn 1"),
        ([new_turn(2), new_turn(4)], "turn 4 does not follow turn 2"),
        ([new_turn(2), new_turn(2)], "in the order of their seq"),
        ([new_turn(2), new_turn(1)], "in the order of their seq"),
        ([new_turn(1, content="other")], "turn 1 was stored with another content"),
        ([new_turn(1, "begun")], "turn 1 was stored with another content"),
        ([new_turn(2), new_turn(3, "approval")], "kind answer, begun or result"),
        ([new_turn(2) | {"body": [1]}], "must be an object"),
        ([new_turn(2) | {"body": None}], "must be an object"),
        ([new_turn(2, text="a" * 1048577)], "more than 1 MiB"),
        ([{"kind": "answer", "body": {}}], "a seq of 1 or more"),
        ([new_turn(2) | {"seq": "two"}], "a seq of 1 or more"),
        ([new_turn(0)], "a seq of 1 or more"),
        ([new_turn(1001)], "may have 1000 turns"),
        ([7], "a seq of 1 or more"),
        (["x" * 1000], "a seq of 1 or more"),
    ],
)
async def test_what_cannot_be_stored_leaves_nothing(
    agent: Agent, lease: Row, turns: list[Any], detail: str
) -> None:
    await store(agent, lease, new_turn(1))

    answer, told = await store(agent, lease, *turns)

    assert answer == "invalid"
    assert detail in str(told)
    assert len(str(told)) < 500
    assert [turn["body"] for turn in await read_turns(agent, lease)] == [{"n": 1}]


async def test_a_body_too_deep_for_other_programs_is_refused(agent: Agent, lease: Row) -> None:
    deep: Any = 1
    for _ in range(120):
        deep = [deep]

    answer, detail = await store(agent, lease, new_turn(1, deep=deep))

    assert (answer, detail) == (
        "invalid", "the body of turn 1 is nested more than 100 levels deep"
    )  # fmt: skip


async def test_each_item_is_stored_for_itself(agent: Agent) -> None:
    await plan_task(agent, step("a"), step("b"), step("c", "a", "b"))
    first, second = await agent.claim("model-a")

    answers = await store_all(
        agent,
        ref(first) | {"turns": [new_turn(2)]},
        ref(second) | {"turns": [new_turn(1)]},
        ref(second) | {"turns": [new_turn(2)]},
        {"subtask_id": "nonsense", "attempt": 1, "turns": [new_turn(1)]},
        ref(first) | {"turns": {"seq": 1}},
        ref(first) | {"attempt": 7, "turns": [new_turn(1)]},
        {},
    )

    assert [answer for answer, _ in answers] == [
        "invalid", "ok", "ok", "stale", "invalid", "stale", "stale"
    ]  # fmt: skip
    assert await read_turns(agent, first) == []
    assert len(await read_turns(agent, second)) == 2
    with pytest.raises(asyncpg.PostgresError, match="must be a list of") as refused:
        await agent.connection.fetch("select * from public.cogo_store_turns($1, $2)", agent.id, {})
    assert refused.value.sqlstate == "TQ004"


async def test_only_the_holder_of_the_lease_stores(
    database: Database, agent: Agent, other_agent: Agent, lease: Row
) -> None:
    assert await store(other_agent, lease, new_turn(1)) == ("stale", None)
    await agent.release(lease)
    assert await store(agent, lease, new_turn(1)) == ("stale", None)
    [again] = await other_agent.claim("model-a")
    assert await store(agent, lease, new_turn(1)) == ("stale", None)
    await agent.connection.execute("select from public.cogo_cancel_task($1)", again["task_id"])

    assert await store(other_agent, again, new_turn(1)) == ("cancel", None)
    await other_agent.fail(again)
    assert await store(other_agent, again, new_turn(1)) == ("cancel", None)
    assert await read_turns(agent, again) == []


async def test_long_transcripts_are_read_in_pages(agent: Agent, lease: Row) -> None:
    for seq in range(1, 12):
        assert await store(agent, lease, new_turn(seq, text="a" * 1_000_000)) == ("ok", None)

    pages: list[list[int]] = []
    while page := await read_turns(agent, lease, pages[-1][-1] if pages else 0):
        pages.append([turn["seq"] for turn in page])

    assert pages == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]


async def test_a_thousand_turns_can_be_stored_and_no_more(agent: Agent, lease: Row) -> None:
    turns = [new_turn(seq) for seq in range(1, 1001)]
    assert await store(agent, lease, *turns) == ("ok", None)

    assert await store(agent, lease, new_turn(1001)) == ("invalid", "a subtask may have 1000 turns")
    assert len(await read_turns(agent, lease)) == 1000
    await agent.release(lease, died=True)
    [again] = await agent.claim("model-a")
    assert again["turns"] == 1000


async def test_owners_read_their_own_turns(database: Database, agent: Agent, lease: Row) -> None:
    await store(agent, lease, new_turn(1))
    read = "select task_id, key, seq, kind, attempt, body from public.cogo_turns"

    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)

    assert [tuple(row) for row in await alice.fetch(read)] == [
        (lease["task_id"], "code", 1, "answer", 1, {"n": 1})
    ]
    assert await bob.fetch(read) == []
    for statement in (
        "select * from public.cogo_store_turns('x', '[]')",
        f"select * from public.cogo_subtask_turns('{lease['subtask_id']}')",  # noqa: S608
        "delete from cogo.turns where seq = 1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await alice.fetch(statement)


async def test_turns_go_with_their_task(database: Database, agent: Agent, lease: Row) -> None:
    await store(agent, lease, new_turn(1))
    await agent.complete(lease)
    assert (await task_of(agent, lease["task_id"]))["status"] == "completed"
    assert len(await read_turns(agent, lease)) == 1

    await database.jump(timedelta(seconds=2))
    await agent.connection.execute("select public.cogo_prune(100, '1 second')")

    assert await agent.connection.fetchval("select count(*) from cogo.turns") == 0


async def test_turns_stored_by_hand_harm_nobody_else(agent: Agent) -> None:
    """An operator may write anything that Postgres takes for JSON."""
    await plan_task(agent, step("a"), step("b"), step("c", "a", "b"))
    first, second = await agent.claim("model-a")
    hostile = '{"deep": ' + "[" * 3000 + "]" * 3000 + ', "number": 1' + "0" * 5000 + "}"
    await agent.connection.execute(
        "insert into cogo.turns (subtask_id, seq, kind, attempt, body)"
        " values ($1, 1, 'answer', 1, $2::text::jsonb), ($1, 2, 'answer', 1, '{}')",
        first["subtask_id"], hostile,
    )  # fmt: skip
    await agent.release()

    again = {lease["key"]: lease for lease in await agent.claim("model-a")}

    assert (again["a"]["turns"], again["b"]["turns"]) == (2, 0)
    assert await store(agent, again["b"], new_turn(1)) == ("ok", None)
    assert await store(agent, again["a"], new_turn(3)) == ("ok", None)
    assert (await store(agent, again["a"], new_turn(1)))[0] == "invalid"
    assert [turn["seq"] for turn in await read_turns(agent, again["a"], 1)] == [2, 3]
    assert [await agent.complete(lease) for lease in again.values()] == ["ok", "ok"]
    assert second["subtask_id"] == again["b"]["subtask_id"]


@pytest.mark.parametrize("grants", [["lookup", "mcp:docs/*"], ["none"], []])
async def test_a_lease_says_which_tools_are_granted_now(agent: Agent, grants: list[str]) -> None:
    async def set_tools(tools: list[str]) -> object:
        query = "select tools from public.cogo_set_grants($1, null, null, p_tools => $2)"
        return await agent.connection.fetchval(query, ALICE, tools)

    await plan_task(
        agent, step("a", params={"tools": ["lookup"]}), step("b"), step("c", "a", "b"), owner=ALICE
    )
    before, plain = await agent.claim("model-a")
    await agent.release()
    expected = {"lookup": ["lookup", "mcp:docs/*"], "none": []}.get((grants or [""])[0])

    assert await set_tools(grants) == expected

    after, plain = await agent.claim("model-a")
    assert (before["tools_granted"], after["tools_granted"]) == (None, expected)
    assert plain["tools_granted"] is None
    assert await set_tools([]) is None


async def test_deaths_count_from_the_last_stored_turn(agent: Agent) -> None:
    task_id = await plan_task(agent)
    for seq in range(1, 8):
        [lease] = await agent.claim("model-a")
        assert lease["reaps"] == (1 if seq > 1 else 0)
        assert await store(agent, lease, new_turn(seq, "result")) == ("ok", None)
        await agent.release(lease, died=True)

    # What has only begun is no progress; neither is what was stored by an earlier attempt.
    for reaps in range(1, 5):
        [lease] = await agent.claim("model-a")
        assert lease["reaps"] == reaps
        assert await store(agent, lease, new_turn(7 + reaps, "begun")) == ("ok", None)
        await agent.release(lease, died=True)

    assert await agent.claim("model-a") == []
    assert (await task_of(agent, task_id))["error"]["class"] == "worker_died"


async def test_a_call_step_is_told_which_tools_are_granted(agent: Agent) -> None:
    grant = "select from public.cogo_set_grants($1, p_tools => array['shop.pay'])"
    await agent.connection.execute(grant, ALICE)
    await start_flow(agent, new_step("a", "call"), columns={"owner": ALICE})

    [lease] = await agent.claim("tools:shop")

    assert lease["tools_granted"] == ["shop.pay"]


async def test_a_checkpoint_says_which_turn_it_is_the_text_of(agent: Agent, lease: Row) -> None:
    async def read_checkpoint() -> object:
        query = "select checkpoint from public.cogo_subtasks where id = $1"
        return await agent.connection.fetchval(query, lease["subtask_id"])

    for sent, kept in ((2, 2), (None, None), ("many", None), (-1, None)):
        assert await agent.extend(lease, content="so far", turn=sent) == ["ok"]

        assert await read_checkpoint() == {
            "attempt": 1, "content": "so far", "reasoning": "", "turn": kept
        }  # fmt: skip
