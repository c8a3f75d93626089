"""`cogo workflows show`: what the workflow of a task has done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_line, print_text, shorten
from cogo.watch.format import format_cost, format_error, format_milliseconds
from protocol.records import Attempt, Event, SelectionRow, Subtask, Task
from protocol.store.gateway import GatewayStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSummary:
    """One step, for people."""

    key: str
    kind: str
    model: str | None
    status: str
    end_no: int | None
    tries: int
    cost_usd: Decimal | None
    seconds: float | None
    reason: str | None
    """The reason for its model."""
    error: Any


def show_workflow(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show the steps of a task, as its workflow asked for them.

    Steps of a branch stand below its name. Each has its kind, model, status, number of attempts,
    cost and time. Steps that were changed since they were asked for are listed at the end.

    Examples:
        cogo workflows show last
        cogo workflows show 3f2a9c1e --json
    """
    found, subtasks, attempts, selections, events = run_with_store(
        directory, lambda store: _fetch(store, task)
    )
    flow = next((each for each in subtasks if each.kind == "flow"), None)
    steps = summarize_steps(subtasks, attempts, selections)
    decisions = (flow and flow.decisions) or {}
    drift = [each.detail for each in events if each.kind == "workflow.drift"]
    if as_json:
        print_json({"task": found, "steps": steps, "decisions": decisions, "drift": drift})
        return
    print_line(f"{found.id}  {found.status}  {found.type}  {format_cost(found.cost_usd)}")
    print_text(f"  {shorten(found.prompt, 100)}")
    for line in draw_steps(steps):
        print_text(line, indent=6)
    for key, decision in decisions.items():
        print_text(f"  decision {key}: {describe_decision(decision)}", indent=4)
    for detail in drift:
        print_text(f"  drift: {detail.get('key')} is asked for differently now", indent=4)
    if found.error:
        print_text(f"  {format_error(found.error)}", indent=2)


def summarize_steps(
    subtasks: Sequence[Subtask], attempts: Sequence[Attempt], selections: Sequence[SelectionRow]
) -> list[StepSummary]:
    """Return the steps of a workflow, in the order in which they were asked for."""
    reasons = {each.subtask_id: each.reason for each in selections}
    made: dict[UUID, list[Attempt]] = {}
    for attempt in attempts:
        made.setdefault(attempt.subtask_id, []).append(attempt)
    return [
        StepSummary(
            key=each.key,
            kind=each.kind,
            model=each.lane if each.kind == "ask" else None,
            status="not needed" if each.not_needed else each.status.value,
            end_no=each.end_no,
            tries=len(made.get(each.id, ())),
            cost_usd=_sum_costs(made.get(each.id, ())),
            seconds=_compute_seconds(each),
            reason=reasons.get(each.id),
            error=each.error,
        )
        for each in sorted(subtasks, key=lambda subtask: subtask.created_at)
        if each.kind != "flow"
    ]


def draw_steps(steps: Sequence[StepSummary]) -> list[str]:
    """Return a line for each step, below the names of its branches."""
    lines: list[str] = []
    shown: set[str] = set()
    for step in _order_by_branch(steps):
        *branches, name = step.key.split("/")
        for depth in range(len(branches)):
            path = "/".join(branches[: depth + 1])
            if path not in shown:
                shown.add(path)
                lines.append(f"{'  ' * (depth + 1)}{branches[depth]}/")
        indent = "  " * (len(branches) + 1)
        lines.append(f"{indent}{name}  {_describe_step(step)}")
        if step.error:
            lines.append(f"{indent}    {format_error(step.error)}")
    return lines


def _order_by_branch(steps: Sequence[StepSummary]) -> list[StepSummary]:
    """Keep the steps of a branch together, where its first one stands."""
    first: dict[str, int] = {}
    for number, step in enumerate(steps):
        parts = step.key.split("/")
        for depth in range(1, len(parts)):
            first.setdefault("/".join(parts[:depth]), number)

    def place(numbered: tuple[int, StepSummary]) -> tuple[int, ...]:
        number, step = numbered
        parts = step.key.split("/")
        return (*(first["/".join(parts[:depth])] for depth in range(1, len(parts))), number)

    return [step for _, step in sorted(enumerate(steps), key=place)]


def _describe_step(step: StepSummary) -> str:
    parts = [step.kind, step.model, step.status]
    if step.tries > 1:
        parts.append(f"{step.tries} attempts")
    if step.tries:
        parts.append(format_cost(step.cost_usd))
    if step.seconds is not None:
        parts.append(format_milliseconds(step.seconds * 1000))
    return "  ".join(each for each in parts if each)


def describe_decision(decision: object) -> str:
    """Return what a workflow took from the world, in words."""
    if isinstance(decision, dict) and isinstance(models := decision.get("models"), list):
        return ", ".join(str(each.get("model")) for each in models if isinstance(each, dict)) or "-"
    if isinstance(decision, dict) and isinstance(decision.get("available"), bool):
        return str(decision.get("backend") or "yes") if decision["available"] else "none"
    if isinstance(decision, dict):
        return shorten(", ".join(f"{name} {value}" for name, value in decision.items()), 100)
    return shorten(str(decision), 100)


def _sum_costs(attempts: Sequence[Attempt]) -> Decimal | None:
    costs = [each.cost_usd for each in attempts if each.cost_usd is not None]
    return sum(costs, Decimal()) if costs else None


def _compute_seconds(subtask: Subtask) -> float | None:
    if subtask.finished_at is None:
        return None
    took = subtask.finished_at - (subtask.started_at or subtask.created_at)
    return max(took, timedelta()).total_seconds()


async def _fetch(
    store: GatewayStore, task: str
) -> tuple[Task, Sequence[Subtask], Sequence[Attempt], Sequence[SelectionRow], Sequence[Event]]:
    task_id = await find_task_id(store, task)
    return (
        await store.fetch_task(task_id=task_id),
        await store.fetch_subtasks(task_id=task_id),
        await store.fetch_attempts(task_id=task_id),
        await store.fetch_selections(task_id=task_id),
        await store.fetch_events(task_id=task_id),
    )
