"""Calls of tools and questions about them, as a person at a terminal sees them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from pydantic import JsonValue
from rich.console import Console

from cogo.cli.tasks.result import list_detail_lines
from cogo.cli.tasks.run_control import QuestionKeys
from cogo.watch.calls import (
    MAX_CALL,
    build_answer_command,
    format_call,
    format_call_update,
    format_question,
)
from cogo.watch.run_lines import RunLine, RunProgress
from cogo.watch.run_screen import LiveScreen
from cogo.watch.steps import QuestionsUpdate, RunUpdate, StepUpdate
from cogo.watch.view import Stream, TaskView
from protocol.records import ApprovalRow, Event, Subtask, Task
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
)

TASK, STEP = UUID("3f2a9c1e-0000-4000-8000-000000000000"), UUID("2" * 32)
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ORDER = {"customer": "Ada"}
SHOWN: JsonValue = {"tool": "refund", "arguments": {"cents": 300}}


def a_call(call_id: str = "c1", *, turn: int = 1, **fields: Any) -> ToolCallUpdate:
    given: dict[str, Any] = {"tool": "find_order", "arguments": ORDER, "key": "main"}
    return ToolCallUpdate(
        task_id=TASK, subtask_id=STEP, turn=turn, call_id=call_id, **(given | fields)
    )


def a_result(call_id: str = "c1", **fields: Any) -> ToolCallUpdate:
    given: dict[str, Any] = {"status": "ok", "summary": "late", "size": 4, "duration_ms": 400}
    return a_call(call_id, **(given | fields))


def a_delta(text: str, turn: int = 1) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=TASK, subtask_id=STEP, attempt=1, kind="text", offset=0, delta=text, turn=turn
    )


def an_aside(turn: int = 1) -> TranscriptAside:
    return TranscriptAside(task_id=TASK, subtask_id=STEP, attempt=1, turn=turn, kind="narration")


def an_approval(call_id: str | None = "c1", *, show: JsonValue = SHOWN, n: int = 1) -> ApprovalRow:
    return ApprovalRow(
        id=UUID(int=n), task_id=TASK, subtask_id=STEP, call_id=call_id, question="Which colour?",
        key="main" if call_id is None else f"main/{call_id}", show=show, asked_at=NOW,
    )  # fmt: skip


def an_event(status: str) -> Event:
    return Event(
        task_id=TASK, seq=1, at=NOW, kind=f"subtask.{status}", subtask_id=STEP, attempt=1,
        agent_id="executor@host", detail={"lane": "a-model", "key": "main"},
    )  # fmt: skip


def a_task(text: str = "It is late.", **result: Any) -> Task:
    return Task.model_validate(
        {"id": TASK, "type": "CHAT", "prompt": "?", "status": "completed", "created_at": NOW,
         "result": {"text": text, **result}}
    )  # fmt: skip


def seen(*updates: TaskUpdate | QuestionsUpdate, stream: Stream = "answer") -> tuple[TaskView, str]:
    screen: list[str] = []
    view = TaskView(
        stream=stream,
        say=lambda line: screen.append(f"{line}\n"),
        write=lambda _, text: screen.append(text),
        label=lambda _: "",
    )
    for each in updates:
        view.show(each)
    return view, "".join(screen)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (ORDER, 'f(customer="Ada")'),
        ({}, "f()"),
        ('{"a": [1, null]}', "f(a=[1, null])"),
        ('{"a": ', 'f({"a": )'),
        (None, "f(...)"),
        ([1], "f(...)"),
        ({"a b": 1}, 'f("a b"=1)'),
        ({"a": "x\x1b[2J\u202e"}, 'f(a="x\\u001b[2J\u202e")'),
    ],
)
def test_a_call_is_written_as_a_call_of_a_function(arguments: object, line: str) -> None:
    assert format_call("f", arguments) == line


def test_what_is_huge_is_cut() -> None:
    huge = {f"n{number}": "x" * 1_000_000 for number in range(50)}

    assert len(format_call("f", huge)) <= MAX_CALL + 3
    assert len(format_call("f", "[" * 100_000)) <= MAX_CALL + 3
    line = format_call_update(a_result(summary="word " * 200, size=32_000))
    assert line.endswith("... (32,000 characters) in 0.4 s")
    assert len(line) < 400


def test_a_call_that_was_refused_has_taken_no_time() -> None:
    refused = a_result(status="refused", summary="A person has refused this call.", duration_ms=0)

    assert format_call_update(refused).endswith(": A person has refused this call.")


def test_a_rejected_call_says_so() -> None:
    told: dict[str, Any] = {
        "status": "error",
        "arguments": None,
        "summary": "It was not run.",
        "duration_ms": 0,
    }

    line = format_call_update(a_result(rejected="schema", **told))

    assert line.split() == ["rejected", "find_order(...):", "It", "was", "not", "run."]


def test_a_view_shows_each_call_once_and_keeps_narration_apart() -> None:
    view, screen = seen(
        an_event("running"),
        a_delta("I look."),
        an_aside(),
        a_call(),
        a_call(),
        a_result(),
        a_result("c2", status="error", summary="no \x1b[31mway", tool="broken", arguments={}),
        a_delta("It is late.", turn=2),
        an_event("completed"),
        TaskEnded(a_task()),
    )

    assert screen.splitlines() == [
        "  claimed      by executor, attempt 1",
        "I look.",
        "  aside        the text above is no answer, but said before calling tools",
        '  calls        find_order(customer="Ada"), turn 1',
        '  gave         find_order(customer="Ada"): late in 0.4 s',
        "  error        broken(): no \x1b[31mway in 0.4 s",  # `say` escapes it
        "It is late.",
        "  finished     by executor, attempt 1",
    ]
    assert view.has_shown(a_task())
    assert not view.has_shown(a_task("I look."))


def test_narration_that_was_not_shown_is_not_spoken_of() -> None:
    _, screen = seen(a_delta("I look."), an_aside(), a_call(), stream="none")

    assert screen == '  calls        find_order(customer="Ada"), turn 1\n'


def test_a_call_of_another_step_waits_until_the_text_ends() -> None:
    other = ToolCallUpdate(
        task_id=TASK, subtask_id=UUID("3" * 32), turn=1, call_id="c", tool="look",
        arguments={}, key="draft", is_answer=False,
    )  # fmt: skip

    _, screen = seen(a_delta("one "), other, a_delta("two"), an_event("completed"))

    assert screen.splitlines() == [
        "one two", "  calls        look(), turn 1 (for draft)",
        "  finished     by executor, attempt 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "question", "command"),
    [
        (an_approval(), "may it call refund(cents=300)?", "`cogo approve 3f2a9c1e --key main/c1`"),
        (an_approval(show='{"tool": "refund", "argu... (cut)'),
         'Which colour? {"tool": "refund", "argu... (cut)',
         "`cogo approve 3f2a9c1e --key main/c1`"),
        (an_approval(show=None), "Which colour?",
         "`cogo approve 3f2a9c1e --key main/c1 --answer TEXT`"),
        (an_approval("$(x)", show={"choices": ["red", "blue"]}), "Which colour? (red, blue)",
         "`cogo approve 3f2a9c1e --key 'main/$(x)' --answer TEXT`"),
        (an_approval(None), "Which colour?", "`cogo approve 3f2a9c1e --key main`"),
    ],
)  # fmt: skip
def test_a_question_says_what_it_is_about_and_how_it_is_answered(
    asked: ApprovalRow, question: str, command: str
) -> None:
    assert format_question(asked) == question
    assert build_answer_command(asked) == command
    assert asked.is_text_question == ("--answer" in command)
    _, screen = seen(QuestionsUpdate(event=an_event("waiting"), approvals=(asked,)))
    assert screen == f"  waiting      {question}   answer: {command}, or with --refuse\n"


def a_row() -> Subtask:
    return Subtask.model_validate(
        {"id": STEP, "task_id": TASK, "key": "main", "type": "CHAT", "lane": "a-model",
         "kind": "ask", "status": "running", "attempt": 1, "failures": 0, "reaps": 0,
         "sink": True, "created_at": NOW}
    )  # fmt: skip


def told(progress: RunProgress, *updates: RunUpdate) -> list[RunLine]:
    return [line for each in updates for line in progress.apply(each)]


def test_a_run_shows_turns_calls_and_what_was_said_before_them() -> None:
    progress = RunProgress(a_task(), now=lambda: NOW)
    begun = StepUpdate(event=an_event("running"), row=a_row())

    lines = told(
        progress, begun, a_delta("I look.\x1b[2J"), an_aside(), a_call(), a_call(),
        a_call("c2", tool="x", arguments={}), a_result(), a_delta("Now", turn=2),
    )  # fmt: skip

    assert [each.text for each in lines[1:]] == [
        "says: I look.\x1b[2J",  # the screen escapes it
        'calls find_order(customer="Ada"), turn 1',
        "calls x(), turn 1",
        'gave find_order(customer="Ada"): late in 0.4 s',
    ]
    assert [each.data["event"] for each in lines[1:]] == ["aside", *["tool_call"] * 3]
    assert lines[-1].data["status"] == "ok"
    screen = LiveScreen(progress, Console(file=StringIO(), width=80), now=lambda: NOW)
    drawn = screen.render().plain
    assert "main a-model, turn 2" in drawn
    assert "runs x()" in drawn
    told(progress, a_result("c2", tool="x", arguments={}))
    assert screen.render().plain.splitlines()[1].strip() == "Now"


_Sent: TypeAlias = tuple[int, bool, str | None]


class _Hints:
    def __init__(self) -> None:
        self.last = ""

    def set_hint(self, hint: str) -> None:
        self.last = hint

    def show(self, line: RunLine) -> None:
        """Show nothing."""


def press(
    asked: Sequence[ApprovalRow], keys: str
) -> tuple[list[tuple[int, bool, str | None]], str]:
    answers: list[_Sent] = []
    hints = _Hints()
    questions = QuestionKeys(
        lambda row, approved, text: answers.append((row.id.int, approved, text)), hints
    )
    event = an_event("waiting")
    questions.take(StepUpdate(event=event, row=a_row(), approvals=tuple(asked)))
    for key in keys:
        questions.press(key)
    return answers, hints.last


def test_keys_answer_questions_by_letter_or_by_text() -> None:
    text, call = an_approval(show=None), an_approval("c2", n=2)

    assert press([text, call], "ny x\x7f\n\rxn")[0] == [(1, True, "ny"), (2, False, None)]
    assert press([text], "\n ä\x1b") == ([], "main/c1: type the answer, then Enter:  ä")
    assert press([call], "q")[1] == "main/c2: approve? y/n"
    assert press([call], "Y")[0] == [(2, True, None)]


def test_a_result_says_which_tools_were_called_and_its_notes() -> None:
    task = a_task(
        turns=3,
        tools_used=[{"tool": "find_order", "calls": 2, "errors": 1, "seconds": 0.42}, "x"],
        tool_calls=[{"id": "1", "name": "look", "arguments": '{"a": 1}'}],
        notes=["one", "two"],
    )

    assert list_detail_lines(task) == [
        "tools: 3 turns; find_order (2 calls, 1 failed in 0.4 s)",
        "asks you to run look(a=1)",
        "note: one",
        "note: two",
    ]
    assert list_detail_lines(a_task(tools_used={}, tool_calls="x", notes=None)) == []


@pytest.mark.parametrize(
    ("calls", "line"),
    [
        (
            {"clean": 4, "repaired": 1, "rejected": {"schema": 2, "malformed": 1}, "text": 3},
            "calls of tools: 2 rejected (schema), 1 rejected (malformed), 1 repaired, "
            "3 read from text",
        ),
        ({"clean": 4, "repaired": 0, "rejected": {}, "text": 0}, None),
        ({"rejected": 7, "repaired": None}, None),
        ("x", None),
    ],
)
def test_a_result_says_how_many_calls_were_not_clean_data(calls: Any, line: str | None) -> None:
    assert list_detail_lines(a_task(derived={"calls": calls})) == ([line] if line else [])
