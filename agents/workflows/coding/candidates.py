"""Candidates: answers that hold code, and what running them has shown. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.extraction.diffs import apply_diff
from agents.sandbox.report import Report
from agents.workflows.coding.job import CodeJob, TestSuite
from agents.workflows.engine import Answer

NOT_RUN: Final = frozenset({"unavailable", "refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCandidate:
    """The program of one answer."""

    answer: Answer
    code: str
    files: Mapping[str, str]
    problem: str | None = None
    """Why it cannot be run, as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAttempt:
    """A candidate and its report."""

    candidate: CodeCandidate
    report: Report

    @property
    def model(self) -> str:
        """The model that wrote it."""
        return self.candidate.answer.model or "?"

    @property
    def passed(self) -> bool:
        """Whether it ran and all tests passed."""
        return self.report.passed

    @property
    def is_broken(self) -> bool:
        """Whether it cannot even be parsed, imported or applied."""
        return self.report.verdict in {"syntax", "crashed", "refused"}

    @property
    def rank(self) -> tuple[bool, int, bool, float]:
        """How good it is: passed, then most tests passed, then runnable, then fewest failed."""
        passed, total = self.report.passed_tests or 0, self.report.total or 0
        return (self.passed, passed, not self.is_broken, -float(total - passed))

    def describe(self) -> dict[str, Any]:
        """Return the attempt as receipts list it."""
        cost = self.candidate.answer.cost_usd
        return {
            "model": self.model,
            "check": self.report.verdict,
            "passed": self.report.passed_tests,
            "total": self.report.total,
            "cost_usd": None if cost is None else float(cost),
        }

    def explain(self) -> str:
        """Return what went wrong first, for a prompt: one failure, not the whole history."""
        failure = self.report.first_failure
        if failure is None:
            return self.report.reason or self.report.summary
        trace = "\n".join(failure.trace)
        return f"{failure.test}: {failure.message}" + (f"\n\n{trace}" if trace else "")


def build_candidate(job: CodeJob, answer: Answer) -> CodeCandidate:
    """Return the program of an answer: its files, or a diff applied to the files that are there."""
    code, files = answer.code or "", dict(answer.files)
    if answer.output.get("is_diff") is True:
        patched = apply_diff(code, job.files)
        problem = "; ".join(patched.problems) or None
        changed = dict(patched.files)
        return CodeCandidate(
            answer=answer,
            code=changed.get(job.main_file) or next(iter(changed.values()), code),
            files=changed,
            problem=problem,
        )
    if not code.strip() and not files:
        return CodeCandidate(answer=answer, code="", files={}, problem="the answer has no code")
    return CodeCandidate(
        answer=answer, code=code, files=files or {job.main_file: code}, problem=_find_loss(answer)
    )


def build_sources(
    job: CodeJob, candidate: CodeCandidate, tests: TestSuite | None
) -> dict[str, str]:
    """Return the files to run: a candidate may not replace the tests that judge it."""
    files = {**job.files, **candidate.files}
    named = tests.files if tests and isinstance(tests.files, Mapping) else {}
    return {path: text for path, text in files.items() if path not in named}


def build_problem_report(job: CodeJob, problem: str) -> Report:
    """Return the report of a candidate that cannot be run at all."""
    return Report(verdict="refused", reason=problem, sandbox="none", language=job.language)


def find_best(attempts: Sequence[CodeAttempt]) -> CodeAttempt:
    """Return the best attempt, the latest of equal ones."""
    return max(reversed(attempts), key=lambda each: each.rank)


def _find_loss(answer: Answer) -> str | None:
    """Return why files of the answer were left out, such as a path outside; None if none were."""
    verification = answer.output.get("verification")
    checks = verification.get("checks") if isinstance(verification, dict) else None
    for each in checks if isinstance(checks, list) else []:
        if isinstance(each, dict) and each.get("name") == "files" and each.get("problem"):
            return str(each["problem"])
    return None
