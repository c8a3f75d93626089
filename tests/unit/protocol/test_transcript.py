"""The text of a subtask is assembled from deltas in any order."""

import json
import random
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import SubtaskProgress, ToolCalled
from protocol.transcript import TextKind, Transcript
from tests.support.node import node_program

ROOT: Final = Path(__file__).parents[3]
CASES: Final[list[dict[str, Any]]] = json.loads(
    (ROOT / "tests/support/transcripts.json").read_text("utf-8")
)
TASK, MAIN = uuid4(), uuid4()
TEXT = "The quick brown fox jumps over the lazy dog"


def progress(offset: int, delta: str, *, kind: TextKind = "text") -> SubtaskProgress:
    return SubtaskProgress(
        task_id=TASK, subtask_id=MAIN, attempt=1, kind=kind, offset=offset, delta=delta
    )


def name_uuid(name: str) -> UUID:
    return uuid5(NAMESPACE_OID, name)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_text_of_each_example(case: dict[str, Any]) -> None:
    transcript = Transcript(TASK)

    for step in case["steps"]:
        [(kind, fields)] = step.items()
        named = fields | {"subtask_id": name_uuid(fields["subtask_id"])}
        if kind == "delta":
            transcript.apply_delta(SubtaskProgress(task_id=TASK, **named))
        elif kind == "call":
            transcript.apply_call(ToolCalled(task_id=TASK, tool="t", source="mcp", **named))
        else:
            transcript.apply_snapshot(**named)

    assert transcript.has_gap is case["has_gap"]
    for name, expected in case["expected"].items():
        subtask = name_uuid(name)
        assert transcript.get_attempt(subtask) == expected["attempt"]
        assert transcript.get_text(subtask) == expected["text"]
        assert transcript.get_text(subtask, "reasoning") == expected["reasoning"]
        for turn, text in expected.get("turns", {}).items():
            assert transcript.get_text(subtask, turn=int(turn)) == text


def test_the_console_reads_every_example_alike() -> None:
    program = """
        import { readFileSync } from "node:fs";
        const [module, cases] = process.argv.slice(1);
        const { Transcript } = await import(module);
        const found = JSON.parse(readFileSync(cases, "utf8")).map(({ steps, expected }) => {
          const transcript = new Transcript();
          for (const { delta, call, snapshot } of steps) {
            if (delta) transcript.applyDelta(delta);
            else if (call) transcript.applyCall(call);
            else transcript.applySnapshot(snapshot);
          }
          const read = (id, turns) => ({
            attempt: transcript.getAttempt(id),
            text: transcript.getText(id),
            reasoning: transcript.getText(id, "reasoning"),
            ...(turns && {
              turns: Object.fromEntries(Object.keys(turns).map((turn) =>
                [turn, transcript.getText(id, "text", Number(turn))])),
            }),
          });
          const texts = Object.entries(expected).map(([id, { turns }]) => [id, read(id, turns)]);
          return { expected: Object.fromEntries(texts), has_gap: transcript.hasGap };
        });
        console.log(JSON.stringify(found));
    """
    module = (ROOT / "gateway/console/static/task/transcript.js").as_uri()
    cases = ROOT / "tests/support/transcripts.json"
    command = [str(node_program()), "--input-type=module", "-e", program, module, str(cases)]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert answer.returncode == 0, answer.stderr
    wanted = [{key: case[key] for key in ("expected", "has_gap")} for case in CASES]
    assert json.loads(answer.stdout) == wanted


@given(seed=st.integers(), lost=st.sets(st.integers(0, 10)), read_at=st.integers(0, len(TEXT)))
def test_no_order_no_loss_and_no_repetition_changes_the_text(
    seed: int, lost: set[int], read_at: int
) -> None:
    transcript = Transcript(TASK)
    pieces = [(at, TEXT[at : at + 4]) for at in range(0, len(TEXT), 4)]
    heard = [piece for number, piece in enumerate(pieces) if number not in lost] * 2
    random.Random(seed).shuffle(heard)  # noqa: S311 - an order, no secret

    for offset, delta in heard:
        transcript.apply_delta(progress(offset, delta))
        assert TEXT.startswith(transcript.get_text(MAIN))
    transcript.apply_snapshot(MAIN, 1, text=TEXT[:read_at])
    assert TEXT.startswith(transcript.get_text(MAIN))
    transcript.apply_snapshot(MAIN, 1, text=TEXT)

    assert transcript.get_text(MAIN) == TEXT
    assert not transcript.has_gap


def test_a_delta_costs_as_much_as_it_is_long_however_much_was_said_before() -> None:
    transcript, said = Transcript(TASK), 200_000
    transcript.apply_snapshot(MAIN, 1, text="x" * said)
    allocated = 0

    tracemalloc.start()
    for offset in range(said, said + 2_000, 20):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        transcript.apply_delta(progress(offset, "y" * 20))
        assert transcript.get_text(MAIN, after=offset) == "y" * 20
        allocated += tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()

    assert allocated < 10 * said  # a hundred copies of the text would be 100 * said
