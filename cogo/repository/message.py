"""Texts of commits and pull requests."""

from collections.abc import Mapping
from typing import Any, Final

from cogo.repository.changes import Changes, CodeStatus
from cogo.terminal import neutralize, shorten
from protocol.records import Task

_SUBJECT: Final = 72
_PROMPT: Final = 2_000


def build_message(task: Task, changes: Changes) -> str:
    """Return the message of the commit: the prompt, what is known of the code, and the task."""
    subject = shorten(neutralize(task.prompt), _SUBJECT) or "Add generated code"
    lines = [subject, ""]
    if receipt := _get_receipt(task):
        lines += [receipt, ""]
    trailers = {"Cogo-Task": str(task.id), "Cogo-Verification": changes.status.value}
    if model := (task.result or {}).get("model_used"):
        trailers["Cogo-Model"] = f"{model} (simulated)" if task.simulated else str(model)
    lines += [neutralize(f"{name}: {text}", one_line=True) for name, text in trailers.items()]
    return "\n".join(lines) + "\n"


def build_pull_request(task: Task, changes: Changes) -> tuple[str, str]:
    """Return the title and the body of a pull request, with the receipt and the report."""
    title = shorten(neutralize(task.prompt), _SUBJECT) or "Add generated code"
    parts = [f"{_describe(changes)}"]
    if receipt := _get_receipt(task):
        parts.append(receipt)
    if report := _describe_report(task):
        parts.append(report)
    if task.simulated:
        parts.append("The vendor simulator answered in place of a model.")
    parts.append(_quote(task.prompt))
    parts.append(f"COGO task `{task.id}`")
    return title, "\n\n".join(parts) + "\n"


def _describe(changes: Changes) -> str:
    sentences = {
        CodeStatus.VERIFIED: "**verified**: the tests of the task passed",
        CodeStatus.SELF_TESTED: "**self_tested**: tests that a model wrote passed",
        CodeStatus.UNVERIFIED: "**unverified**: the code was not tested",
        CodeStatus.FAILED: "**failed**: the code did not pass its tests",
    }
    reason = f" ({neutralize(changes.reason, one_line=True)})" if changes.reason else ""
    return sentences[changes.status] + reason


def _get_receipt(task: Task) -> str:
    receipt = (task.result or {}).get("receipt")
    sentence = receipt.get("sentence") if isinstance(receipt, dict) else None
    return neutralize(sentence, one_line=True) if isinstance(sentence, str) else ""


def _describe_report(task: Task) -> str:
    """Return the numbers of the report, with its sandbox."""
    verification = (task.result or {}).get("verification")
    report: Mapping[str, Any] | Any = (
        verification.get("report") if isinstance(verification, dict) else None
    )
    if not isinstance(report, dict):
        return ""
    passed, total = report.get("passed_tests"), report.get("total")
    count = f"{passed} of {total} tests passed" if total is not None else str(report.get("verdict"))
    return neutralize(f"{count} in the sandbox {report.get('sandbox')}", one_line=True)


def _quote(text: str) -> str:
    shown = neutralize(text)
    cut = shown if len(shown) <= _PROMPT else f"{shown[:_PROMPT]}..."
    return "\n".join(f"> {line}" for line in cut.splitlines())
