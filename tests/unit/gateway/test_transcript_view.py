"""The console's view of a task's text, in Node with the little of a page that it needs."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import node_program

STATIC: Final = Path(__file__).parents[3] / "gateway/console/static"
PROGRAM: Final = """
class Element {
  children = []; text = ""; hidden = false; parent = null; listeners = {};
  set textContent(text) { this.children = []; this.text = text; }
  append(...parts) {
    for (const part of parts) {
      const child = typeof part === "string" ? Object.assign(new Element(), { text: part }) : part;
      child.parent = this;
      this.children.push(child);
    }
  }
  replaceChildren(...parts) { this.children = []; this.append(...parts); }
  remove() { this.parent.children = this.parent.children.filter((each) => each !== this); }
  setAttribute() {}
  read() { return this.text + this.children.map((each) => each.read()).join(""); }
}
globalThis.document = { createElement: () => new Element() };
const frames = [];
globalThis.requestAnimationFrame = (paint) => frames.push(paint);
const { TranscriptView } = await import(process.argv[1]);
const root = new Element();
const view = new TranscriptView(root, (id) => `<${id}>`);
const shown = [];
for (const [name, update] of JSON.parse(process.argv[2])) {
  view[name](update);
  for (const paint of frames.splice(0)) paint();
  shown.push(root.children.map((article) => {
    const [title, , , text] = article.children;
    return title.read() + text.read();
  }));
}
console.log(JSON.stringify(shown));
"""


def show(folder: Path, *updates: tuple[str, dict[str, Any]]) -> list[list[str]]:
    """Return the articles on the page after each update."""
    for name in ("transcript_view.js", "transcript.js", "dom.js"):
        text = (STATIC / name).read_text("utf-8").replace('"/console/', '"./')
        (folder / name).write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    view = (folder / "transcript_view.js").as_uri()
    command = [str(node_program()), "--input-type=module", "-e", PROGRAM, view, json.dumps(updates)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    found: list[list[str]] = json.loads(answer.stdout)
    return found


def a_delta(step: str, delta: str, *, offset: int = 0, attempt: int = 1) -> dict[str, Any]:
    return {
        "subtask_id": step, "attempt": attempt, "kind": "text", "offset": offset, "delta": delta,
    }  # fmt: skip


def answers(*deltas: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("applyAnswer", each) for each in deltas]


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
        ["<draft>one "],
        ["<draft>one two"],
        ["<repair>better"],
        ["<repair>better"],
        ["<repair>better still"],
    ]


@pytest.mark.parametrize("attempt", [2, 3])
def test_a_new_attempt_at_an_answer_begins_again(tmp_path: Path, attempt: int) -> None:
    shown = show(
        tmp_path, *answers(a_delta("main", "half"), a_delta("main", "whole", attempt=attempt))
    )

    assert shown == [["<main>half"], ["<main>whole"]]


def test_texts_of_other_steps_stand_beside_each_other(tmp_path: Path) -> None:
    deltas = [("applyDelta", a_delta("a", "A")), ("applyDelta", a_delta("b", "B"))]

    assert show(tmp_path, *deltas)[-1] == ["<a>A", "<b>B"]
