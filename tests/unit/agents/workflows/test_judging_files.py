"""No draft brings the tests, or their configuration, that judge it, nor its own author's."""

from itertools import product
from pathlib import PurePosixPath
from typing import Any

import pytest

from agents.workflows.engine import Finished, FlowFailed
from agents.workflows.generate_code import generate_code
from tests.support.agents.scripted_flow import (
    DECISIONS,
    Script,
    ScriptedFlow,
    a_report,
    an_answer,
    play_flow,
)

TESTS = "def test_a():\n    assert is_palindrome('abba')\n"
GOOD = "good = 1\n"


def play(script: Script, **params: Any) -> ScriptedFlow:
    return play_flow(generate_code, script, decisions=DECISIONS, params=params)


def finish(played: ScriptedFlow) -> Any:
    assert isinstance(played.end, Finished), played.end
    return played.end


JUDGES = (
    "conftest.py", "./tests/conftest.py", "sitecustomize.py", "pytest.ini", "pytest.py",
    "_pytest/runner.py", "x.egg-info/entry_points.txt", "vitest.config.ts", "jest.setup.js",
    "node_modules/vitest/index.js", "tox.ini",
)  # fmt: skip
GIVEN = ("tests/helpers.py", "tests//test_a.py", "test_b.py", "src/a.test.ts", "__tests__/a.js")
DECIDING = ("package.json", "Makefile", "pyproject.toml")


@pytest.mark.parametrize(
    ("path", "command"),
    [
        *product((*JUDGES, *GIVEN), (None, "pytest -q", "npm test")),
        *product(DECIDING, ("pytest -q", "npm test")),
    ],
)
def test_a_draft_replaces_nothing_that_judges_it(path: str, command: str | None) -> None:
    given = {str(PurePosixPath(path)): "mine"} if path not in JUDGES else {}
    tests = {"tests": TESTS} if command is None else {"test_command": command}
    draft = an_answer(GOOD, files={"solution.py": GOOD, path: "cheat"})

    played = play({"draft": draft, "check": a_report(1, 1)}, **tests, files=given)

    assert played.get_request("check")["files"] == {"solution.py": GOOD, **given}
    output = finish(played).output
    assert output["files"] == {"solution.py": GOOD}
    assert any(path in note for note in output["notes"])


@pytest.mark.parametrize("path", ["test_solution.py", "add_test.go", "tests/a.py", "package.json"])
def test_tests_of_the_draft_itself_do_not_count_as_those_of_the_task(path: str) -> None:
    draft = an_answer(GOOD, files={"solution.py": GOOD, path: "mine"})

    played = play({"draft": draft, "check": a_report(1, 1)}, test_command="make test")

    assert played.get_request("check")["files"] == {"solution.py": GOOD}
    output = finish(played).output
    assert output["files"] == {"solution.py": GOOD, path: "mine"}
    assert any(path in note for note in output["notes"])


def test_a_draft_that_is_nothing_but_tests_is_not_run() -> None:
    draft = an_answer("cheat", files={"tests/test_a.py": "cheat"})
    script = {"draft": draft, "repair": an_answer(GOOD), "check": a_report(1, 1)}

    played = play(script, tests={"tests/test_a.py": TESTS})

    assert played.keys == ["draft", "repair", "check"]
    assert "only files of tests" in played.get_request("repair")["prompt"]


def test_the_file_that_is_asked_for_may_be_a_test_but_not_one_of_the_tasks() -> None:
    draft = an_answer("mine", files={"tests/test_a.py": "mine"})
    script = {"draft": draft, "check": a_report(1, 1)}

    played = play(script, test_command="pytest -q", target_file="tests/test_a.py")
    refused = play(script, tests={"a.py": TESTS}, target_file="a.py").end

    assert played.get_request("check")["files"] == {"tests/test_a.py": "mine"}
    assert isinstance(refused, FlowFailed)
    assert refused.error_class == "invalid_task"
    assert "must not be one of the tests" in refused.message


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"tests": 5}, "params.tests.text: Input should be a valid string"),
        ({"tests": {"a.py": 5}}, "params.tests.files.a.py: Input should be a valid string"),
        ({"tests": {"../a.py": "x"}}, "inside the repository"),
        ({"tests": {"a" * 260 + ".py": "x"}}, "not a path that every system has"),
        ({"tests": {".cogo-x.py": "x"}}, "are reserved"),
        ({"tests": "x" * 10_000_000}, "at most 2000000 characters"),
        ({"files": {f"{n}.py": "x" * 1_900_000 for n in range(6)}}, "larger than 8 MB"),
        ({"files": {".cogo-nonce": "x"}}, "are reserved"),
        ({"test_command": "  \n"}, "must have words"),
        ({"test_command": "true\0"}, "no NUL"),
        ({"verify": "maybe"}, "'auto' or 'off'"),
    ],
    ids=[
        "number",
        "number in a file",
        "outside",
        "long path",
        "reserved",
        "long",
        "large",
        "reserved file",
        "blank",
        "NUL",
        "verify",
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_paid(
    params: dict[str, Any], words: str
) -> None:
    played = play({}, **params)

    assert played.keys == []
    assert isinstance(played.end, FlowFailed)
    assert played.end.error_class == "invalid_task"
    assert words in played.end.message
    assert "constrained" not in played.end.message
    assert "function-" not in played.end.message


def test_code_is_not_self_tested_by_its_own_author() -> None:
    ladder = [{"model": each, "maker": each} for each in ("cheap", "other", "strong")]
    script = {
        "tests": an_answer(TESTS, "other"), "stub": a_report(0, 3),
        "draft": an_answer("bad = 1\n"), "check": a_report(1, 3),
        "repair": an_answer("bad = 1\n"), "check#2": a_report(1, 3),
        "draft#2": an_answer(GOOD, "strong"), "check#3": a_report(3, 3),
    }  # fmt: skip
    own = script | {"tests": an_answer(TESTS), "draft": an_answer(GOOD), "check": a_report(3, 3)}
    sandbox = {key: value for key, value in DECISIONS.items() if not key.startswith("ladder")}

    def judge(script: Script, count: int) -> tuple[ScriptedFlow, dict[str, Any]]:
        decisions = sandbox | {"ladder:coding": {"models": ladder[:count]}}
        played = play_flow(generate_code, script, decisions=decisions, params={})
        return played, finish(played).output["verification"]

    played, verification = judge(script, 3)
    assert played.get_request("draft#2")["model"] == "strong"
    assert verification["status"] == "self_tested"

    _, verification = judge(own, 1)
    assert verification["status"] == "unverified"
    assert "same maker" in verification["reason"]


def test_a_draft_cannot_replace_the_tests_that_judge_it() -> None:
    draft = an_answer(GOOD, files={"a.py": GOOD, "tests/test_a.py": "def test_a(): pass"})

    played = play({"draft": draft, "check": a_report(1, 1)}, tests={"tests/test_a.py": TESTS})

    assert played.get_request("check")["files"] == {"a.py": GOOD}
    assert played.get_request("check")["tests"] == {"tests/test_a.py": TESTS}


def test_a_path_outside_is_not_run_but_repaired() -> None:
    checks = [{"name": "files", "passed": False, "problem": "'/a.py' must be inside"}]
    lost = an_answer("bad = 1\n", verification={"status": "failed", "checks": checks})
    script = {"draft": lost, "repair": an_answer(GOOD), "check": a_report(1, 1)}

    played = play(script, tests=TESTS)

    assert played.keys == ["draft", "repair", "check"]
    assert "'/a.py' must be inside" in played.get_request("repair")["prompt"]


def test_a_diff_is_applied_before_it_is_run() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old = 1\n+new = 1\n"
    script = {"draft": an_answer(diff, files={}, is_diff=True), "check": a_report(1, 1)}

    played = play(script, tests=TESTS, target_file="a.py", code_context="old = 1\n")

    assert played.get_request("check")["files"] == {"a.py": "new = 1\n"}
    output = finish(played).output
    assert output["files"] == {"a.py": "new = 1\n"}
    assert output["diff"] == diff
