"""The answer of a task, for both of OpenAI's formats."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.problems import Problem
from gateway.tasks.task_run import get_result_text, is_simulated, require_result_text
from protocol.records import Task

_TURN: Final = re.compile(r"\b(?:params\.)?messages\.(\d{1,6})\b", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """What a completed task has answered."""

    text: str
    """In JSON if the request has a schema."""
    tool_calls: Sequence[Mapping[str, str]]
    """Calls that the caller must answer: `id`, `name` and `arguments`, as the model wrote them."""
    citations: Sequence[Mapping[str, Any]]
    """Of pages: vendors' formats have no place for those of memory."""
    reasoning: str


def read_given_answer(task: Task) -> GivenAnswer:
    """Read the answer. Raise Problem if it has neither text nor calls."""
    result = task.result or {}
    calls = [
        {key: str(each.get(key) or "") for key in ("id", "name", "arguments")}
        for each in _list_objects(result.get("tool_calls"))
    ]
    text = get_result_text(task) if calls or was_filtered(task) else require_result_text(task)
    if has_schema(task) and not calls and "data" in result and not _is_json(text):
        text = json.dumps(result["data"], ensure_ascii=False)
    return GivenAnswer(
        text=text,
        tool_calls=calls,
        citations=[each for each in _list_objects(result.get("citations")) if each.get("url")],
        reasoning=str(result.get("reasoning_content") or ""),
    )


def has_schema(task: Task) -> bool:
    """Return whether the answer must be JSON."""
    params = task.params
    return isinstance(params, dict) and params.get("response_schema") is not None


def get_finish_reason(task: Task) -> str:
    """Return why the answer ended, in OpenAI's terms.

    Any other reason of a completed task is COGO's own, and the answer is complete.
    """
    if was_filtered(task):
        return "content_filter"
    found = (task.result or {}).get("finish_reason")
    return found if found in {"length", "tool_calls"} else "stop"


def was_filtered(task: Task) -> bool:
    """Return whether the vendor's filter has cut the answer off."""
    reasons = (task.result or {}).get("finish_reason"), (task.error or {}).get("class")
    return bool({"content_filter", "content_filtered"} & {str(each) for each in reasons})


def get_answering_model(task: Task, *, asked: str) -> str:
    """Return the model that has answered, or the one that was asked for."""
    return str((task.result or {}).get("model_used") or asked)


def build_simulated_mark(task: Task) -> dict[str, bool]:
    """Return what marks an answer of the vendor simulator."""
    return {"simulated": True} if is_simulated(task) else {}


def rename_turns(text: str, names: Mapping[str, str], places: Sequence[str] = ()) -> str:
    """Make a text name the places of turns in the request, not those in `params.messages`.

    `places` are those of all turns, in order; where they are not known, the number is left out.
    """

    def name_turn(found: re.Match[str]) -> str:
        number = int(found[1])
        return places[number] if number < len(places) else names.get("messages", "messages")

    return _TURN.sub(name_turn, text)


def rename_parameter(
    problem: Problem, names: Mapping[str, str], places: Sequence[str] = ()
) -> Problem:
    """Make the failure of a task name the parameter of the request, not the task's param.

    `places` are those of the turns in the request.
    """
    problem.detail = rename_turns(problem.detail, names, places)
    field = problem.extra.get("param")
    if isinstance(field, str):
        field = problem.extra["param"] = rename_turns(field, names, places)
    if isinstance(field, str) and field.startswith("params."):
        name, dot, rest = field.removeprefix("params.").partition(".")
        renamed = f"{names.get(name, name)}{dot}{rest}"
        problem.extra["param"] = renamed
        problem.detail = problem.detail.replace(field, renamed)
    return problem


def _list_objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
