"""An analysis of code: what it is about, and its results. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.extraction.answer import extract_code
from agents.extraction.fences import list_blocks
from agents.sandbox.report import Report
from agents.workflows.coding.findings import Bugs, build_findings_result
from agents.workflows.coding.job import CodeJob, find_obstacle, read_job
from agents.workflows.coding.syntax import SyntaxComparison
from agents.workflows.engine import Answer, Result, Run
from agents.workflows.engine.readers import find_verdict
from agents.workflows.params import AnalysisParams
from agents.workflows.prompts import code as prompts
from protocol.verification import NO_TESTS, add_summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What an analysis is about."""

    job: CodeJob
    kind: str
    code: str | None
    """None if the request holds the code in some other way than a fence."""

    @property
    def settings(self) -> dict[str, Any]:
        """The params of its questions."""
        return self.job.build_settings(prompts.ANALYST)

    def find_obstacle(self, run: Run, bugs: Bugs) -> str | None:
        """Return why no bug is reproduced, as the end of a sentence; None if it can be tried."""
        if not bugs.findings:
            return "nothing was found"
        if not bugs.test or not bugs.test.strip():
            return "no test was written"
        if self.code is None:
            return "the task has no params.code"
        return find_obstacle(run, self.job)

    def build_check(self, code: str | None, tests: str | None) -> dict[str, Any]:
        """Return the arguments of a check of the code, or of its corrected version."""
        text = tests or ""
        return {
            "files": {**self.job.files, self.job.main_file: code or ""},
            "tests": extract_code(text, language=self.job.language).code,
            "language": self.job.language,
        }


def read_analysis(run: Run) -> Analysis:
    """Return what a task of type ANALYZE_CODE is about."""
    params = run.params_as(AnalysisParams)
    code = params.code or find_code_in(run.prompt)
    return Analysis(job=read_job(run, AnalysisParams), kind=params.analysis_type, code=code)


def find_code_in(prompt: str) -> str | None:
    """Return the longest fenced block of a request; None if it has none."""
    blocks = [each.code for each in list_blocks(prompt)]
    return max(blocks, key=len, default=None)


def score_reproduction(before: Report | None, after: Report | None) -> float | None:
    """Return how good an answer is whose test must fail, and pass after its fix; None: unknown."""
    if before is None or before.verdict not in {"passed", "failed"}:
        return None
    if before.passed:
        return 0
    if after is None:
        return 0.7
    return None if find_verdict(after, is_written=True) is None else float(after.passed)


def build_bugs_result(
    bugs: Bugs,
    asked: Mapping[str, Any],
    *,
    obstacle: str | None,
    before: Report | None,
    after: Report | None,
) -> Result:
    """Return the result of a search for bugs: whether a test has shown the worst one, and the fix.

    One model wrote test and fix, so passing is no proof and the code stays unverified.
    """
    is_reproduced = before is not None and before.verdict == "failed"
    is_fixed = after is not None and after.passed
    if before is None:
        sentence = f"The bug was not reproduced: {obstacle}."
    elif not is_reproduced:
        sentence = f"The bug was not reproduced; the test gave: {before.summary}."
    else:
        sentence = f"A test reproduces the bug ({before.summary})."
    if after is not None:
        sentence += (
            " It passes with the fix." if is_fixed else f" The fix fails it: {after.summary}."
        )
    reason = f"{NO_TESTS} but those of the model itself" if before else NO_TESTS
    report = after or before
    verification: dict[str, Any] = {
        "status": "unverified",
        "reason": reason,
        "checks": [],
        "report": report.model_dump(mode="json") if report else None,
        "tests": {"origin": "written", "files": {"tests": bugs.test}} if bugs.test else None,
        "sandbox": report.sandbox if report else "none",
    }
    shown = [sentence]
    shown += [f"\n```\n{bugs.test}\n```" if is_reproduced else ""]
    shown += [f"\nCorrected:\n\n```\n{bugs.fixed_code}\n```" if bugs.fixed_code else ""]
    details = {
        "test": bugs.test, "is_reproduced": is_reproduced, "fixed_code": bugs.fixed_code,
        "is_fixed": is_fixed,
    }  # fmt: skip
    result = build_findings_result(bugs, asked, more=shown, details=details)
    output: dict[str, Any] = {**(result.output or {}), "verification": add_summary(verification)}
    return Result(result.text, output=output)


def build_documented_result(draft: Answer, compared: SyntaxComparison) -> Result:
    """Return documented code, and whether it is still the same program."""
    verification: dict[str, Any] = {
        "status": "failed" if compared.is_same is False else "unverified",
        "reason": compared.reason
        if compared.is_same is False
        else f"{NO_TESTS}; {compared.reason}",
        "checks": [*_list_checks(draft), *compared.checks],
    }
    output = {**draft.output, "verification": add_summary(verification)}
    return Result(draft.text, output=output | {"data": {"is_same_program": compared.is_same}})


def _list_checks(draft: Answer) -> list[Any]:
    own = draft.output.get("verification")
    checks = own.get("checks") if isinstance(own, dict) else None
    return checks if isinstance(checks, list) else []
