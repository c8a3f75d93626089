"""The end of `cogo run`: the verdict, where the code is, what may follow, and the exit code."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

from cogo.cli.tasks.result import (
    list_check_lines,
    list_code_lines,
    list_notes,
    list_tool_lines,
    write_answer,
)
from cogo.terminal import command_path, print_json, print_line, print_text, write_text
from cogo.watch.format import (
    format_error,
    format_simulated_mark,
    get_answer,
    has_data,
    shorten_id,
)
from cogo.watch.run_lines import RunProgress, format_clock, get_next_commands
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.verification import describe_result, get_status

VERIFIED, FAILED, BUDGET, CANCELLED, UNVERIFIED, DETACHED = 0, 1, 3, 4, 5, 130
"""Exit codes. 2 is that of a wrong command line, of any command."""
_COLORS: Final = {VERIFIED: "green", FAILED: "red", BUDGET: "red"}


class Accepted(StrEnum):
    """The least that counts as success."""

    VERIFIED = "verified"
    SELF_TESTED = "self-tested"
    UNVERIFIED = "unverified"


_VERDICTS: Final = {
    "verified": Accepted.VERIFIED,
    "self_tested": Accepted.SELF_TESTED,
    "unverified": Accepted.UNVERIFIED,
}
_ORDER: Final = tuple(Accepted)


def find_exit_code(
    task: Task, *, is_budget_spent: bool = False, accepts: Accepted = Accepted.VERIFIED
) -> int:
    """Return the exit code for a task that has ended.

    A result without code has nothing to verify: it is 0. Money is named only if it stood between
    the task and what would be accepted.
    """
    if task.status is TaskState.CANCELLED:
        return CANCELLED
    status = _get_status(task)
    if task.status is TaskState.FAILED or status == "failed":
        return BUDGET if is_budget_spent else FAILED
    if status is None:
        return VERIFIED
    verdict = _VERDICTS.get(status, Accepted.UNVERIFIED)
    if _ORDER.index(verdict) <= _ORDER.index(accepts):
        return VERIFIED
    return BUDGET if is_budget_spent else UNVERIFIED


def print_outcome(progress: RunProgress, exit_code: int, *, result_is: str | None) -> None:
    """Print the verdict, the receipt, the costs, where the code is, and the next commands."""
    for number, (name, text) in enumerate(
        describe_outcome(progress, exit_code, result_is=result_is)
    ):
        if number == 0:
            write_text(name, err=True, color=_COLORS.get(exit_code, "yellow"))
            print_text(text, err=True, indent=2)
        else:
            print_text(f"{name:<10}{text}", err=True, indent=10)


def describe_outcome(
    progress: RunProgress, exit_code: int, *, result_is: str | None
) -> list[tuple[str, str]]:
    """Return the last lines of a run, each with a name; the first one is the verdict."""
    task = progress.task
    untold = "unverified: the result does not say that it was tested"
    without = untold if _has_code(task) else str(task.status)
    receipt = list_code_lines(task)
    verdict = without if describe_result(task.result) is None else receipt.pop(0)
    if task.status is not TaskState.COMPLETED:
        reason = f": {format_error(task.error)}" if task.status is TaskState.FAILED else ""
        verdict, receipt = f"{task.status}{reason}", []
    name, colon, rest = verdict.partition(":")
    lines = [(name, f"{colon}{rest}{format_simulated_mark(task)}")]
    lines += [("receipt", each) for each in receipt]
    lines += [("check", each) for each in list_check_lines(task)]
    called = [("tools", each.removeprefix("tools: ")) for each in list_tool_lines(task)]
    lines += called
    if exit_code != VERIFIED or called or has_data(task):
        lines += [("note", each.removeprefix("note: ")) for each in list_notes(task)]
    took = task.finished_at - task.created_at if task.finished_at else None
    seconds = f" in {format_clock(took.total_seconds())}" if took else ""
    lines.append(("cost", f"{progress.build_limit()}{seconds}"))
    if result_is is not None:
        lines.append(("result", result_is))
    if task.status is TaskState.COMPLETED:
        lines += [("next", f"{command}   {what}") for command, what in get_next_commands(task)]
    return lines


def has_answer(task: Task) -> bool:
    """Return whether there is a result to hand over."""
    return task.status is TaskState.COMPLETED and bool(get_answer(task))


def _get_status(task: Task) -> str | None:
    return get_status(task.result) or ("unverified" if _has_code(task) else None)


def _has_code(task: Task) -> bool:
    return isinstance((task.result or {}).get("generated_code"), str)


def conclude_run(
    progress: RunProgress, out: Path | None, accept: Accepted, *, as_json: bool
) -> int:
    """Hand over the result and print the verdict; return the exit code."""
    code = find_exit_code(progress.task, is_budget_spent=progress.is_budget_spent, accepts=accept)
    where = _hand_over(progress.task, out, as_json=as_json)
    if as_json:
        print_json({"event": "result", "exit_code": code, "task": progress.task})
    else:
        print_outcome(progress, code, result_is=where)
    return code


def _hand_over(task: Task, out: Path | None, *, as_json: bool) -> str | None:
    """Write the result to its file or to standard output; return where it is, in words."""
    if not has_answer(task):
        return None
    if out is not None:
        write_answer(out, task)
        return f"written to {out}"
    if as_json:
        return None
    print_line(get_answer(task))
    return None if sys.stdout.isatty() else "on standard output"


def print_left(task: Task, *, as_json: bool, command: str = "run") -> None:
    """Print that the task continues, how to come back, and how to cancel it."""
    name, cogo = shorten_id(task.id), command_path()
    if as_json:
        print_json({"event": "detached", "task_id": task.id, "exit_code": DETACHED})
        return
    print_line(f"{name}  continues in the background", err=True)
    print_line(f"  {cogo} {command} --follow {name}   # comes back", err=True)
    print_line(f"  {cogo} tasks cancel {name}   # cancels it", err=True)
