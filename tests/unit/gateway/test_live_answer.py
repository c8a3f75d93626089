"""The answer of a task as the console assembles it of the events of a stream."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import run_console_module

PROGRAM: Final = """
const { LiveAnswer } = await import(process.argv[1]);
const live = new LiveAnswer();
const readCall = ({ tool, status }) => `[${tool} ${status}]`;
const readTurn = ({ text, calls }) => [text.text, ...[...calls.values()].map(readCall)];
const shown = [];
for (const [name, data] of JSON.parse(process.argv[2])) {
  live.apply(name, data);
  const turns = [...live.turns.values()].map((turn) => readTurn(turn).filter(Boolean).join(" "));
  shown.push([live.stepId, live.notice, ...turns].filter(Boolean).join(" | "));
}
console.log(JSON.stringify([shown, live.text]));
"""

Event = tuple[str, dict[str, Any]]


def show(folder: Path, *events: Event) -> tuple[list[str], str]:
    """Return step, notice and turns after each event, and the answer at the end."""
    shown, answer = run_console_module(folder, "task/live_answer.js", PROGRAM, events)
    return shown, answer


def a_delta(step: str, delta: str, *, offset: int = 0, attempt: int = 1) -> dict[str, Any]:
    return {
        "subtask_id": step, "attempt": attempt, "kind": "text", "offset": offset, "delta": delta,
    }  # fmt: skip


def answers(*deltas: dict[str, Any]) -> list[Event]:
    return [("text", each) for each in deltas]


def a_call(call_id: str, *, status: str = "called", turn: int = 1) -> Event:
    call = {
        "subtask_id": "main", "answer": True, "turn": turn, "call_id": call_id, "tool": call_id,
        "arguments": {"x": 1}, "cut": False, "status": status, "summary": None, "size": None,
        "duration_ms": None,
    }  # fmt: skip
    return "tool_call", call


def test_a_newer_answer_replaces_the_older_one_whose_rest_is_not_shown(tmp_path: Path) -> None:
    shown, answer = show(
        tmp_path,
        *answers(
            a_delta("draft", "one "),
            a_delta("draft", "two", offset=4),
            a_delta("repair", "better"),
            a_delta("draft", " late", offset=7),
            a_delta("repair", " still", offset=6),
        ),
    )

    assert shown == [
        "draft | one ",
        "draft | one two",
        "repair | better",
        "repair | better",
        "repair | better still",
    ]
    assert answer == "better still"


@pytest.mark.parametrize("attempt", [2, 3])
def test_a_new_attempt_at_an_answer_begins_again(tmp_path: Path, attempt: int) -> None:
    shown, answer = show(
        tmp_path, *answers(a_delta("main", "half"), a_delta("main", "whole", attempt=attempt))
    )

    lost = "The previous attempt was interrupted, and its text was discarded."
    assert shown == ["main | half", f"main | {lost} This is attempt {attempt}. | whole"]
    assert answer == "whole"


def test_an_attempt_after_one_that_said_nothing_tells_of_none(tmp_path: Path) -> None:
    discards: list[Event] = [("discard", {"subtask_id": "main", "attempt": n}) for n in (2, 3)]

    shown, answer = show(tmp_path, *answers(a_delta("main", "half")), *discards)

    assert shown[1].endswith("This is attempt 2.")
    assert (shown[2], answer) == ("main", "")


def test_what_other_steps_say_is_not_the_answer(tmp_path: Path) -> None:
    said: Event = ("activity", a_delta("other", "no"))

    assert show(tmp_path, said, *answers(a_delta("main", "yes")), said) == (
        ["", "main | yes", "main | yes"],
        "yes",
    )


def test_what_is_said_before_a_call_is_no_answer(tmp_path: Path) -> None:
    events = [
        *answers(a_delta("main", "I look.")),
        a_call("find"),
        a_call("find", status="ok"),
        a_call("send"),
        *answers(a_delta("main", "Sent.", offset=7) | {"turn": 2, "start": 7}),
    ]

    assert show(tmp_path, *events[:4])[1] == ""
    shown, answer = show(tmp_path, *events, a_call("send", status="unknown"))

    assert [each.removeprefix("main | ") for each in shown] == [
        "I look.",
        "I look. [find called]",
        "I look. [find ok]",
        "I look. [find ok] [send called]",
        "I look. [find ok] [send called] | Sent.",
        "I look. [find ok] [send unknown] | Sent.",
    ]
    assert answer == "Sent."


def test_a_later_attempt_keeps_the_calls_that_it_goes_on_after(tmp_path: Path) -> None:
    shown, _ = show(
        tmp_path,
        *answers(a_delta("main", "I look.")),
        a_call("find", status="ok"),
        *answers(a_delta("main", "Hal", offset=7) | {"turn": 2, "start": 7}),
        ("discard", {"subtask_id": "main", "attempt": 2}),
        a_call("find", status="ok"),  # as after a lost connection
        *answers(a_delta("main", "Sent.", attempt=2) | {"turn": 2, "start": 0}),
    )

    lost = "The previous attempt was interrupted, and its text was discarded."
    notice = f"{lost} Attempt 2 goes on after what was stored."
    assert shown[-1] == f"main | {notice} | I look. [find ok] | Sent."


def test_text_that_was_reasoning_is_taken_back(tmp_path: Path) -> None:
    aside = {"subtask_id": "main", "attempt": 1, "turn": 1, "kind": "reasoning"}

    shown, _ = show(
        tmp_path,
        *answers(a_delta("main", "hm, ")),
        ("aside", aside),
        *answers(a_delta("main", "Yes.", offset=4) | {"start": 4}),
    )

    assert shown == ["main | hm, ", "main", "main | Yes."]
