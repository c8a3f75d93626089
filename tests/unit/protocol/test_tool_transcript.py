"""Tool calls, and what watchers make of them: live, late, and after losses."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import utc_now
from protocol.lifecycle import SubtaskState
from protocol.messages import SubtaskProgress, ToolCalled, ToolReturned
from protocol.records import Subtask, TurnLine
from protocol.tool_names import find_tool_name
from protocol.transcript import (
    AnswerText,
    LivePayload,
    ReadPosition,
    ToolCallUpdate,
    Transcript,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

TASK, STEP = uuid4(), uuid4()


def said(turn: int, offset: int, text: str, *, start: int, attempt: int = 1) -> SubtaskProgress:
    return SubtaskProgress(
        task_id=TASK, subtask_id=STEP, key="main", attempt=attempt, offset=offset, start=start,
        turn=turn, delta=text,
    )  # fmt: skip


def called(turn: int, call_id: str = "c1", *, attempt: int = 1) -> ToolCalled:
    return ToolCalled(
        task_id=TASK, subtask_id=STEP, key="main", attempt=attempt, turn=turn, call_id=call_id,
        tool="acme.lookup", source="function", arguments={"order": "A7"},
    )  # fmt: skip


def returned(turn: int, call_id: str = "c1", *, attempt: int = 1) -> ToolReturned:
    return ToolReturned(
        task_id=TASK, subtask_id=STEP, key="main", attempt=attempt, turn=turn, call_id=call_id,
        tool="acme.lookup", status="ok", summary="sent on Monday", size=14, duration_ms=400,
    )  # fmt: skip


LIVE: Final[list[LivePayload]] = [
    said(1, 0, "I look ", start=0),
    said(1, 7, "it up.", start=0),
    called(1),
    returned(1),
    called(2),
    returned(2),
    said(3, 13, "On ", start=13),
    said(3, 16, "Monday.", start=13),
]


def a_line(seq: int, kind: str, **columns: Any) -> TurnLine:
    return TurnLine(subtask_id=STEP, seq=seq, kind=kind, attempt=1, **columns)


def an_answer(seq: int, text: str, *call_ids: str) -> TurnLine:
    arguments = json.dumps({"order": "A7"})
    calls = [{"id": each, "name": "lookup", "arguments": arguments} for each in call_ids]
    return a_line(seq, "answer", text=text, calls=calls)


def a_result(seq: int, call_id: str = "c1") -> TurnLine:
    return a_line(
        seq, "result", call_id=call_id, tool="acme.lookup", status="ok",
        content="sent on Monday", seconds=0.4,
    )  # fmt: skip


STORED: Final = [
    an_answer(1, "I look it up.", "c1"),
    a_line(2, "begun", call_id="c1", tool="acme.lookup"),
    a_result(3),
    an_answer(4, "", "c1"),
    a_line(5, "begun", call_id="c1", tool="acme.lookup"),
    a_result(6),
    an_answer(7, "On Monday."),
]


def the_row(**columns: Any) -> Subtask:
    return Subtask(
        id=STEP, task_id=TASK, key="main", type="CHAT", lane="gpt-6", attempt=1, failures=0,
        reaps=0, status=SubtaskState.COMPLETED, sink=True, created_at=utc_now(),
        params={"tools": ["lookup"]}, output={"text": "On Monday.", "turns": 3},
    ).model_copy(update=columns)  # fmt: skip


class Reader:
    """What a person has on the screen who applies every update."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self.positions: dict[Any, ReadPosition] = {}
        self.texts: dict[int, str] = {}
        self.asides: list[tuple[int, str]] = []
        self.calls: dict[tuple[int, str], ToolCallUpdate] = {}
        self.resets = 0

    def read(self) -> None:
        for update in self._transcript.read(self.positions):
            match update:
                case TranscriptDelta(kind="text"):
                    before = self.texts.get(update.turn, "")
                    assert update.offset - update.start == len(before)
                    self.texts[update.turn] = before + update.delta
                case TranscriptAside():
                    self.asides.append((update.turn, update.kind))
                    if update.kind == "reasoning":
                        self.texts[update.turn] = ""
                case ToolCallUpdate():
                    self.calls[update.turn, update.call_id] = update
                case TranscriptReset():
                    self.resets += 1

    @property
    def screen(self) -> tuple[dict[int, str], dict[tuple[int, str], ToolCallUpdate]]:
        return {turn: text for turn, text in self.texts.items() if text}, self.calls


def show_stored() -> Reader:
    transcript = Transcript(TASK)
    transcript.apply_row(the_row())
    transcript.apply_turns(the_row(), STORED)
    reader = Reader(transcript)
    reader.read()
    return reader


def test_text_before_a_call_is_set_aside_and_kept() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)

    for live in LIVE:
        transcript.apply_live(live)
        reader.read()

    assert reader.asides == [(1, "narration")]
    assert reader.texts == {1: "I look it up.", 3: "On Monday."}
    assert [each.status for each in reader.calls.values()] == ["ok", "ok"]
    first = reader.calls[1, "c1"]
    assert (first.arguments, first.summary, first.duration_ms) == (
        {"order": "A7"}, "sent on Monday", 400,
    )  # fmt: skip


def test_a_late_watcher_sees_what_a_live_one_has_seen() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)
    for live in LIVE:
        transcript.apply_live(live)
        reader.read()

    assert show_stored().screen == reader.screen


@given(
    lost=st.sets(st.integers(0, len(LIVE) - 1)),
    reads=st.sets(st.integers(0, len(LIVE) - 1)),
    stored_at=st.integers(0, len(STORED)),
)
def test_whatever_was_lost_all_watchers_see_the_same_in_the_end(
    lost: set[int], reads: set[int], stored_at: int
) -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)

    for number, live in enumerate(LIVE):
        if number not in lost:
            transcript.apply_live(live)
        if number in reads:
            reader.read()
    transcript.apply_turns(the_row(), STORED[:stored_at])
    reader.read()
    transcript.apply_row(the_row())
    transcript.apply_turns(the_row(), STORED[stored_at:])
    reader.read()

    assert reader.screen == show_stored().screen
    assert not transcript.has_gap
    assert reader.resets == 0


def test_a_successor_goes_on_after_the_calls_and_voids_what_was_not_stored() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)
    for live in LIVE[:-1]:
        transcript.apply_live(live)
    reader.read()

    transcript.apply_snapshot(STEP, 2, turn=None)
    reader.read()
    assert reader.resets == 1
    reader.texts[3] = ""
    transcript.apply_live(said(3, 0, "On Monday.", start=0, attempt=2))
    reader.read()

    assert reader.screen == show_stored().screen
    assert reader.positions[STEP].attempt == 2


def test_an_attempt_that_waited_for_a_person_resets_nothing() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)
    for live in LIVE[:3]:
        transcript.apply_live(live)
    reader.read()

    transcript.apply_snapshot(STEP, 2, turn=None)
    transcript.apply_live(returned(1, attempt=2))
    reader.read()

    assert reader.resets == 0
    assert reader.texts == {1: "I look it up."}
    assert reader.calls[1, "c1"].status == "ok"
    assert reader.calls[1, "c1"].arguments == {"order": "A7"}


def test_text_that_was_reasoning_is_withdrawn_and_comes_again_as_such() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)

    transcript.apply_live(said(1, 0, "hm", start=0))
    reader.read()
    again = said(1, 0, "hm", start=0).model_copy(update={"kind": "reasoning"})
    transcript.apply_live(again)
    transcript.apply_live(said(1, 2, "", start=2))
    transcript.apply_live(said(1, 2, "so", start=2))
    reader.read()

    assert reader.asides == [(1, "reasoning")]
    assert reader.texts == {1: "so"}
    assert transcript.get_text(STEP, "reasoning") == "hm"


def test_the_row_says_last_what_the_text_is() -> None:
    transcript = Transcript(TASK)
    reader = Reader(transcript)
    transcript.apply_live(said(1, 0, "hm, I think", start=0))
    reader.read()

    transcript.apply_row(the_row(params={}, output={"text": "so", "reasoning_content": "hm"}))
    reader.read()

    assert reader.texts == {1: "so"}
    assert reader.asides == [(1, "reasoning")]


def test_hostile_stored_turns_harm_nobody() -> None:
    hostile = [
        a_line(1, "answer", text="x", calls=[{"id": 7, "arguments": "[1"}, "no", {}]),
        a_line(2, "result", call_id="y" * 900, tool="t", status="wonderful", content={"a": [None]}),
        a_line(3, "approval", call_id="y"),
        a_line(4, "dance"),
    ]
    transcript = Transcript(TASK)
    transcript.apply_turns(the_row(), hostile)
    reader = Reader(transcript)
    reader.read()

    (call,) = reader.calls.values()
    assert (call.status, call.summary, call.arguments) == ("unknown", '{"a": [null]}', None)
    assert len(call.call_id) == 200


def test_stored_calls_stand_in_the_order_of_the_model() -> None:
    transcript = Transcript(TASK)
    lines = [an_answer(1, "Both.", "c1", "c2"), a_result(2, "c2"), a_result(3, "c1")]
    transcript.apply_turns(the_row(), lines)
    reader = Reader(transcript)

    reader.read()

    assert [call_id for _, call_id in reader.calls] == ["c1", "c2"]


def test_those_who_come_later_are_told_of_calls_that_run() -> None:
    transcript = Transcript(TASK)
    answer = an_answer(1, "I look.", "c1", "c2").model_copy(update={"created_at": utc_now()})
    begun = a_line(2, "begun", call_id="c2", tool="acme.lookup", created_at=utc_now())
    transcript.apply_turns(the_row(output=None), [answer, begun])
    reader = Reader(transcript)

    reader.read()

    calls = {each.call_id: each for each in reader.calls.values()}
    assert {call_id: each.started_at for call_id, each in calls.items()} == {
        "c1": answer.created_at,  # it may run twice, so that its beginning is not stored
        "c2": begun.created_at,
    }
    assert {each.tool for each in calls.values()} == {"lookup"}
    assert calls["c1"].arguments == {"order": "A7"}
    assert reader.asides == [(1, "narration")]


def test_calls_of_the_callers_tools_are_not_ours() -> None:
    transcript = Transcript(TASK)
    row = the_row(params={"client_tools": [{"name": "lookup"}]}, output=None)
    transcript.apply_turns(row, [an_answer(1, "", "c1")])
    reader = Reader(transcript)

    reader.read()

    assert reader.calls == {}


@pytest.mark.parametrize(
    ("called", "names", "meant"),
    [
        ("lookup", ["acme.look", "acme.lookup"], "acme.lookup"),
        ("lookup", ["lookup"], "lookup"),
        ("run_code", ["cogo:run_code"], "cogo:run_code"),
        ("shop__find", ["mcp:shop/look", "mcp:shop/find"], "mcp:shop/find"),
        ("shop__find", ["mcp:shop"], "mcp:shop/find"),
        ("find", ["mcp:shop"], "find"),
    ],
)
def test_a_call_is_named_as_in_params(called: str, names: list[str], meant: str) -> None:
    assert find_tool_name(called, names) == meant


def test_the_answer_begins_again_after_calls() -> None:
    transcript, answer = Transcript(TASK), AnswerText()
    positions: dict[Any, ReadPosition] = {}
    shown = []
    for live in LIVE:
        transcript.apply_live(live)
        for update in transcript.read(positions):
            for each in answer.apply(update):
                match each:
                    case TranscriptDelta():
                        shown.append(each.delta)
                    case TranscriptAside():
                        shown.clear()

    assert "".join(shown) == "On Monday."


def test_a_rejected_call_is_known_by_its_result_live_and_late() -> None:
    """Also one of the caller's tools, which it does not get."""
    row = the_row(params={"client_tools": [{"name": "lookup"}]}, output=None)
    rejection = {"reason": "schema", "detail": "x is no number"}
    call = {"id": "c1", "name": "lookup", "arguments": "<tool_call>", "rejection": rejection}
    ended = {"status": "error", "content": "It was not run.", "rejected": "schema"}
    live, late = Transcript(TASK), Transcript(TASK)
    seen = returned(1).model_copy(
        update={"status": "error", "summary": "It was not run.", "size": 15, "rejected": "schema"}
    )

    live.apply_live(seen)
    late.apply_turns(row, [a_line(1, "answer", text="", calls=[call])])
    before = Reader(late)
    before.read()
    late.apply_turns(row, [a_result(2).model_copy(update=ended)])

    readers = Reader(live), Reader(late)
    for each in readers:
        each.read()
    assert before.calls == {}
    shown = [each.calls[1, "c1"] for each in readers]
    assert [(each.status, each.rejected, each.summary) for each in shown] == [
        ("error", "schema", "It was not run.")
    ] * 2


def test_large_arguments_are_named_cut_live_and_late() -> None:
    large = json.dumps({"text": "x" * 9_000})
    stored = [
        a_line(1, "answer", text="", calls=[{"id": "c1", "name": "t", "arguments": large}]),
        a_line(2, "begun", call_id="c1", tool="t"),
    ]
    transcript = Transcript(TASK)
    transcript.apply_turns(the_row(), stored)
    late = Reader(transcript)
    late.read()
    live = Transcript(TASK)
    live.apply_live(called(1).model_copy(update={"arguments": None, "cut": True, "tool": "t"}))
    now = Reader(live)
    now.read()

    assert [each.is_cut for each in late.calls.values()] == [True]
    assert late.calls == now.calls
