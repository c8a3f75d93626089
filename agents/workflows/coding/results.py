"""Results of tasks about code, and what they say about it. Pure.

`verified` is said only of the task's own tests, and only if they ran and passed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from agents.sandbox.report import Report
from agents.workflows.coding.candidates import CodeAttempt, CodeCandidate
from agents.workflows.coding.job import TestSuite
from agents.workflows.engine import Answer, Result
from protocol.verification import NO_TESTS, VerificationStatus, add_summary, describe_command


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What the work on a result has cost, and what the strongest model alone would cost."""

    attempts: Sequence[CodeAttempt] = ()
    others: Sequence[Answer] = ()
    """Answers that were no attempts, such as the tests that a model wrote."""
    strongest: Mapping[str, Any] = field(default_factory=dict)
    """The recorded decision: `model`, `expected_usd`."""

    @property
    def cost_usd(self) -> Decimal | None:
        """The cost of all answers; None if one is not known."""
        answers = [*(each.candidate.answer for each in self.attempts), *self.others]
        costs = [each.cost_usd for each in answers]
        return None if None in costs else sum((each for each in costs if each), Decimal())


def build_verified(
    best: CodeAttempt, tests: TestSuite, spent: Spending, notes: Iterable[str] = ()
) -> Result:
    """Return the result of code that passed the task's tests."""
    if not best.passed or tests.written_by is not None:
        raise ValueError("only code that passed the task's own tests is verified")
    reason = "all tests passed"
    if best.report.basis == "exit_code":
        if not tests.command:
            raise ValueError("an exit code verifies only if it is that of the task's own command")
        reason = describe_command(tests.command)
    return build_code_result(best, "verified", reason, tests=tests, spent=spent, notes=notes)


def build_self_tested(
    best: CodeAttempt, tests: TestSuite, spent: Spending, notes: Iterable[str] = ()
) -> Result:
    """Return the result of code that passed tests which a model of another maker wrote."""
    if not best.passed or tests.written_by is None or _has_same_author(best, tests):
        raise ValueError("only code that passed tests written by another maker is self-tested")
    reason = f"all tests passed that {tests.written_by} wrote"
    return build_code_result(best, "self_tested", reason, tests=tests, spent=spent, notes=notes)


def build_unverified(
    best: CodeAttempt,
    tests: TestSuite | None,
    spent: Spending,
    reason: str,
    notes: Iterable[str] = (),
) -> Result:
    """Return the best code there is, of which nothing shows that it works."""
    return build_code_result(best, "unverified", reason, tests=tests, spent=spent, notes=notes)


def judge(
    best: CodeAttempt, tests: TestSuite | None, spent: Spending, notes: Sequence[str] = ()
) -> Result:
    """Return the result that the report of the best attempt allows, and nothing better."""
    report = best.report
    if report.verdict == "unavailable":
        return build_unverified(best, tests, spent, f"{NO_TESTS}: {report.reason}", notes)
    if tests is None:
        if best.is_broken or best.candidate.problem:
            return _build_failed(best, tests, spent, notes)
        return build_unverified(best, tests, spent, NO_TESTS, notes)
    if report.verdict == "no_tests":
        return build_unverified(best, tests, spent, f"{NO_TESTS}: {report.reason}", notes)
    if best.passed and _has_same_author(best, tests):
        reason = f"only tests passed that {tests.written_by} wrote, which is of the same maker"
        return build_unverified(best, tests, spent, reason, notes)
    if best.passed:
        finish = build_verified if tests.written_by is None else build_self_tested
        return finish(best, tests, spent, notes)
    if tests.written_by is None or best.is_broken:
        return _build_failed(best, tests, spent, notes)
    reason = f"tests that {tests.written_by} wrote, which may be wrong: {report.summary}"
    return build_unverified(best, tests, spent, reason, notes)


def _has_same_author(best: CodeAttempt, tests: TestSuite) -> bool:
    """Return whether one model or maker wrote both the tests and the code."""
    maker = best.candidate.answer.maker
    return tests.written_by is not None and (
        tests.written_by == best.model or (maker is not None and maker == tests.maker)
    )


def _build_failed(
    best: CodeAttempt, tests: TestSuite | None, spent: Spending, notes: Iterable[str]
) -> Result:
    reason = best.report.summary
    return build_code_result(best, "failed", reason, tests=tests, spent=spent, notes=notes)


def build_code_result(
    best: CodeAttempt,
    status: VerificationStatus,
    reason: str,
    *,
    tests: TestSuite | None,
    spent: Spending,
    notes: Iterable[str] = (),
) -> Result:
    """Return the result: what the answer's own output has, its files, verification, receipt."""
    candidate, report = best.candidate, best.report
    output = dict(candidate.answer.output)
    stated = output.get("notes")
    output |= {
        "generated_code": candidate.code,
        "files": {**candidate.files, **candidate.not_run},
        "verification": build_verification(candidate, status, reason, report, tests),
        "receipt": build_receipt(best, status, spent),
        "notes": [*(stated if isinstance(stated, list) else []), *candidate.notes, *notes],
    }
    for unwanted in ("text", "is_diff", "problem"):
        output.pop(unwanted, None)
    if candidate.answer.output.get("is_diff") is True:
        output["diff"] = candidate.answer.code
    return Result(candidate.answer.text, output=output)


def build_verification(
    candidate: CodeCandidate,
    status: VerificationStatus,
    reason: str,
    report: Report,
    tests: TestSuite | None,
) -> dict[str, Any]:
    """Return what a result says about its code."""
    own = candidate.answer.output.get("verification")
    checks = own.get("checks") if isinstance(own, dict) else None
    was_run = report.verdict not in {"unavailable", "refused"}
    problem = None if report.passed else report.summary
    verification = {
        "status": status,
        "reason": reason,
        "checks": [
            *(checks if isinstance(checks, list) else []),
            *([{"name": "tests", "passed": report.passed, "problem": problem}] if was_run else []),
        ],
        "report": report.model_dump(mode="json"),
        "tests": None if tests is None else tests.describe(),
        "sandbox": report.sandbox,
    }
    return add_summary(verification)


def build_receipt(best: CodeAttempt, status: VerificationStatus, spent: Spending) -> dict[str, Any]:
    """Return who tried what, what it cost, and an estimate for the strongest model alone."""
    cost, expected = spent.cost_usd, spent.strongest.get("expected_usd")
    strongest = spent.strongest.get("model")
    sentence = f"{best.model} {_describe_outcome(best, status)}"
    if best in spent.attempts and len(spent.attempts) > 1:
        sentence += f" at {_name_ordinal(spent.attempts.index(best) + 1)} attempt"
    sentence += ", cost unknown" if cost is None else f", {format_usd(cost)}"
    if isinstance(strongest, str) and strongest != best.model and isinstance(expected, int | float):
        usd = format_usd(Decimal(str(expected)))
        sentence += f"; {strongest} alone, the strongest: about {usd} (estimate)"
    return {
        "sentence": sentence + ".",
        "attempts": [each.describe() for each in spent.attempts],
        "cost_usd": None if cost is None else float(cost),
        "strongest": {"model": strongest, "estimated_usd": expected} if strongest else None,
    }


def _describe_outcome(best: CodeAttempt, status: VerificationStatus) -> str:
    report = best.report
    if report.total:
        return f"passed {report.passed_tests or 0} of {report.total}"
    return "passed" if status in {"verified", "self_tested"} else "wrote it"


def _name_ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"the {number}{endings.get(number, 'th')}"


def format_usd(usd: Decimal) -> str:
    """Return a cost as receipts show it: in cents, or as exact as it must be if it is less."""
    return f"${usd:.2f}" if usd >= Decimal("0.01") or not usd else f"${usd:.6f}".rstrip("0")
