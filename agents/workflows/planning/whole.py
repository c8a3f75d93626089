"""The work as a whole: what its parts have given, and what running all of it has shown. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

from agents.extraction.languages import build_file_name, get_language, is_same_language
from agents.quoting import enclose
from agents.sandbox.report import Report
from agents.workflows.coding.job import TestSuite
from agents.workflows.engine import Answer, TaskOutcome
from agents.workflows.engine.readers import find_verdict
from agents.workflows.planning.interfaces import show_files
from agents.workflows.prompts.coordinate import READY
from protocol.verification import (
    NO_TESTS,
    TESTED,
    VerificationStatus,
    add_summary,
    describe_result,
    get_status,
)

StepValue: TypeAlias = Answer | TaskOutcome
MAX_SHOWN_TEXT: Final = 12_000
"""Characters of the text of one part that other steps see."""
_SHOWN_DECISION: Final = 200
"""Characters of a decision that are searched for its word."""
_WORD: Final = re.compile(r"[a-z]+")
_BROKEN: Final = frozenset({"syntax", "crashed", "refused"})
_STATUSES: Final = ("failed", "unverified", "self_tested", "verified")
"""The worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """A step of a plan that was done."""

    name: str
    """The key of its step."""
    value: StepValue
    is_code: bool = False
    interface: str = ""
    """What the plan says that others may rely on."""

    @property
    def files(self) -> dict[str, str]:
        """The files of its program; a text has none."""
        files = self.value.output.get("files")
        if not self.is_code or not isinstance(files, dict):
            return {}
        return {str(path): str(text) for path, text in files.items()}

    @property
    def model(self) -> str | None:
        """The model that has done it."""
        model = self.value.output.get("model_used")
        return model if isinstance(model, str) else None

    @property
    def maker(self) -> str | None:
        """The maker of that model."""
        derived = self.value.output.get("derived")
        maker = derived.get("maker") if isinstance(derived, dict) else None
        return maker if isinstance(maker, str) else None

    def show(self) -> str:
        """Return what parts that need it see of it, but for its files, which they have."""
        shown = describe_result(self.value.output)
        about = f"\n({shown})" if shown else ""
        said = "" if self.files else f"\n{self.value.text[:MAX_SHOWN_TEXT]}"
        agreed = f"\nAgreed: {self.interface}" if self.interface else ""
        code = f"\n{show_files(self.files)}" if self.files else ""
        return enclose("result", f"{agreed}{about}{said}{code}".removeprefix("\n"), of=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCheck:
    """The files of all parts, the tests of all of it, and their report."""

    files: Mapping[str, str]
    language: str
    tests: TestSuite | None = None
    tester: Answer | None = None
    """The answer that has the tests."""
    report: Report | None = None
    obstacle: str | None = None
    """Why it was not run, as the end of a sentence."""

    @property
    def is_failed(self) -> bool:
        """Whether running it has shown that something is wrong."""
        fine = {"passed", "no_tests", "unavailable"}
        return self.report is not None and self.report.verdict not in fine

    @property
    def score(self) -> float | None:
        """How good the tests find it, from 0 to 1; None: they were not run."""
        verdict = None if self.report is None else find_verdict(self.report, is_written=True)
        return None if verdict is None else verdict[1]

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """How good it is: passed, then tests that passed, then that it runs at all."""
        if self.report is None:
            return (False, 0, True)
        is_broken = self.report.verdict in _BROKEN
        return (self.report.passed, self.report.passed_tests or 0, not is_broken)

    def explain(self) -> str:
        """Return what went wrong, for a prompt."""
        if self.report is None:
            return ""
        failures = [
            "\n".join([f"{each.test}: {each.message}", *each.trace])
            for each in self.report.failures[:3]
        ]
        return "\n\n".join([self.report.reason or self.report.summary, *failures]).strip()


def list_changes(check: WholeCheck, answer: Answer) -> dict[str, str]:
    """Return the files of a revision, without tests and without code that has no name."""
    tests = check.tests.files if check.tests else None
    refused = {*(tests if isinstance(tests, Mapping) else ())}
    refused |= {build_file_name(check.language)} - {*check.files}
    return {
        path: text
        for path, text in answer.files.items()
        if path not in refused and check.files.get(path) != text
    }


def find_main_language(files: Iterable[str]) -> str | None:
    """Return the language of most files that are programs; None without any."""
    languages = [language for path in files if (language := get_language(path))]
    programs = [each for each in languages if each not in {"markdown", "text", "json", "yaml"}]
    return max(programs, key=lambda each: (programs.count(each), each), default=None)


def choose_test_path(files: Iterable[str], language: str) -> str:
    """Return a path for tests of the whole that no file has."""
    taken = {path.casefold() for path in files}
    stem = "test_together" if is_same_language(language, "python") else "together.test"
    ending = next(
        (
            PurePosixPath(path).suffix
            for path in taken
            if is_same_language(get_language(path), language)
        ),
        ".py",
    )
    path = f"{stem}{ending}"
    while path in taken:
        path = f"tests/{path}"
    return path


def build_whole_verification(
    check: WholeCheck, parts: Sequence[DoneStep], undone: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a result says about the code of all parts together."""
    code = [each for each in parts if each.is_code]
    status, reason = _judge(check, code, undone)
    report, tests = check.report, check.tests
    checks: list[dict[str, Any]] = [_describe_part(each) for each in code]
    checks += [
        {"name": name, "passed": False, "problem": problem} for name, problem in undone.items()
    ]
    if report is not None:
        problem = None if report.passed else report.summary
        checks.append({"name": "together", "passed": report.passed, "problem": problem})
    return add_summary(
        {
            "status": status,
            "reason": reason,
            "checks": checks,
            "report": report.model_dump(mode="json") if report else None,
            "tests": tests.describe() if tests else None,
            "sandbox": report.sandbox if report else "none",
        }
    )


def _judge(
    check: WholeCheck, code: Sequence[DoneStep], undone: Mapping[str, str]
) -> tuple[VerificationStatus, str]:
    report, tests = check.report, check.tests
    if report is not None and report.verdict in _BROKEN:
        return "failed", report.summary
    if undone:
        return "unverified", f"not everything was done: {', '.join(undone)}"
    failed = [each.name for each in code if get_status(each.value.output) == "failed"]
    if report is None or tests is None or report.verdict in {"unavailable", "no_tests"}:
        why = check.obstacle or (report.reason if report else "") or "nobody wrote any"
        return "unverified", f"{NO_TESTS} of the parts together: {why}"
    if not report.passed:
        return "unverified", (
            f"tests that {tests.written_by} wrote, which may be wrong: {report.summary}"
        )
    if failed:
        return "unverified", f"the parts work together, but {', '.join(failed)} failed tests"
    if _wrote_own_tests(tests, code):
        return "unverified", f"only tests passed of {tests.written_by}, which wrote some of it"
    return "self_tested", f"all tests of the parts together passed that {tests.written_by} wrote"


def _wrote_own_tests(tests: TestSuite, code: Sequence[DoneStep]) -> bool:
    """Return whether the maker of the tests has also made some of the code."""
    return any(
        each.model == tests.written_by or (each.maker is not None and each.maker == tests.maker)
        for each in code
    )


def _describe_part(done: DoneStep) -> dict[str, Any]:
    status = get_status(done.value.output)
    passed = status in TESTED if status in {*TESTED, "failed"} else None
    problem = None if passed else describe_result(done.value.output)
    return {"name": done.name, "passed": passed, "problem": problem}


def combine_verifications(parts: Sequence[DoneStep]) -> dict[str, Any] | None:
    """Return what results say about code that was not run together: the worst that is known.

    None without code; of one part what it says itself.
    """
    code = [each for each in parts if get_status(each.value.output) is not None]
    if not code:
        return None
    if len(code) == 1:
        return dict(code[0].value.output["verification"])
    worst = min(code, key=lambda each: _STATUSES.index(get_status(each.value.output) or "failed"))
    return add_summary(
        {
            "status": get_status(worst.value.output),
            "reason": "; ".join(f"{e.name}: {describe_result(e.value.output)}" for e in code),
            "checks": [_describe_part(each) for each in code],
            "report": None,
            "tests": None,
            "sandbox": "none",
        }
    )


def is_ready(review: TaskOutcome) -> bool:
    """Return whether a debate has found that nothing must change; in doubt something must."""
    verdict = review.output.get("verdict")
    decision = verdict.get("decision") if isinstance(verdict, dict) else None
    said = decision if isinstance(decision, str) else review.text
    words = _WORD.findall(said.strip().partition("\n")[0][:_SHOWN_DECISION].casefold())
    return READY in words and not {"not", "unfinished", "unready"}.intersection(words)


def compose_text(
    parts: Sequence[DoneStep], files: Mapping[str, str], verification: Mapping[str, Any]
) -> str:
    """Return the result for people: what the texts say, the files, what is known of them."""
    sections = [f"## {each.name}\n\n{each.value.text}" for each in parts if not each.files]
    for path, text in files.items():
        mark = "```"
        while mark in text:
            mark += "`"
        end = "" if text.endswith("\n") else "\n"
        sections.append(f"## {path}\n\n{mark}{get_language(path) or ''}\n{text}{end}{mark}")
    return "\n\n".join([*sections, str(verification.get("summary") or "")]).strip() + "\n"
