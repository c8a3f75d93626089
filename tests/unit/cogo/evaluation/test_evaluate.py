"""Workflows run on recorded answers, and figures are counted from what came of it."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pydantic import JsonValue

from agents.sandbox import Job, Outcome
from agents.sandbox.check_runner import CheckRunner
from agents.workflows.engine import Result, Run, StepFailed, workflow
from cogo.evaluation import (
    CodingProblem,
    Configuration,
    Evaluator,
    OutcomesFile,
    ProblemOutcome,
    RememberedChecks,
    name_outcomes,
    summarize,
)

PROBLEM = CodingProblem(
    id="HumanEval/0",
    prompt='def double(x):\n    """Double x."""\n',
    entry_point="double",
    test="def check(candidate):\n    assert candidate(3) == 6\n",
    visible_tests=("assert double(2) == 4",),
)
RIGHT, WRONG, FOOLING = "    return 2 * x", "    return x", "    return x * x"
PRICES = {"cheap": Decimal("0.01"), "strong": Decimal("0.10")}


class OwnProcess:
    """Runs jobs of these tests, which are harmless, without isolation."""

    name = "own process"

    async def run(self, job: Job) -> Outcome:
        """Run `python program.py`, whatever the shell around it."""
        [(name, content)] = job.files.items()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", content, stderr=asyncio.subprocess.DEVNULL
        )
        assert name == "program.py"
        return Outcome(backend=self.name, exit_code=await process.wait())


@workflow("ESCALATE")
async def escalate(run: Run) -> Result:
    """Ask each model until its program, with the visible tests, ends well."""
    tests = str(run.params["tests"])
    with contextlib.suppress(StepFailed):
        await run.ask("tests", "Write tests.", role="reviewer")
    draft, status = None, "unverified"
    for model in run.ladder("coding"):
        draft = await run.ask("draft", run.prompt, model=model, answer=True)
        program = f"{draft.code}\n{tests}\n"
        report = await run.check(
            "check", files={"program.py": program}, command="python program.py"
        )
        if report.passed:
            status = "verified"
            break
        try:
            await run.ask("repair", "Repair it.", model=model, answer=True)
        except StepFailed:
            continue
    assert draft is not None
    output: dict[str, JsonValue] = {
        "generated_code": draft.code,
        "model_used": draft.model,
        "verification": {"status": status},
    }
    return Result(draft.text, output=output)


def evaluate(completions: Mapping[str, str], *models: str) -> ProblemOutcome:
    evaluator = Evaluator(
        workflow=escalate,
        checks=RememberedChecks(CheckRunner(sandbox=OwnProcess(), python=None)),
        recordings={model: {PROBLEM.id: each} for model, each in completions.items()},
        prices=PRICES,
    )
    return asyncio.run(evaluator.evaluate(PROBLEM, Configuration(models)))


def test_the_cheap_model_is_enough_if_its_answer_passes_the_visible_tests() -> None:
    outcome = evaluate({"cheap": RIGHT, "strong": WRONG}, "cheap", "strong")

    assert outcome.is_correct
    assert (outcome.status, outcome.model, outcome.calls) == ("verified", "cheap", ("cheap",))
    assert outcome.cost_usd == 0.01
    assert outcome.skipped == {"tests": 1}


def test_the_strong_model_is_asked_if_not_and_repairs_are_skipped_and_counted() -> None:
    outcome = evaluate({"cheap": WRONG, "strong": RIGHT}, "cheap", "strong")

    assert outcome.is_correct
    assert (outcome.model, outcome.calls) == ("strong", ("cheap", "strong"))
    assert outcome.cost_usd == 0.11
    assert outcome.skipped == {"tests": 1, "repair": 1}


def test_code_that_only_the_hidden_tests_refute_is_counted_as_such() -> None:
    fooling = evaluate({"cheap": FOOLING}, "cheap")
    figures = summarize(Configuration(("cheap",)), [fooling], PRICES)

    assert (fooling.status, fooling.is_correct) == ("verified", False)
    assert (figures.correct, figures.pass_at_1) == (0, 0.0)
    assert (figures.verified, figures.verified_but_wrong) == (1, 1)
    assert figures.relative_cost == 10.0


def test_wrong_code_is_neither_correct_nor_verified() -> None:
    outcome = evaluate({"cheap": WRONG, "strong": "    syntax error"}, "cheap", "strong")

    assert (outcome.is_correct, outcome.status) == (False, "unverified")


def test_a_task_without_a_result_is_counted_with_its_reason() -> None:
    outcome = evaluate({}, "cheap")

    assert not outcome.is_correct
    assert "no recording of cheap" in str(outcome.error)
    assert summarize(Configuration(("cheap",)), [outcome], PRICES).failed == 1


def test_the_figure_of_cheap_else_strong_is_known_beside_that_of_the_best_answer() -> None:
    outcome = evaluate({"cheap": WRONG, "strong": "    return 2 * x or None"}, "cheap", "strong")
    wrong = replace(outcome, is_correct=False, is_last_correct=True)
    figures = summarize(Configuration(("cheap", "strong")), [wrong], PRICES)

    assert outcome.is_last_correct
    assert (figures.pass_at_1, figures.pass_at_1_else_last) == (0.0, 100.0)
    unknown = replace(outcome, is_last_correct=None)
    assert summarize(Configuration(("a",)), [unknown], PRICES).pass_at_1_else_last is None


def test_an_unknown_price_makes_the_cost_unknown_and_not_zero() -> None:
    outcome = evaluate({"other": RIGHT}, "other")
    figures = summarize(Configuration(("other",)), [outcome], PRICES)

    assert outcome.cost_usd is None
    assert (figures.cost_usd, figures.relative_cost) == (None, None)


def test_outcomes_survive_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "eval" / "outcomes.jsonl"
    chain = Configuration(("cheap", "strong"))
    outcome = evaluate({"cheap": RIGHT}, "cheap")
    OutcomesFile(path).add(chain, outcome)
    with path.open("a") as file:
        file.write('{"configuration": "cheap", "outc')

    again = OutcomesFile(path)

    assert again.list_outcomes(chain, [PROBLEM]) == [outcome]
    assert set(again.found) == {(chain.name, PROBLEM.id)}
    again.clear()
    assert OutcomesFile(path).found == {}


def test_other_inputs_have_other_outcomes() -> None:
    names = {
        name_outcomes([PROBLEM], {}, {}, version="1"),
        name_outcomes([PROBLEM], {}, {}, version="2"),
        name_outcomes([PROBLEM], {}, PRICES, version="1"),
        name_outcomes([PROBLEM], {"a": {"HumanEval/0": "x"}}, {}, version="1"),
        name_outcomes([replace(PROBLEM, visible_tests=())], {}, {}, version="1"),
    }

    assert len(names) == 5
