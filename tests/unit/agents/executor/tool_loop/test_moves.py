"""Whatever dies, and whenever: the loop goes on as if nothing had happened."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.executor.tool_loop import limits as loop_limits
from agents.executor.tool_loop.conversation import build_loop_request
from agents.executor.tool_loop.limits import Remaining
from agents.executor.tool_loop.moves import AskModel, AwaitPeople, LoopMove, RunCalls, plan_move
from agents.executor.tool_loop.offer import LoopSettings
from agents.executor.tool_loop.state import LoopState, TurnsUnreadable, read_loop_state
from agents.tools.params import ToolLimits
from protocol.records import StoredTurn
from providers.chat import ChatRequest, Message, ToolCall
from tests.support.tools.loop_world import LIMITS, NAMES, OFFER, World, answer, live

arguments = st.sampled_from(["{}", '{"a": 1}', "", "[]", "{broken"])
scripts = st.lists(st.lists(st.tuples(st.sampled_from(NAMES), arguments), max_size=4), max_size=7)


@given(script=scripts, kills=st.lists(st.integers(1, 60), max_size=12, unique=True))
def test_deaths_change_neither_the_end_nor_what_is_done_twice(
    script: list[list[tuple[str, str]]], kills: list[int]
) -> None:
    calm, deadly = World(script, []), World(script, kills)

    assert live(calm) == live(deadly)

    state = read_loop_state(deadly.stored)
    assert len(state.turns) == len(read_loop_state(calm.stored).turns)
    assert all(asked == 1 for asked in calm.asked.values())
    assert deadly.asked.total() == calm.asked.total() + deadly.deaths_after_asking
    for call in state.iter_calls():
        if OFFER.is_callers(call.call):
            assert call.result is None
            continue
        assert call.result is not None
        tool = OFFER.tools.get(call.call.name)
        if tool is None or not tool.is_idempotent:
            assert deadly.ran[call.key] <= 1
        if call.rejection is not None:
            assert not deadly.ran[call.key]
        if call.status == "unknown":
            assert tool is not None
            assert not tool.is_idempotent
    results = [each.body["call_id"] for each in deadly.stored if each.kind == "result"]
    assert len(results) == len(set(results))


@given(script=scripts, kills=st.lists(st.integers(1, 60), max_size=8, unique=True), cut=st.data())
def test_every_prefix_of_a_transcript_can_be_continued(
    script: list[list[tuple[str, str]]], kills: list[int], cut: st.DataObject
) -> None:
    world = World(script, kills)
    end = live(world)
    length = cut.draw(st.integers(0, len(world.stored)))

    again = World(script, [], stored=world.stored[:length])

    assert live(again) == end
    assert not any(again.asked[n] for n in range(len(read_loop_state(world.stored[:length]).turns)))


@given(script=scripts)
def test_every_call_is_followed_by_its_result_in_the_next_request(
    script: list[list[tuple[str, str]]],
) -> None:
    world = World(script, [])
    if live(world) != "text":
        return
    state = read_loop_state(world.stored)
    first = ChatRequest(model="", messages=(Message(role="user", content="go"),))

    request = build_loop_request(first, state, OFFER, LoopSettings(), sees=False, move=AskModel())

    called = [call.id for each in request.messages for call in each.tool_calls]
    assert [each.tool_call_id for each in request.messages if each.role == "tool"] == called


def plan(*turns: tuple[str, dict[str, Any]], **options: Any) -> LoopMove:
    return plan_move(read(*turns), OFFER, options.pop("limits", LIMITS), **options)


def read(*turns: tuple[str, dict[str, Any]]) -> LoopState:
    return read_loop_state(
        [
            StoredTurn(seq=seq, kind=kind, attempt=1, body=body)
            for seq, (kind, body) in enumerate(turns, start=1)
        ]
    )


def result(call_id: str, status: str = "ok", seconds: float = 1.0) -> tuple[str, dict[str, Any]]:
    return "result", {
        "call_id": call_id, "tool": "t", "status": status, "content": "", "seconds": seconds,
    }  # fmt: skip


def test_calls_that_need_nobody_run_before_a_person_is_asked() -> None:
    turns = ("answer", answer(0, [("ship", "{}"), ("read", "{}"), ("ask_person", "{}")]))

    first = plan(turns)
    then = plan(turns, result("call-0-1"))

    assert isinstance(first, RunCalls)
    assert [each.tool.name for each in first.runs] == ["shop.read"]
    assert isinstance(then, AwaitPeople)
    assert [each.call_id for each in then.questions] == ["call-0-0", "call-0-2"]
    assert then.questions[0].show == {"tool": "shop.ship", "arguments": {}}


@pytest.mark.parametrize(
    ("approval", "status", "content"),
    [
        ({"approved": False, "comment": "too dear"}, "refused", "They say: too dear"),
        ({"approved": False, "comment": None}, "refused", "A person has refused"),
    ],
)
def test_a_refused_call_is_not_run(approval: dict[str, Any], status: str, content: str) -> None:
    move = plan(
        ("answer", answer(0, [("ship", "{}")])), ("approval", {"call_id": "call-0-0"} | approval)
    )

    assert isinstance(move, RunCalls)
    assert not move.runs
    assert [each.status for each in move.replies] == [status]
    assert content in move.replies[0].content


@pytest.mark.parametrize(
    ("approved", "comment", "said"),
    [(True, "blue", "blue"), (False, "", "no"), (True, None, "yes")],
)
def test_the_answer_of_a_person_is_the_result(
    approved: bool, comment: str | None, said: str
) -> None:
    move = plan(
        ("answer", answer(0, [("ask_person", '{"question": "Which colour?"}')])),
        ("approval", {"call_id": "call-0-0", "approved": approved, "comment": comment}),
    )

    assert isinstance(move, RunCalls)
    assert [(each.status, each.content) for each in move.replies] == [("ok", said)]


def test_the_question_and_what_else_the_model_wrote_reach_the_person() -> None:
    move = plan(("answer", answer(0, [("ask_person", json.dumps({"question": "Q?", "a": [1]}))])))

    assert isinstance(move, AwaitPeople)
    [asked] = move.questions
    assert (asked.question, asked.show) == ("Q?", {"a": [1]})


def test_nothing_is_run_from_an_answer_that_was_cut() -> None:
    move = plan(("answer", answer(0, [("read", '{"a": 1')], finish_reason="length")))

    assert isinstance(move, RunCalls)
    assert not move.runs
    assert "cut" in move.replies[0].content


def test_wrong_arguments_are_explained_to_the_model() -> None:
    turns = ("answer", answer(0, [("read", "{}"), ("pay", "nonsense"), ("gone", "{}")]))

    move = plan(turns, mistakes={"call-0-0": "$.a: it is no text"})

    assert isinstance(move, RunCalls)
    assert not move.runs
    texts = [each.content for each in move.replies]
    assert "$.a: it is no text" in texts[0]
    assert "not one JSON object" in texts[1]
    assert "The tools are: read, pay, ship, ask_person, theirs" in texts[2]


def test_equal_ids_of_different_turns_are_different_calls() -> None:
    body = answer(0, [("read", "{}")])

    state = read(("answer", body), result("call-0-0"), ("answer", body))

    assert [each.key for each in state.iter_calls()] == ["call-0-0", "turn2.1"]
    assert [each.key for each in state.list_open_calls()] == ["turn2.1"]


@pytest.mark.parametrize("turn_id", ["", "x" * 5_000, "with space", "nul\0"])
def test_strange_ids_get_plain_keys(turn_id: str) -> None:
    keys = LoopState().build_keys([ToolCall(id=turn_id, name="n", arguments="")] * 2)

    assert keys == ["turn1.1", "turn1.2"]


@pytest.mark.parametrize("body", [{}, {"message": {"role": "system"}}, {"message": None}])
def test_what_another_release_stored_may_be_unreadable(body: dict[str, Any]) -> None:
    with pytest.raises(TurnsUnreadable, match="turn 1 cannot be read"):
        read(("answer", body))


def turn_of(cost: float | None, *calls: str, **more: Any) -> tuple[str, dict[str, Any]]:
    usage = {"model_id": "m", "provider": "p", "cost_usd": cost, "duration_ms": 1}
    names = [("read", "{}") for _ in calls]
    return "answer", answer(int(calls[0][5]), names, usage=usage, **more)


@pytest.mark.parametrize(
    ("limits", "remaining", "seconds", "limit"),
    [
        ({}, {}, 0, None),
        ({"turns": 1}, {}, 0, "the limit of 1 turns with tool calls"),
        ({"calls": 2}, {}, 0, "the limit of 2 tool calls"),
        ({"calls": 3}, {}, 0, None),
        ({"seconds": 2}, {}, 0, "the limit of 2 seconds for tools"),
        ({"usd": 0.2}, {}, 0, "the limit of $0.2 for this loop"),
        ({"usd": 0.21}, {}, 0, None),
        ({}, {"usd": 0.2}, 0, "the budget of the task"),
        ({}, {"usd": 0.21}, 0, None),
        ({}, {"seconds": 4}, 2, "the deadline of the task"),
        ({}, {"seconds": 5}, 2, None),
    ],
)
def test_limits_end_the_loop_with_room_for_one_answer(
    limits: dict[str, Any], remaining: dict[str, Any], seconds: float, limit: str | None
) -> None:
    move = plan(
        turn_of(0.1, "call-0-0", "call-0-1"),
        result("call-0-0"),
        result("call-0-1"),
        limits=ToolLimits(**limits),
        remaining=Remaining(**remaining),
        turn_seconds=seconds,
    )

    assert move == AskModel(limit=limit)


@pytest.mark.parametrize("most", range(4, 40))
def test_a_loop_ends_before_its_turns_cannot_be_stored(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_limits, "MAX_STORED_TURNS", most)
    called = ["pay", "ship", "unknown", "ask_person", "read", "ship", "pay"]
    world = World([[(each, "{}") for each in called]] * 3, kills=[2, 5, 9, 14, 20, 27])

    assert live(world) == "text"

    assert len(world.stored) <= most
    state = read_loop_state(world.stored)
    assert max(world.ran.values(), default=0) <= 1
    first = ChatRequest(model="", messages=(Message(role="user", content="go"),))
    request = build_loop_request(first, state, OFFER, LoopSettings(), sees=False, move=AskModel())
    told = [each.content for each in request.messages if each.role == "tool"]
    assert ["no room" in each for each in told] == [
        each.result is None for each in state.iter_calls()
    ]


def test_calls_beyond_the_limit_are_not_run() -> None:
    move = plan(turn_of(None, "call-0-0", "call-0-1"), limits=ToolLimits(calls=1))

    assert isinstance(move, RunCalls)
    assert [each.call.key for each in move.runs] == ["call-0-0"]
    assert [each.status for each in move.replies] == ["refused"]
