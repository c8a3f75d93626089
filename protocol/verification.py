"""What a result says about its code: whether it was run, and what that has shown."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from pydantic import JsonValue

VerificationStatus = Literal["verified", "self_tested", "unverified", "failed"]
"""`verified`: the task's tests passed, or its test command ended with 0. `self_tested`: tests
passed that a model of another maker wrote. `failed`: the task's tests or a check failed.
`unverified`: nothing shows that it works."""

TESTED: Final[frozenset[VerificationStatus]] = frozenset({"verified", "self_tested"})
"""Tests ran and passed."""
NO_TESTS: Final = "no tests were run"
_MAX_REASON: Final = 300
_STATUSES: Final = {"self_tested": "self-tested"}


def describe_verification(verification: object) -> str | None:
    """Return one line about code, such as `verified: 14 of 14 tests passed (bubblewrap)`.

    None if the value is not the `verification` of a result.
    """
    if not isinstance(verification, Mapping) or not isinstance(verification.get("status"), str):
        return None
    status = str(verification["status"])
    name = _STATUSES.get(status, status)
    report = verification.get("report")
    report = report if isinstance(report, Mapping) else {}
    sandbox = verification.get("sandbox") or report.get("sandbox")
    where = f" ({sandbox})" if isinstance(sandbox, str) and sandbox != "none" else ""
    if status in TESTED and report:
        return f"{name}: {_count_tests(verification, report)}{where}"
    reason = " ".join(str(verification.get("reason") or NO_TESTS).split())[:_MAX_REASON]
    return f"{name}: {reason}{where}"


def add_summary(verification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `verification` of a result with its line, for screens that only show it."""
    return {**verification, "summary": describe_verification(verification)}


def get_status(result: object) -> VerificationStatus | None:
    """Return what a task's result says of its code; None if it says nothing.

    A status that is not known here, as of a later version, counts as `unverified`.
    """
    said = result.get("verification") if isinstance(result, Mapping) else None
    if not isinstance(said, Mapping):
        return None
    known: tuple[VerificationStatus, ...] = get_args(VerificationStatus)
    return next((each for each in known if each == said.get("status")), "unverified")


def describe_result(result: object) -> str | None:
    """Return the line about the code of a task's result, or of an output; None without code."""
    if not isinstance(result, Mapping):
        return None
    return describe_verification(result.get("verification"))


def get_receipt(result: object) -> str | None:
    """Return the sentence about attempts and costs of a task's result, if it has one."""
    receipt = result.get("receipt") if isinstance(result, Mapping) else None
    sentence = receipt.get("sentence") if isinstance(receipt, Mapping) else None
    return sentence if isinstance(sentence, str) else None


def describe_command(command: str) -> str:
    """Return what is known of a command that decides by its exit code, and no more."""
    return f"`{' '.join(command.split())[:100]}` ended with exit code 0"


def _count_tests(verification: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    tests = verification.get("tests")
    tests = tests if isinstance(tests, Mapping) else {}
    total, passed = _get_count(report, "total"), _get_count(report, "passed_tests")
    author = tests.get("written_by")
    by = f" that {author} wrote" if isinstance(author, str) else ""
    command = report.get("command") or tests.get("command")
    if command and (report.get("basis") == "exit_code" or not total or passed is None):
        ended = describe_command(str(command))
        # The command has printed the count, and nothing but its exit code confirms it.
        return f"{ended}; {passed} passed" if passed else ended
    if not total or passed is None:
        return f"the tests passed{by}"
    vacuous = _get_count(tests, "vacuous") or 0
    return f"{passed - vacuous} of {total - vacuous} tests passed{by}"


def _get_count(values: Mapping[str, JsonValue], name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
