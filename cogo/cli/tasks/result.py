"""The outcome of a task on the command line: the result, its status and the exit code."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.calls import format_call
from cogo.watch.format import (
    format_cost,
    format_models,
    format_simulated_mark,
    get_answer,
    has_data,
    shorten_id,
    sum_tokens,
)
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.transcript import CHECKS
from protocol.verification import describe_result, get_receipt

UNFINISHED: Final = 3
_MOST_NOTES: Final = 5
_CALLS: Final = {"repaired": "repaired", "text": "read from text"}
"""Counts in `derived.calls` of a result, and what they count."""
EXIT_CODES: Final = {TaskState.COMPLETED: 0, TaskState.FAILED: 1, TaskState.CANCELLED: 4}
"""Exit codes by final status; UNFINISHED while the task has not ended."""


def print_result(
    task: Task, *, as_json: bool, has_shown: bool = False, out: Path | None = None
) -> int:
    """Print the status of a task, and its result unless shown already; return the exit code."""
    if out is not None and task.status is TaskState.COMPLETED:
        write_answer(out, task)
        print_line(f"{shorten_id(task.id)}  written      {out}", err=True)
    if as_json:
        print_json(task)
    else:
        print_text(format_summary(task), err=True, indent=10)
        for line in list_detail_lines(task):
            print_text(f"{shorten_id(task.id)}  {line}", err=True, indent=10)
        if task.status is TaskState.COMPLETED and not has_shown and out is None:
            print_line(get_answer(task))
    return EXIT_CODES.get(task.status, UNFINISHED)


def format_summary(task: Task) -> str:
    """Return one line: status, class of the error, models, tokens, cost, whether simulated."""
    status = str(task.status)
    if task.status is TaskState.FAILED and (error_class := (task.error or {}).get("class")):
        status += f" ({error_class})"
    tokens, cost = f"{sum_tokens(task)} tokens", format_cost(task.cost_usd)
    parts = [shorten_id(task.id), status, format_models(task), tokens, cost]
    return "  ".join(part for part in parts if part) + format_simulated_mark(task)


def list_code_lines(task: Task) -> list[str]:
    """Return what is known of a result's code and of its cost; nothing without code."""
    lines = (describe_result(task.result), get_receipt(task.result))
    return [line for line in lines if line is not None]


def list_check_lines(task: Task) -> list[str]:
    """Return what the checks of a workflow have shown whose result has no verification."""
    checks = (task.result or {}).get(CHECKS)
    found = checks if isinstance(checks, list) else []
    return [f"{each.get('key')}: {each.get('text')}" for each in found if isinstance(each, dict)]


def list_detail_lines(task: Task) -> list[str]:
    """Return what is known of a result beside the answer: code, checks, tools and notes."""
    return [
        *list_label_lines(task),
        *list_code_lines(task),
        *list_check_lines(task),
        *list_tool_lines(task),
        *list_notes(task),
    ]


def list_label_lines(task: Task) -> list[str]:
    """Return a line with the project and the tags of a task, if it has some."""
    parts = [f"project {task.project}"] if task.project else []
    parts += [f"tags {', '.join(task.tags)}"] if task.tags else []
    return ["; ".join(parts)] if parts else []


def list_tool_lines(task: Task) -> list[str]:
    """Return which tools models have called, and which calls the caller must answer."""
    result = task.result or {}
    lines = []
    if used := [_describe_use(each) for each in _list_objects(result.get("tools_used"))]:
        turns = result.get("turns")
        count = f"{turns} turns; " if isinstance(turns, int) else ""
        lines.append(f"tools: {count}{', '.join(used)}")
    if counted := _describe_calls(result.get("derived")):
        lines.append(f"calls of tools: {counted}")
    calls = _list_objects(result.get("tool_calls"))
    asked = [format_call(each.get("name"), each.get("arguments")) for each in calls]
    return [*lines, *(f"asks you to run {each}" for each in asked)]


def list_notes(task: Task) -> list[str]:
    """Return the last notes about how the result was made."""
    notes = (task.result or {}).get("notes")
    return [f"note: {each}" for each in notes[-_MOST_NOTES:]] if isinstance(notes, list) else []


def _describe_calls(derived: object) -> str | None:
    """Return how many calls were not clean data; None if all were."""
    counts = derived.get("calls") if isinstance(derived, dict) else None
    if not isinstance(counts, dict):
        return None
    rejected = counts.get("rejected")
    reasons = rejected.items() if isinstance(rejected, dict) else ()
    parts = [
        *(f"{count} rejected ({reason})" for reason, count in reasons),
        *(f"{counts[key]} {what}" for key, what in _CALLS.items() if counts.get(key)),
    ]
    return ", ".join(parts) or None


def _describe_use(use: Mapping[str, Any]) -> str:
    calls, errors, seconds = (use.get(each) for each in ("calls", "errors", "seconds"))
    count = f"{calls} call{'' if calls == 1 else 's'}"
    failed = f", {errors} failed" if errors else ""
    took = f" in {seconds:.1f} s" if isinstance(seconds, int | float) else ""
    return f"{use.get('tool')} ({count}{failed}{took})"


def _list_objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def require_writable(file: Path) -> None:
    """Raise CommandError unless the file can be written. An existing file is not changed."""
    try:
        if file.is_dir():
            raise IsADirectoryError(21, "it is a directory")
        if file.exists():
            file.open("a", encoding="utf-8").close()
        else:
            tempfile.TemporaryFile(dir=file.parent).close()
    except OSError as error:
        raise CommandError(f"--out {file} cannot be written: {error.strerror}") from error


def write_answer(file: Path, task: Task) -> None:
    """Write the answer of a task to a file. Raises CommandError."""
    try:
        end = "\n" if has_data(task) else ""  # code and text are as they were written
        file.write_text(get_answer(task) + end, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
