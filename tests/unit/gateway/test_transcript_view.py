"""The console's view of a task's text and tool calls, in Node with the little that it needs."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import run_console_module

PROGRAM: Final = """
class Element {
  children = []; text = ""; hidden = false; parent = null; className = "";
  set textContent(text) { this.children = []; this.text = text; }
  get textContent() { return this.text; }
  append(...parts) {
    for (const part of parts) {
      const child = typeof part === "string" ? Object.assign(new Element(), { text: part }) : part;
      child.parent = this;
      this.children.push(child);
    }
  }
  insertBefore(child, next) {
    child.parent = this;
    const place = next ? this.children.indexOf(next) : this.children.length;
    this.children.splice(place, 0, child);
  }
  replaceChildren(...parts) { this.children = []; this.append(...parts); }
  remove() { this.parent.children = this.parent.children.filter((each) => each !== this); }
  setAttribute(name, value) { if (name === "class") this.className = value; }
  removeAttribute() {}
  addEventListener() {}
  read() {
    return this.hidden ? "" : this.text + this.children.map((each) => each.read()).join("");
  }
}
globalThis.document = { createElement: () => new Element() };
const frames = [];
globalThis.requestAnimationFrame = (paint) => frames.push(paint);
globalThis.setInterval = () => 1;
globalThis.setTimeout = () => 1;
globalThis.clearInterval = () => undefined;
const { TranscriptView } = await import(process.argv[1]);
const root = new Element();
const view = new TranscriptView(root, { nameSubtask: (id) => id, getCallState: () => "running" });
function readCall({ children: [{ children: [summary] }] }) {
  const [name, , , state] = summary.children;
  return `[${name.read()} ${state.read()}]`;
}
function readTurn({ children: [, { children: [text] }, calls] }) {
  const said = text.read() && (text.className === "narration" ? `(${text.read()})` : text.read());
  return [said, ...calls.children.map(readCall)].filter(Boolean).join(" ");
}
const shown = [];
for (const [name, update] of JSON.parse(process.argv[2])) {
  view[name](update);
  for (const paint of frames.splice(0)) paint();
  shown.push(root.children.map(({ children: [title, notice, turns] }) =>
    [title.read(), notice.read(), ...turns.children.map(readTurn)].filter(Boolean).join(" | ")));
}
console.log(JSON.stringify(shown));
"""


def show(folder: Path, *updates: tuple[str, dict[str, Any]]) -> list[list[str]]:
    """Return the articles on the page after each update: name, notice, and turns."""
    found: list[list[str]] = run_console_module(folder, "task/transcript_view.js", PROGRAM, updates)
    return found


def a_delta(step: str, delta: str, *, offset: int = 0, attempt: int = 1) -> dict[str, Any]:
    return {
        "subtask_id": step, "attempt": attempt, "kind": "text", "offset": offset, "delta": delta,
    }  # fmt: skip


def answers(*deltas: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("applyAnswer", each) for each in deltas]


def a_call(call_id: str, *, status: str = "called", turn: int = 1) -> tuple[str, dict[str, Any]]:
    call = {
        "subtask_id": "main", "answer": True, "turn": turn, "call_id": call_id, "tool": call_id,
        "arguments": {"x": 1}, "cut": False, "status": status, "summary": None, "size": None,
        "duration_ms": None,
    }  # fmt: skip
    return "applyCall", call


def test_a_newer_answer_replaces_the_older_one_whose_rest_is_not_shown(tmp_path: Path) -> None:
    shown = show(
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
        ["draft | one "],
        ["draft | one two"],
        ["repair | better"],
        ["repair | better"],
        ["repair | better still"],
    ]


@pytest.mark.parametrize("attempt", [2, 3])
def test_a_new_attempt_at_an_answer_begins_again(tmp_path: Path, attempt: int) -> None:
    shown = show(
        tmp_path, *answers(a_delta("main", "half"), a_delta("main", "whole", attempt=attempt))
    )

    lost = "The previous attempt was interrupted, and its text was discarded."
    assert shown == [["main | half"], [f"main | {lost} This is attempt {attempt}. | whole"]]


def test_texts_of_other_steps_stand_beside_each_other(tmp_path: Path) -> None:
    deltas = [("applyDelta", a_delta("a", "A")), ("applyDelta", a_delta("b", "B"))]

    assert show(tmp_path, *deltas)[-1] == ["a | A", "b | B"]


def test_what_is_said_before_a_call_is_narration_above_the_answer(tmp_path: Path) -> None:
    shown = show(
        tmp_path,
        *answers(a_delta("main", "I look.")),
        a_call("find"),
        a_call("find", status="ok"),
        a_call("send"),
        *answers(a_delta("main", "Sent.", offset=7) | {"turn": 2, "start": 7}),
        a_call("send", status="unknown"),
    )

    assert [each[0].removeprefix("main | ") for each in shown] == [
        "I look.",
        "(I look.) [find running]",
        "(I look.) [find ok]",
        "(I look.) [find ok] [send running]",
        "(I look.) [find ok] [send running] | Sent.",
        "(I look.) [find ok] [send unknown outcome] | Sent.",
    ]


def test_a_later_attempt_keeps_the_calls_that_it_goes_on_after(tmp_path: Path) -> None:
    shown = show(
        tmp_path,
        *answers(a_delta("main", "I look.")),
        a_call("find", status="ok"),
        *answers(a_delta("main", "Hal", offset=7) | {"turn": 2, "start": 7}),
        ("applyReset", {"subtask_id": "main", "attempt": 2}),
        a_call("find", status="ok"),  # as after a lost connection
        *answers(a_delta("main", "Sent.", attempt=2) | {"turn": 2, "start": 0}),
    )

    lost = "The previous attempt was interrupted, and its text was discarded."
    notice = f"{lost} Attempt 2 goes on after what was stored."
    assert shown[-1] == [f"main | {notice} | (I look.) [find ok] | Sent."]


def test_text_that_was_reasoning_is_taken_back(tmp_path: Path) -> None:
    aside = {"subtask_id": "main", "attempt": 1, "turn": 1, "kind": "reasoning"}

    shown = show(
        tmp_path,
        *answers(a_delta("main", "hm, ")),
        ("applyAside", aside),
        *answers(a_delta("main", "Yes.", offset=4) | {"start": 4}),
    )

    assert shown == [["main | hm, "], ["main"], ["main | Yes."]]
