"""What a finished task has shown, in a few lines that fit 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cogo.watch.format import (
    format_cost,
    format_error,
    format_milliseconds,
    format_simulated_mark,
    get_answer,
)
from protocol.records import Task
from protocol.verification import describe_result

_WIDTH: Final = 64
"""Of a line, beside the name of its task."""


def tell_task(task: Task) -> list[str]:
    """Return the outcome, how it came about, and what it cost."""
    result = task.result or {}
    if task.error is not None:
        lines = [f"{task.status}: {format_error(task.error)}"]
    elif (verified := describe_result(result)) and not result.get("data"):
        lines = [verified, *_tell_attempts(_list_mappings(result, ("receipt", "attempts")))]
    elif votes := _list_mappings(result, ("votes",)):
        lines = [*_tell_votes(votes, result)]
    elif isinstance(result.get("data"), Mapping) and "findings" in result["data"]:
        lines = [*_tell_findings(_list_mappings(result, ("data", "findings")))]
    else:
        lines = [get_answer(task).strip().partition("\n")[0] or str(task.status)]
    return [*(part for line in lines for part in _fold(line)), _tell_cost(task)]


def _fold(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, subsequent_indent="   ", max_lines=3)


def _tell_attempts(attempts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each attempt, which says whether it repairs the one before or escalates."""
    before: object = None
    for number, each in enumerate(attempts, start=1):
        model = each.get("model")
        how = "draft" if before is None else "repair" if model == before else "another model"
        counted = f"{each.get('passed') or 0} of {each['total']}" if each.get("total") else "-"
        yield f"{number}. {counted:<7}  {how:<13}  {model}"
        before = model


def _tell_votes(votes: Sequence[Mapping[str, Any]], result: Mapping[str, Any]) -> Iterator[str]:
    held = [str(each["after"].get("verdict")) for each in votes if _has_verdict(each)]
    judge = f", decided by {result['decided_by']}" if result.get("decided_by") else ""
    verdict = result.get("verdict")
    ruled = verdict if isinstance(verdict, Mapping) else {}
    decided, dissent = ruled.get("decision"), ruled.get("dissent")
    if not isinstance(decided, str) or not isinstance(dissent, list):
        decided = max(held, key=held.count, default="undecided")
        dissent = [each for each in held if each != decided]
    yield f"{decided}: {max(len(held) - len(dissent), 0)} of {len(held)}{judge}"
    for each in votes:
        if _has_verdict(each):
            yield f"- {each['after'].get('verdict')}: {each.get('model')}"


def _has_verdict(vote: Mapping[str, Any]) -> bool:
    return isinstance(vote.get("after"), Mapping)


def _tell_findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{len(findings)} findings" if len(findings) != 1 else "1 finding"
    for each in findings[:3]:
        line = f", line {each['line']}" if each.get("line") else ""
        yield f"- {each.get('severity')}{line}: {each.get('what')}"


def _tell_cost(task: Task) -> str:
    end, begin = task.finished_at, task.created_at
    took = format_milliseconds((end - begin).total_seconds() * 1000) if end else "-"
    return f"{took}, {format_cost(task.cost_usd)}{format_simulated_mark(task)}"


def _list_mappings(value: object, path: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the objects of the list at a path of keys; nothing if there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
