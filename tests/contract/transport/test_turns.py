"""Stored turns of tool loops, and waits for people, over the real server."""

from typing import Any

import pytest

from protocol.errors import MoveNotAllowed
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import (
    EVERYTHING,
    ClaimedSubtask,
    Completion,
    NewTurn,
    ToolQuestion,
    ToolWait,
    TurnBatch,
)
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import Agent, a_usage

HOSTILE: Any = {"text": 'a"\\ \n\t\u2028 Zürich 🚀', "deep": [[[{}]]], "n": 1e-7, "none": None}


@pytest.fixture
def agent(store: SupabaseStore) -> Agent:
    return Agent(store)


async def put(agent: Agent, claimed: ClaimedSubtask, *turns: NewTurn) -> tuple[str, str | None]:
    batch = TurnBatch(ref=claimed.ref, turns=list(turns))
    [answer] = await agent.store.store_turns(agent_id=agent.id, items=[batch])
    return answer.answer, answer.detail


def a_turn(seq: int, kind: Any = "answer", **body: Any) -> NewTurn:
    return NewTurn(seq=seq, kind=kind, body={"n": seq} | body)


async def test_turns_are_read_as_they_were_stored(agent: Agent, store: SupabaseStore) -> None:
    _, claimed = await agent.start()
    first, second = a_turn(1, **HOSTILE), a_turn(2, "begun")

    assert await put(agent, claimed, first, second) == ("ok", None)
    assert await put(agent, claimed, first, second) == ("ok", None), "repeated"
    assert await put(agent, claimed, a_turn(4)) == ("invalid", "turn 4 does not follow turn 2")
    stored = await store.fetch_turns(subtask_id=claimed.subtask_id)

    assert [(each.seq, each.kind, each.attempt) for each in stored] == [
        (1, "answer", 1), (2, "begun", 1)
    ]  # fmt: skip
    assert stored[0].body == {"n": 1} | HOSTILE


async def test_what_postgres_cannot_store_is_replaced(agent: Agent, store: SupabaseStore) -> None:
    _, claimed = await agent.start()

    assert await put(agent, claimed, a_turn(1, text="a\0b\ud800")) == ("ok", None)

    [stored] = await store.fetch_turns(subtask_id=claimed.subtask_id)
    assert stored.body["text"] == "a\ufffdb\ufffd"


async def test_long_transcripts_are_read_completely(agent: Agent, store: SupabaseStore) -> None:
    _, claimed = await agent.start()
    for seq in range(1, 11):
        assert await put(agent, claimed, a_turn(seq, text="é" * 450_000)) == ("ok", None)

    stored = await store.fetch_turns(subtask_id=claimed.subtask_id)

    assert [each.seq for each in stored] == list(range(1, 11))


async def test_only_the_holder_stores_turns_and_its_successor_reads_them(
    agent: Agent, store: SupabaseStore
) -> None:
    _, claimed = await agent.start()
    await put(agent, claimed, a_turn(1))
    await store.release_subtasks(agent_id=agent.id, leases=[claimed.ref], reason="drain")

    assert await put(agent, claimed, a_turn(2)) == ("stale", None)
    [again] = await agent.claim()
    assert (again.attempt, again.turns) == (2, 1)
    assert await put(agent, again, a_turn(2)) == ("ok", None)


async def test_a_subtask_waits_for_people_and_goes_on_with_their_answers(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    await put(agent, claimed, a_turn(1))
    questions = [
        ToolQuestion(call_id=f"call_{n}", question=f"May {n} run?", show={"n": n} | HOSTILE)
        for n in (1, 2)
    ]
    wait = Completion(ref=claimed.ref, usage=a_usage(), wait=ToolWait(approvals=questions))

    answer = await agent.complete(wait)

    assert (answer.answer, answer.detail) == ("ok", None)
    assert (await agent.complete(wait)).answer == "duplicate"
    [step] = [e for e in await store.fetch_subtasks(task_id=task.id) if e.key == "code"]
    assert step.status is SubtaskState.WAITING
    asked = await store.find_approvals(limit=100, visible=EVERYTHING)
    first, second = sorted(
        (each for each in asked if each.task_id == task.id), key=lambda each: each.key
    )
    assert (first.key, first.call_id, first.step) == ("code/call_1", "call_1", "code")
    assert first.show == {"n": 1} | HOSTILE
    with pytest.raises(MoveNotAllowed):
        await store.approve_subtask(subtask_id=claimed.subtask_id, approved=True)
    await store.answer_approval(approval_id=second.id, approved=False, comment="not that one")
    assert await agent.claim() == []
    await store.answer_approval(approval_id=first.id, approved=True)

    [again] = await agent.claim()
    told = [each.body for each in await store.fetch_turns(subtask_id=again.subtask_id)][1:]
    assert [(each["call_id"], each["approved"], each["comment"]) for each in told] == [
        ("call_2", False, "not that one"), ("call_1", True, None)
    ]  # fmt: skip
    await agent.complete_output(again, {"text": "done"}, a_usage())
    ended = await store.fetch_task(task_id=task.id)
    assert ended is not None
    assert (ended.status, ended.output_tokens) == (TaskState.COMPLETED, 10)
