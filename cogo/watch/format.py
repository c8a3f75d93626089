"""Updates, figures and errors as plain text."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cogo.terminal import escape_json
from protocol.lanes import CIO
from protocol.records import Event, SelectionRow, Task
from protocol.records.flows import is_time_limit
from protocol.transcript import MODELS, TranscriptDelta

SHORT_ID = 8


def shorten_id(task_id: object) -> str:
    """Return the first characters of an id, enough to distinguish tasks on a screen."""
    return str(task_id)[:SHORT_ID]


def format_event(event: Event) -> str | None:
    """Return an event as a line for people; None for internal steps."""
    noun, _, status = event.kind.partition(".")
    if noun == "task":
        return _task_line(status, event.detail)
    if noun == "workflow":
        return f"drift        {event.detail.get('key')} would be asked otherwise now; its end stays"
    if event.detail.get("lane") == CIO and status == "blocked":
        awaited = event.detail.get("awaits")
        is_many = isinstance(awaited, int) and awaited > 1  # one is named by its own lines
        return f"waiting      for {awaited} steps" if is_many else None
    if event.detail.get("lane") == CIO:
        return _cio_line(status, event)
    if is_time_limit(event.detail.get("kind"), event.detail.get("key")):
        return None
    return _subtask_line(status, event)


def format_selection(selection: SelectionRow, key: str | None = None) -> str:
    """Return the selected model and the reason, and the key of the step unless it is the only."""
    step = "" if key in {None, "main"} else f"{key} "
    return f"stamped      {step}{selection.selected_model}: {selection.reason}"


def format_activity(delta: TranscriptDelta, model: str | None) -> str:
    """Return what is being written for other steps, and by which model."""
    role = f" ({delta.role})" if delta.role else ""
    return f"writing      {delta.key or 'a step'}{role}{f' by {model}' if model else ''}"


def shorten_agent_id(agent_id: str | None) -> str:
    """Return an agent's id without its host."""
    return (agent_id or "-").partition("@")[0]


def _task_line(status: str, detail: Mapping[str, Any]) -> str | None:
    if status == "failed":
        return f"failed       {format_error(detail.get('error'))}"
    return status if status in {"completed", "cancelled", "held"} else None


def _cio_line(status: str, event: Event) -> str | None:
    is_plan = event.detail.get("type") == "PLAN"
    if status != "running" or (is_plan and (event.attempt or 1) > 1):
        return None  # each end of a step begins another attempt at the flow
    verb = "planning" if is_plan else "rerouting"
    return f"{verb:<12} by {shorten_agent_id(event.agent_id)}"


def _subtask_line(status: str, event: Event) -> str | None:
    lane, key = event.detail.get("lane"), event.detail.get("key")
    role, kind = event.detail.get("role"), event.detail.get("kind")
    detail = event.detail
    wait = describe_wait(event.task_id, key, kind, detail.get("name"), detail.get("cap"))
    # The name of a task's only step says nothing.
    step = "" if key in {None, "main"} else f"{key}{f' ({role})' if role else ''} "
    # Nobody leases a step that waits for the world.
    attempt = f", attempt {event.attempt}" if event.attempt else ""
    by = f"{step}by {shorten_agent_id(event.agent_id)}{attempt}" if attempt else step.rstrip()
    lines = {
        "running": f"claimed      {by}",
        "delayed": (
            f"sleeping     {step}until {event.detail.get('run_at')}"
            if kind == "sleep"
            else f"will retry   {step}at {event.detail.get('run_at')}"
        ),
        "waiting": f"waiting      {wait}",
        "completed": f"finished     {by}",
        "failed": f"gave up      {step}{lane}{attempt}",
    }
    return lines.get(status)


def describe_wait(
    task_id: UUID, key: object, kind: object, name: object = None, cap: object = None
) -> str:
    """Return what a waiting step is waiting for, and the command that ends this."""
    task = shorten_id(task_id)
    if cap is not None:
        return f"for more money than its budget ({cap}) allows: `cogo approvals`"
    if kind == "task":
        return f"for the child task {key}"
    if kind == "event":
        return f"for the event {name or key}: `cogo send {task} {name or key}`"
    return f"for a person to approve {key}: `cogo approve {task} --key {key}`"


def format_error(error: object) -> str:
    """Return the message of a task's error."""
    if not isinstance(error, dict):
        return str(error) if error else "no reason was recorded"
    return str(error.get("message") or error)


def format_age(age: timedelta) -> str:
    """Return how long ago something was, in its largest unit, such as 3h."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def format_cost(cost: Decimal | None) -> str:
    """Return a cost in dollars; an unknown one is `unknown`, since it is not free."""
    if cost is None:
        return "unknown"
    return f"${cost:.4f}"


def format_milliseconds(value: float | None) -> str:
    """Return a duration for a table."""
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def sum_tokens(task: Task) -> int:
    """Return the number of tokens that a task used."""
    return task.input_tokens + task.cached_tokens + task.output_tokens


def format_simulated_mark(task: Task) -> str:
    """Return a mark if the vendor simulator answered, to follow a price or an answer."""
    return "  simulated" if task.simulated else ""


def mark_simulated(name: object, *, simulated: bool) -> str:
    """Return a model's name, marked if the vendor simulator answered in place of it."""
    return f"{name} (simulated)" if simulated else str(name)


def format_models(task: Task, *, most: int = 3) -> str | None:
    """Return the model of a result, or those of its steps, the first ones; None if it has none."""
    result = task.result or {}
    models = result.get(MODELS)
    names = [str(each) for each in models] if isinstance(models, list) else []
    if isinstance(result.get("model_used"), str) or not names:
        return result.get("model_used")
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def has_data(task: Task) -> bool:
    """Return whether the result is data that follows a schema of the task."""
    params = task.params if isinstance(task.params, dict) else {}
    return params.get("response_schema") is not None and "data" in (task.result or {})


def get_answer(task: Task) -> str:
    """Return the answer: the data if a schema was given, else the code if any, else the text.

    Data is indented JSON.
    """
    result = task.result or {}
    if has_data(task):
        return escape_json(json.dumps(result["data"], ensure_ascii=False, indent=2))
    return str(result.get("generated_code") or result.get("text") or "")
