"""`cogo workflows`, and the examples that come with it, played without a server."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.tools.host import ToolHost
from agents.workflows.engine import Repeats, Workflow
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.hosting.loading import load_file, load_module
from agents.workflows.hosting.source_rules import check_module_file
from cogo.cli.app import run
from cogo.cli.workflows.show import StepSummary, describe_decision, draw_steps
from cogo.testing import fail_with, play, play_every_order
from tests.support.sources import ROOT

EXAMPLES = ROOT / "examples" / "workflows"
WITH_WORKFLOWS = sorted(each.stem for each in EXAMPLES.glob("*.py") if "_tools" not in each.stem)
DRAFT = {"text": "Here.", "code": "x = 1", "files": {"main.py": "x = 1"}}


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Workflow]]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield {each.type: each for name in WITH_WORKFLOWS for each in load_module(name)}


def test_code_is_repaired_while_its_tests_fail_and_a_person_decides(
    examples: dict[str, Workflow],
) -> None:
    answers = {"draft": [DRAFT, DRAFT], "tests": [False, True]}
    flow = examples["GENERATE_TEST_REPAIR"]

    accepted = play(flow, answers={**answers, "apply": True})
    refused = play(flow, answers={**answers, "apply": {"approved": False, "comment": "no"}})
    hopeless = play(flow, answers={"draft": [DRAFT] * 3, "tests": ["timeout"] * 3})

    assert [each.key for each in accepted.steps] == [
        "draft",
        "tests",
        "draft#2",
        "tests#2",
        "apply",
    ]
    assert "x = 1" in str(accepted.steps[2].request["prompt"])
    assert accepted.output["files"] == {"main.py": "x = 1"}
    assert refused.text == "Refused: no"
    assert (hopeless.text or "").startswith("No draft passed its tests: timeout")


def test_a_report_survives_a_question_without_an_answer_and_comes_again(
    examples: dict[str, Workflow],
) -> None:
    played = play(
        examples["NIGHTLY_REPORT"],
        params={"questions": ["What broke?", "What is slow?"]},
        answers={"question": ["Nothing.", fail_with("budget")], "report": "All is well."},
    )

    assert isinstance(played.outcome, Repeats)
    assert played.outcome.at == datetime(2026, 1, 2, 2, tzinfo=UTC)
    assert played.text == "All is well."
    assert "What is slow?\n(no answer)" in str(played.steps[-1].request["prompt"])


def test_the_first_model_that_passes_wins_in_every_order(examples: dict[str, Workflow]) -> None:
    answers = {
        "model1/draft": DRAFT,
        "model1/tests": True,
        "model2/draft": [DRAFT, DRAFT],
        "model2/tests": [False, False],
        "model3/draft": fail_with("rate_limited"),
    }

    played = list(play_every_order(examples["BEST_OF_THREE"], answers=answers))

    assert {each.output["branch"] for each in played} == {"model1"}
    assert len(played) > 10


def test_examples_are_loaded_as_an_orchestrator_does(examples: dict[str, Workflow]) -> None:
    assert examples.keys() == {"BEST_OF_THREE", "GENERATE_TEST_REPAIR", "NIGHTLY_REPORT", "REFUND"}
    files = [EXAMPLES / f"{name}.py" for name in WITH_WORKFLOWS]
    assert not [each for file in files for each in check_module_file(file)]


async def test_the_file_of_the_examples_names_all_of_them() -> None:
    config = tomllib.loads((EXAMPLES / "cogo.toml").read_text("utf-8"))
    flows, tools = config["workflows"]["modules"], config["tools"]["modules"]

    async with WorkflowHost({}, modules=flows, folders=[EXAMPLES]) as host:
        assert not host.problems
    async with ToolHost(modules=tools, folders=[EXAMPLES]) as tool_host:
        assert not tool_host.problems

    assert sorted(flows) == WITH_WORKFLOWS
    assert sorted([*flows, *tools]) == sorted(each.stem for each in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize(
    ("agrees", "payment", "text"),
    [
        (True, "p-1", "Paid back as p-1."),
        (False, "", "Nothing was paid back."),
        (True, fail_with("outcome_unknown"), "Look into the shop: order 17 may"),
    ],
)
def test_money_is_paid_back_if_a_person_agrees(
    examples: dict[str, Workflow], agrees: bool, payment: Any, text: str
) -> None:
    order = {"number": "17", "email": "ada@example.com", "cents": 1250}
    answers = {"find_order": order, "refund": agrees, "refund_order": payment}

    played = play(examples["REFUND"], params={"order": "17"}, answers=answers)

    assert (played.text or "").startswith(text)
    asked = next(each for each in played.steps if each.kind == "approve")
    assert asked.request["question"] == "Pay back 12.50 to ada@example.com?"


def test_a_script_is_played_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    script = EXAMPLES / "best_of_three.answers.toml"
    file = EXAMPLES / "best_of_three.py"

    code = run(["workflows", "play", "BEST_OF_THREE", "--file", str(file), "--script", str(script)])

    output = capsys.readouterr().out
    assert code == 0
    assert "asks  model1/draft  ask (cheap-model)" in output
    assert "waits for any of model1/draft, model2/draft, model3/draft" in output
    assert output.endswith("finished\nx = 3\n")


def test_a_step_without_an_answer_says_how_to_write_it_and_write_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["workflows", "play", "GENERATE_TEST_REPAIR", "--file"]
    command.append(str(EXAMPLES / "generate_test_repair.py"))
    script = tmp_path / "answers.toml"

    assert run(command) == 1
    assert 'add to [answers] of the script: "draft" = ' in capsys.readouterr().err
    assert run([*command, "--write", str(script)]) == 0
    assert run([*command, "--script", str(script), "--json"]) == 0
    assert run([*command, "--write", str(script)]) == 1
    assert "exists" in capsys.readouterr().err


def test_examples_are_listed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["workflows", "example"]) == 0
    assert "best_of_three  Three models" in capsys.readouterr().out
    assert run(["workflows", "example", "nightly_report"]) == 0
    assert '@workflow("NIGHTLY_REPORT"' in capsys.readouterr().out
    assert run(["workflows", "example", "none"]) == 2


def test_steps_are_drawn_below_their_branches() -> None:
    def a_step(key: str, **changes: object) -> StepSummary:
        values: dict[str, object] = {
            "key": key, "kind": "ask", "model": "m", "status": "completed", "end_no": 1, "tries": 1,
            "cost_usd": None, "seconds": 1.5, "reason": None, "error": None,
        }  # fmt: skip
        return StepSummary(**(values | changes))  # type: ignore[arg-type]

    lines = draw_steps(
        [a_step("plan1"), a_step("a/draft"), a_step("b/draft"), a_step("a/x/check", tries=2)]
    )

    assert [line.partition("  ask")[0] for line in lines] == [
        "  plan1", "  a/", "    draft", "    x/", "      check", "  b/", "    draft",
    ]  # fmt: skip
    assert "2 attempts" in lines[4]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"models": [{"model": "a"}, {"model": "b"}]}, "a, b"),
        ({"available": True, "backend": "bubblewrap"}, "bubblewrap"),
        ({"available": False, "backend": None}, "none"),
        ({"limit": 3, "unit": "USD"}, "limit 3, unit USD"),
        ("rules", "rules"),
    ],
)
def test_decisions_are_shown_in_words(decision: object, words: str) -> None:
    assert describe_decision(decision) == words


FACTS = '''
from pydantic import BaseModel, Field
from cogo.workflows import Result, Run, workflow

class Point(BaseModel):
    text: str = Field(min_length=10)
    weight: float = Field(ge=2)

class Facts(BaseModel):
    title: str
    points: list[Point] = Field(min_length=2)
    source: str | None

@workflow("FACTS")
async def facts(run: Run) -> Result:
    """Ask for facts."""
    found = await run.ask("facts", run.prompt, schema=Facts)
    return Result(f"{found.title} {len(found.points)}")

@workflow("ENDLESS")
async def endless(run: Run) -> Result:
    """Never end."""
    while True:
        try:
            pass
        except BaseException:
            pass
'''


def test_a_written_script_plays_whatever_the_name_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, script = tmp_path / "json.py", tmp_path / "a.toml"
    file.write_text(FACTS)
    play_it = ["workflows", "play", "FACTS", "--file", str(file)]

    assert run([*play_it, "--write", str(script)]) == 0
    assert run([*play_it, "--script", str(script), "--param", "dayz=3"]) == 0

    out = capsys.readouterr().out
    assert "text 2" in out
    assert "params.dayz is not known" in out


def test_data_is_the_answer_of_a_step_with_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "flows.py"
    file.write_text(FACTS)
    (flow, _) = load_file(file)
    points = [{"text": "long enough", "weight": 2}] * 2

    data = {"title": "T", "points": points, "source": None}
    assert play(flow, answers={"facts": data}).text == "T 2"
    assert play(flow, answers={"facts": {"data": data}}).text == "T 2"


def test_a_workflow_that_never_ends_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "flows.py"
    file.write_text(FACTS)

    played = subprocess.run(
        [sys.executable, "-m", "cogo", "workflows", "play", "ENDLESS", "--file", file],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip

    assert played.returncode == 1
    assert f"takes too long at {file}:" in played.stderr
    assert "workflow_stuck" in played.stderr
