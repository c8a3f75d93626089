"""Which attempts at a step are compared, and by which texts, in Node."""

from pathlib import Path
from typing import Any

from tests.support.node import call_console_functions
from tests.unit.gateway.task_rows import a_step, a_task, an_attempt

MODULE = "task/attempts_diff.js"


def test_steps_are_compared_of_which_an_attempt_did_not_succeed(tmp_path: Path) -> None:
    task = a_task(
        a_step("plan", 0, kind="flow", lane="cio"),
        a_step("asked", 0),
        a_step("twice", 0),
        a_step("waited", 0),
        attempts=[
            an_attempt("plan", 0, 1, outcome="failed"),
            an_attempt("plan", 1, 2, attempt=2),
            an_attempt("asked", 0, 1, outcome="failed"),
            an_attempt("twice", 2, 3, attempt=3),
            an_attempt("twice", 1, 2, attempt=2, lane="cio", outcome="routed"),
            an_attempt("twice", 0, 1, outcome="reaped"),
            an_attempt("waited", 0, 1, outcome="suspended"),
            an_attempt("waited", 1, 2, attempt=2),
        ],
    )

    [found] = call_console_functions(tmp_path, MODULE, ("listRepeated", task))

    assert [each["step"]["key"] for each in found] == ["twice"]
    assert [each["attempt"] for each in found[0]["attempts"]] == [1, 3]


def test_the_text_is_that_of_the_attempt_or_the_accepted_output(tmp_path: Path) -> None:
    step = a_step("a", 0) | {"output": {"text": "accepted"}}
    first, second, third = (
        an_attempt("a", 0, 1, attempt=number, outcome=outcome)
        for number, outcome in ((1, "failed"), (2, "reaped"), (3, "completed"))
    )
    outputs: list[dict[str, Any]] = [
        {"subtask_id": first["subtask_id"], "attempt": 1, "text": "{", "characters": 9},
        {"subtask_id": "another", "attempt": 2, "text": "of another step"},
    ]

    texts = call_console_functions(
        tmp_path, MODULE, *[("readText", each, step, outputs) for each in (first, second, third)]
    )

    assert texts == [{"text": "{", "cut": 9}, None, {"text": "accepted", "cut": None}]


def test_of_a_model_that_only_thought_the_thoughts_are_shown(tmp_path: Path) -> None:
    attempt = an_attempt("a", 0, 1, outcome="failed")
    output = {"subtask_id": attempt["subtask_id"], "attempt": 1, "text": "", "reasoning": "hm"}

    [text] = call_console_functions(
        tmp_path, MODULE, ("readText", attempt, a_step("a", 0), [output])
    )

    assert text == {"text": "hm", "cut": None}
