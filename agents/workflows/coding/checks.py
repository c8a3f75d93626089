"""Steps that the workflows of code share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from agents.extraction.languages import normalize_language
from agents.sandbox.report import Report
from agents.workflows.coding.candidates import (
    CodeAttempt,
    CodeCandidate,
    build_problem_report,
    build_sources,
)
from agents.workflows.coding.job import CodeJob, TestSuite
from agents.workflows.engine import (
    Answer,
    DeadlinePassed,
    LastStep,
    NotNeeded,
    Result,
    Run,
    StepFailed,
)
from agents.workflows.engine.readers import read_models
from agents.workflows.one_question import Question, answer_question
from agents.workflows.params.step_params import UNVERIFIED
from agents.workflows.prompts import code as prompts
from protocol.verification import NO_TESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The models to try, in this order, and the strongest one for comparison."""

    models: Sequence[str | None]
    """(None,) if no decision names one: then the step itself says why none can be asked."""
    strongest: Mapping[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def read(cls, run: Run, job: CodeJob, *, calls: int = 1) -> "Ladder":
        """Return the recorded ladder of those who write code; `calls` as in `plan_ladder`."""
        check = "written_tests" if job.tests is None else "run"
        decision = run.plan_ladder("coding", check=check, calls=calls)
        strongest = decision.get("strongest") if isinstance(decision, dict) else None
        return cls(
            models=read_models(decision) or (None,),
            strongest=strongest if isinstance(strongest, dict) else {},
        )


async def answer_unchecked(run: Run, job: CodeJob, prompt: str, reason: str) -> Result | LastStep:
    """Answer as the policy wants it, with code that is not run, and says why."""
    settings = job.build_settings(prompts.EXPERT, tests=job.tests) | {
        UNVERIFIED: f"{NO_TESTS}: {reason}"
    }
    return await answer_question(run, Question(prompt=prompt, params=settings, role="coding"))


async def run_check(run: Run, key: str, *, language: str, **arguments: Any) -> Report:
    """Run a check. One that could not be made says nothing about the code, which is kept."""
    try:
        return await run.check(key, language=language, **arguments)
    except NotNeeded:
        raise
    except StepFailed as error:
        reason = f"the check could not be made: {error.message}"
        return Report(verdict="unavailable", reason=reason, sandbox="none", language=language)


async def check_candidate(
    run: Run, job: CodeJob, tests: TestSuite | None, candidate: CodeCandidate
) -> CodeAttempt:
    """Run a candidate with the tests; without any it is parsed and imported."""
    if candidate.problem is not None:
        return CodeAttempt(candidate=candidate, report=build_problem_report(job, candidate.problem))
    report = await run_check(
        run,
        "check",
        files=build_sources(job, candidate, tests),
        tests=tests.files if tests else None,
        command=tests.command if tests else None,
        language=job.language,
        judges=candidate.answer,
        tests_by=tests.written_by if tests else None,
    )
    return CodeAttempt(candidate=candidate, report=report)


async def write_tests(
    run: Run, job: CodeJob, ladder: Ladder, written: list[Answer]
) -> TestSuite | None:
    """Have a model of another maker write tests, from the task alone; None without usable ones.

    They count only if they fail against a stub: the same names without any behaviour.
    """
    coder = ladder.models[0]
    try:
        answer = await run.ask(
            "tests",
            prompts.ask_for_tests(job.prompt, job.language, job.main_file),
            role="reviewer",
            not_by=() if coder is None else (coder,),
            language=job.language,
            with_history=True,
            params=job.build_settings(prompts.TESTER) | {"target_file": None, "git_branch": None},
        )
    except StepFailed as error:
        if isinstance(error, DeadlinePassed):
            raise
        return None
    written.append(answer)
    code = answer.code or ""
    if not code.strip() or answer.problem is not None:
        return None
    files: Mapping[str, str] | str = code
    if normalize_language(job.language) != "python":
        files = {f"cogo.test{_get_ending(job.main_file)}": code}
    stub = await run_check(
        run,
        "stub",
        files={job.main_file: ""},
        tests=files,
        language=job.language,
        against="stub",
    )
    if stub.verdict != "failed" or not stub.failed_tests:
        return None
    return TestSuite(
        files=files,
        written_by=answer.model,
        maker=answer.maker,
        vacuous=stub.passed_tests or 0,
    )


def _get_ending(path: str) -> str:
    return "." + path.rpartition(".")[2]
