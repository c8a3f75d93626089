"""One line of plain text for each thing that happens."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from protocol.records import Event, SelectionRow, Task

SHORT_ID = 8


def short(task_id: object) -> str:
    """Give the first characters of an id: enough to tell tasks apart on a screen."""
    return str(task_id)[:SHORT_ID]


def event_line(event: Event) -> str | None:
    """Say what an event means to a person; None for steps that only machines care about."""
    noun, _, status = event.kind.partition(".")
    if noun == "task":
        return _task_line(status, event.detail)
    if event.detail.get("lane") == "cio":
        return _cio_line(status, event)
    return _subtask_line(status, event)


def selection_line(selection: SelectionRow) -> str:
    """Say which model was chosen, and why."""
    return f"stamped      {selection.selected_model}: {selection.reason}"


def agent_name(agent_id: str | None) -> str:
    """Give the part of an agent's id that a person needs on one machine."""
    return (agent_id or "-").partition("@")[0]


def _task_line(status: str, detail: Mapping[str, Any]) -> str | None:
    if status == "failed":
        return f"failed       {error_text(detail.get('error'))}"
    return status if status in {"completed", "cancelled", "held"} else None


def _cio_line(status: str, event: Event) -> str | None:
    verb = "planning" if event.detail.get("type") == "PLAN" else "rerouting"
    return f"{verb:<12} by {agent_name(event.agent_id)}" if status == "running" else None


def _subtask_line(status: str, event: Event) -> str | None:
    lane = event.detail.get("lane")
    by = f"by {agent_name(event.agent_id)}, attempt {event.attempt}"
    lines = {
        "running": f"claimed      {by}",
        "delayed": f"will retry   at {event.detail.get('run_at')}",
        "completed": f"finished     {by}",
        "failed": f"gave up      {lane}, attempt {event.attempt}",
    }
    return lines.get(status)


def error_text(error: object) -> str:
    """Give the sentence inside a task's error, with the field and its allowed values."""
    if not isinstance(error, dict):
        return str(error) if error else "no reason was recorded"
    return str(error.get("message") or error)


def cost_text(cost: Decimal | None) -> str:
    """Give a cost in dollars; an unknown one says so, for it is not free."""
    if cost is None:
        return "unknown"
    return f"${cost:.4f}"


def milliseconds(value: float | None) -> str:
    """Give a duration for a table."""
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def task_tokens(task: Task) -> int:
    """Give all tokens that a task used."""
    return task.input_tokens + task.cached_tokens + task.output_tokens


def simulated_mark(task: Task) -> str:
    """Return what follows a price or an answer that the vendor simulator made."""
    return "  simulated" if task.simulated else ""


def marked(name: object, *, simulated: bool) -> str:
    """Return the name of a model or of its sums, and that the vendor simulator stood for it."""
    return f"{name} (simulated)" if simulated else str(name)


def task_answer(task: Task) -> str:
    """Give what the person asked for: the code where there is some, else the text."""
    result = task.result or {}
    return str(result.get("generated_code") or result.get("text") or "")
