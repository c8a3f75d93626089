"""Texts of commits and pull requests."""

from typing import Final

from cogo.repository.changes import Changes
from cogo.terminal import neutralize, shorten
from protocol.records import Task
from protocol.verification import describe_result, get_receipt

_SUBJECT: Final = 72
_PROMPT: Final = 2_000


def build_message(task: Task, changes: Changes) -> str:
    """Return the message of the commit: the prompt, what is known of the code, and the task."""
    subject = shorten(neutralize(task.prompt), _SUBJECT) or "Add generated code"
    lines = [subject, ""]
    for sentence in filter(None, (_describe(task), _get_receipt(task))):
        lines += [sentence, ""]
    trailers = {"Cogo-Task": str(task.id), "Cogo-Verification": changes.status}
    if model := (task.result or {}).get("model_used"):
        trailers["Cogo-Model"] = f"{model} (simulated)" if task.simulated else str(model)
    lines += [neutralize(f"{name}: {text}", one_line=True) for name, text in trailers.items()]
    return "\n".join(lines) + "\n"


def build_pull_request(task: Task) -> tuple[str, str]:
    """Return the title and the body of a pull request, with what was tested and the receipt."""
    title = shorten(neutralize(task.prompt), _SUBJECT) or "Add generated code"
    parts = [_describe(task), _get_receipt(task)]
    if task.simulated:
        parts.append("The vendor simulator answered in place of a model.")
    parts += [_quote(task.prompt), f"COGO task `{task.id}`"]
    return title, "\n\n".join(filter(None, parts)) + "\n"


def _describe(task: Task) -> str:
    return neutralize(describe_result(task.result) or "", one_line=True)


def _get_receipt(task: Task) -> str:
    return neutralize(get_receipt(task.result) or "", one_line=True)


def _quote(text: str) -> str:
    shown = neutralize(text)
    cut = shown if len(shown) <= _PROMPT else f"{shown[:_PROMPT]}..."
    return "\n".join(f"> {line}" for line in cut.splitlines())
