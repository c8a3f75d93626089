"""Candidates: answers that hold code, and what running them has shown. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final

from agents.extraction.diffs import apply_diff
from agents.sandbox.report import Report
from agents.workflows.coding.job import CodeJob, TestSuite
from agents.workflows.engine import Answer

NOT_RUN: Final = frozenset({"unavailable", "refused"})

_CONFIGURATION: Final = re.compile(
    r"(?:^|/)(?:conftest\.py|(?:site|user)customize\.py|\.?pytest\.(?:ini|toml)|tox\.ini|\.npmrc"
    r"|\.mocharc\.\w+|(?:vitest|jest|ava|karma|cypress|playwright)\.\w+\.\w+"
    r"|(?:_?pytest|pluggy|unittest)(?:\.py|/.*))$"
    r"|(?:^|/)(?:node_modules|[^/]+\.(?:egg|dist)-info)/"
)
"""Files that decide how tests run, or take the place of what runs them."""
_PROJECT: Final = re.compile(
    r"(?:^|/)(?:pyproject\.toml|setup\.cfg|noxfile\.py|package\.json|(?:vite|babel)\.config\.\w+"
    r"|(?:GNU)?[Mm]akefile|[Jj]ustfile)$"
)
"""Files that decide what a command such as `npm test` does."""
_TESTS: Final = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?)/|(?:^|/)test_[^/]*$|[._-](?:test|spec)s?\.\w+$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCandidate:
    """The program of one answer."""

    answer: Answer
    code: str
    files: Mapping[str, str]
    not_run: Mapping[str, str] = field(default_factory=dict)
    """Files of the answer that the run does without, since they would decide how it ends."""
    notes: Sequence[str] = ()
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


def build_candidate(job: CodeJob, answer: Answer, tests: TestSuite | None = None) -> CodeCandidate:
    """Return the program of an answer: its files, or a diff applied to the files that are there.

    It has no file by which it would judge itself: the task's tests, and what decides how they run,
    stay as they are.
    """
    code, files = answer.code or "", dict(answer.files)
    if answer.output.get("is_diff") is True:
        patched = apply_diff(code, job.files)
        problem = "; ".join(patched.problems) or None
        changed = dict(patched.files)
        found = CodeCandidate(
            answer=answer,
            code=changed.get(job.main_file) or next(iter(changed.values()), code),
            files=changed,
            problem=problem,
        )
    elif not code.strip() and not files:
        return CodeCandidate(answer=answer, code="", files={}, problem="the answer has no code")
    else:
        found = CodeCandidate(
            answer=answer,
            code=code,
            files=files or {job.main_file: code},
            problem=_find_loss(answer),
        )
    return _take_out_judges(job, found, tests)


def _take_out_judges(
    job: CodeJob, candidate: CodeCandidate, tests: TestSuite | None
) -> CodeCandidate:
    """Leave out files that replace tests or their configuration, and do not run tests of its own.

    Where a command decides, tests of the answer itself would count as the task's.
    """
    named = tests.files if tests and isinstance(tests.files, Mapping) else {}
    owned = {_normalize(path) for path in named}
    given = {_normalize(path) for path in job.files}
    is_command = tests is not None and tests.command is not None
    files: dict[str, str] = {}
    not_run: dict[str, str] = {}
    refused: list[str] = []
    for path, text in candidate.files.items():
        place = _normalize(path)
        is_judge = _CONFIGURATION.search(place) or _TESTS.search(place)
        is_project = is_command and _PROJECT.search(place)
        if place in owned:
            refused.append(path)
        elif place == _normalize(job.main_file):
            files[path] = text
        elif _CONFIGURATION.search(place) or (place in given and (is_judge or is_project)):
            refused.append(path)
        elif is_command and (is_judge or is_project):
            not_run[path] = text
        else:
            files[path] = text
    if not (refused or not_run):
        return candidate
    notes = [
        f"{text}: {', '.join(sorted(paths)[:10])}."
        for text, paths in (
            (
                "Left out of the answer, since tests and their configuration stay as they are",
                refused,
            ),
            (
                "In the result, but not part of the run, since they would decide how it ends",
                not_run,
            ),
        )
        if paths
    ]
    problem, code = candidate.problem, candidate.code
    if not files:
        problem = problem or "the answer has only files of tests and of their configuration"
    elif code in (candidate.files[path] for path in refused):
        code = files.get(job.main_file) or next(iter(files.values()))
    return replace(candidate, code=code, files=files, not_run=not_run, notes=notes, problem=problem)


def _normalize(path: str) -> str:
    return str(PurePosixPath(path))


def build_sources(
    job: CodeJob, candidate: CodeCandidate, tests: TestSuite | None
) -> dict[str, str]:
    """Return the files to run: those that are there, with the candidate's in their places."""
    named = tests.files if tests and isinstance(tests.files, Mapping) else {}
    taken = {_normalize(path) for path in (*candidate.files, *named)}
    there = {path: text for path, text in job.files.items() if _normalize(path) not in taken}
    return {**there, **candidate.files}


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
