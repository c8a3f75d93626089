"""The first steps of a task, before it is submitted."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from agents.errors import InvalidTask
from agents.orchestrator.flows.runner import FlowRunner
from agents.selection.choice import Choice
from agents.workflows.engine import FlowFailed, HandedOver, StepRequest, Suspended
from protocol.ids import utc_now
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPreview:
    """The steps with which a task begins."""

    steps: list[tuple[StepRequest, Choice | None]]
    """With the choice of a model where one is asked."""
    is_open: bool
    """Whether other steps follow."""
    decisions: Mapping[str, JsonValue]

    @property
    def choices(self) -> list[Choice]:
        """The choices of models, in the order of the steps."""
        return [choice for _, choice in self.steps if choice is not None]


async def preview_flow(runner: FlowRunner, task: TaskBrief) -> FlowPreview:
    """Return the first steps of a task. Raises InvalidTask, and NoModel if no model is eligible."""
    record = FlowRecord(first_claimed_at=utc_now())
    advanced, decisions = await runner.advance(task, record)
    match advanced:
        case FlowFailed():
            field = advanced.field or "type"
            raise InvalidTask(field, advanced.message, allowed=advanced.allowed or ())
        case HandedOver(step=step):
            requests, is_open = [step], False
        case Suspended(steps=steps):
            requests, is_open = steps, True
        case _:
            requests, is_open = [], False
    steps_with_choices = [(each, runner.choose(task, each)) for each in requests]
    return FlowPreview(steps=steps_with_choices, is_open=is_open, decisions=decisions)
