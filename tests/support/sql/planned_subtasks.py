"""Plans as agents of 0.1.0 complete them, which the database accepts for one release."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from protocol.records import Completion, SelectionRecord
from protocol.records.base import Argument


class PlannedSubtask(Argument):
    """A subtask with its stamp. `lane` and `params.model_id` name the model."""

    key: str
    type: str
    lane: str
    params: dict[str, Any]
    metadata: dict[str, Any] = Field(default_factory=dict)
    dependencies: list[str] = Field(default_factory=list)
    priority: int | None = None
    max_failures: int | None = None
    sink: bool | None = None
    run_at: datetime | None = None
    needs_approval: bool = False
    on_failure: Literal["fail_task", "continue"] = "fail_task"
    """With `continue`, its dependants continue without it if it becomes a dead letter."""


class Plan(Argument):
    """The subtasks of a task, written in the transaction that completes its PLAN."""

    subtasks: list[PlannedSubtask]
    selections: list[SelectionRecord]


class PlanCompletion(Completion):
    """The completion of a plan, or of a subtask that adds others."""

    plan: Plan | None = None
    subtasks: list[PlannedSubtask] | None = None
    selections: list[SelectionRecord] | None = None
