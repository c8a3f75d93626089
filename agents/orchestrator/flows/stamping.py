"""The steps that workflows ask for, stamped: with lanes, params and metadata. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import JsonValue

from agents.errors import InvalidTask, NoModel, ToolNotUsable
from agents.orchestrator.cio import StepNeeds, count_characters
from agents.orchestrator.tool_check import find_tool_needs
from agents.sandbox.check import LANGUAGES
from agents.selection.choice import Choice
from agents.workflows.engine.outcomes import StepRequest
from agents.workflows.params.step_params import (
    DRAFT,
    FOR_STATISTICS,
    NOTES,
    PROBLEM,
    RESPONSE_SCHEMA,
    WITH_HISTORY,
)
from protocol.lanes import SANDBOX, TOOLS, WAIT
from protocol.records import (
    ErrorInfo,
    NewChildTask,
    NewStep,
    SelectionRecord,
    TaskBrief,
)
from protocol.records.flows import Fork

DEFAULT_FAILURES: Final = 5
"""How often a subtask may fail, if nothing else is said. SQL: `cogo.subtasks.max_failures`."""
_SETTINGS: Final = {
    "system": "system",
    "messages": "messages",
    "temperature": "temperature",
    "max_output_tokens": "max_output_tokens",
    "effort": "reasoning_effort",
    "language": "language",
    "tools": "tools",
}
"""Names in the request of an ask, and in the params of its subtask."""
_INHERITED: Final = (
    "preference", "allowed_models", "denied_models", "allowed_providers", "denied_providers",
)  # fmt: skip
"""Preferences of a task that hold for its child tasks too; SQL adds the data policy."""


def change_request(request: StepRequest, fork: Fork | None) -> StepRequest:
    """Return the request with the prompt and the model that a fork from this step has.

    Its digest stays, since it tells what the workflow asked for.
    """
    if fork is None or fork.step != request.key or request.kind != "ask":
        return request
    changes: dict[str, JsonValue] = {} if fork.prompt is None else {"prompt": fork.prompt}
    if fork.model is not None:
        changes["model"] = None if fork.model == "auto" else fork.model
    return request.model_copy(update={"request": request.request | changes})


def build_needs(request: StepRequest, task: TaskBrief) -> StepNeeds:
    """Return what an ask needs from its model."""
    wanted = request.request
    params = build_ask_params(request)
    return StepNeeds(
        seed=f"{task.id}:{request.key}",
        prompt_characters=count_characters(params),
        tools=find_tool_needs(params),
        structured_output=RESPONSE_SCHEMA in params,
        model=_get_text(wanted, "model"),
        role=request.role,
        not_by=list_avoided(wanted),
    )


def build_ask(
    request: StepRequest, task: TaskBrief, choice: Choice, *, is_last: bool, notes: list[str]
) -> NewStep:
    """Return the step that asks the chosen model.

    Only the text of the last one belongs to the conversation of the session.
    """
    model_id = choice.selected.model_id
    params = build_ask_params(request) | {"model_id": model_id}
    if not is_last:
        params[DRAFT] = True
    elif notes:
        params[NOTES] = notes
    return NewStep(
        key=request.key,
        kind="ask",
        type=task.type,
        lane=model_id,
        params=params,
        metadata=_build_metadata(request, is_answer=is_last or request.answer)
        | {"model_preferences": [model_id]},
    )


def build_selection(
    request: StepRequest, task: TaskBrief, choice: Choice, reason: str | None
) -> SelectionRecord:
    """Return the record of a choice; `reason` is that of the decision that named the model."""
    record = choice.to_record(key=request.key)
    if reason is None:
        return record
    return record.model_copy(update={"requested_model": task.model, "reason": reason})


def build_refused_ask(
    request: StepRequest, task: TaskBrief, error: NoModel | InvalidTask
) -> NewStep:
    """Return the step that nobody can do: it has failed before it began."""
    return NewStep(
        key=request.key,
        kind="ask",
        type=task.type,
        lane=WAIT,
        params=build_ask_params(request) | {DRAFT: True},
        metadata=_build_metadata(request, is_answer=request.answer),
        error=ErrorInfo(
            class_=error.error_class if isinstance(error, ToolNotUsable) else "no_model",
            message=error.message,
            field=error.field,
            allowed=error.allowed or None,
        ),
    )


def build_step(request: StepRequest, task: TaskBrief) -> NewStep:
    """Return a step that is no ask; one that nobody can do has failed before it began."""
    wanted = request.request
    problem = _get_text(wanted, PROBLEM) if request.kind == "call" else None
    child = _build_child(wanted, task) if request.kind == "task" else None
    until = _get_text(wanted, "until") if request.kind == "sleep" else None
    return NewStep(
        key=request.key,
        kind=request.kind,
        type=task.type,
        lane=WAIT if problem else _find_lane(request),
        params={}
        if request.kind in {"task", "sleep"}
        else {name: value for name, value in wanted.items() if name not in FOR_STATISTICS},
        metadata=_build_metadata(request, is_answer=False),
        max_failures=_find_max_failures(wanted),
        run_at=None if until is None else datetime.fromisoformat(until),
        child=child,
        error=None if problem is None else ErrorInfo(class_="no_model", message=problem),
    )


def find_sandbox_lane(language: str, *, has_command: bool = False) -> str:
    """Return the lane of checks in a language, or by a command, whatever the language."""
    name = "command" if has_command else LANGUAGES.get(language.strip().lower(), "command")
    return SANDBOX + name


def _find_lane(request: StepRequest) -> str:
    wanted = request.request
    match request.kind:
        case "check":
            language = _get_text(wanted, "language") or ""
            return find_sandbox_lane(language, has_command=wanted.get("command") is not None)
        case "call":
            return TOOLS + (_get_text(wanted, "module") or "unknown")
        case _:
            return WAIT


def _find_max_failures(wanted: Mapping[str, JsonValue]) -> int | None:
    """Return the limit of a call that may fail more often than others; executors end it earlier."""
    retries = wanted.get("retries")
    return retries + 1 if isinstance(retries, int) and retries >= DEFAULT_FAILURES else None


def _build_child(wanted: Mapping[str, JsonValue], task: TaskBrief) -> NewChildTask:
    params, budget = wanted.get("params"), wanted.get("budget_usd")
    stated = task.preferences if isinstance(task.preferences, dict) else {}
    return NewChildTask(
        type=_get_text(wanted, "type") or "",
        prompt=_get_text(wanted, "prompt") or "",
        params=params if isinstance(params, dict) else {},
        budget_usd=None if budget is None else Decimal(str(budget)),
        preferences={name: stated[name] for name in _INHERITED if name in stated},
    )


def build_ask_params(request: StepRequest) -> dict[str, Any]:
    """Return the params of an ask, without its model."""
    wanted = request.request
    extra = wanted.get("params")
    params: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
    for name, param in _SETTINGS.items():
        if (value := wanted.get(name)) is not None:
            params[param] = value
    if isinstance(schema := wanted.get("schema"), dict):
        params[RESPONSE_SCHEMA] = schema.get("schema")
    if wanted.get("with_history") is not True:
        params[WITH_HISTORY] = False
    return params | {"generation_prompt": wanted.get("prompt")}


def _build_metadata(request: StepRequest, *, is_answer: bool) -> dict[str, Any]:
    role = {} if request.role is None else {"role": request.role}
    stated = {name: each for name, each in request.request.items() if name in FOR_STATISTICS}
    avoided = {"not_by": names} if (names := list_avoided(request.request)) else {}
    return {"digest": request.digest, "answer": is_answer, **role, **stated, **avoided}


def list_avoided(values: Mapping[str, Any]) -> list[str]:
    """Return the models whose makers a request, or the metadata of its subtask, excludes."""
    names = values.get("not_by")
    given = names if isinstance(names, list) else []
    return [each for each in given if isinstance(each, str) and each]


def _get_text(values: Mapping[str, JsonValue], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None
