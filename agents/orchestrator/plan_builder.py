"""Stamping: from a step and the choice of its model to the subtasks of a plan."""

from typing import Any

from agents.selection.choice import Choice
from agents.workflows.plan import Step
from protocol.records import Plan, PlannedSubtask, Route

ESCALATE_TO = "escalate_to"
"""In a subtask's metadata: the model after this one, when a check refuses its answer."""
DRAFT = "draft"
"""In a subtask's params: its answer is for another subtask and no part of a conversation."""
SYNTHESIZE = "synthesize"
"""In a subtask's params: make one answer of those that it waited for."""


def build_plan(step: Step, choice: Choice) -> Plan:
    """Give the plan of one step: a subtask, or a team of them and the synthesis."""
    if not choice.pick.team:
        return Plan(subtasks=[_stamped(step, choice)], selections=[choice.to_record(key=step.key)])
    drafts, selections = [], []
    for number, model_id in enumerate(choice.pick.team, start=1):
        key = f"{step.key}_{number}"
        drafts.append(_draft(step, key, model_id))
        selections.append(choice.for_member(model_id).to_record(key=key))
    synthesis = _stamped(
        Step(
            key=step.key,
            type=step.type,
            params={**step.params, SYNTHESIZE: True},
            dependencies=(*step.dependencies, *(each.key for each in drafts)),
            metadata=step.metadata,
        ),
        choice,
    )
    return Plan(
        subtasks=[*drafts, synthesis], selections=[*selections, choice.to_record(key=step.key)]
    )


def build_route(choice: Choice) -> Route:
    """Give the new stamp of a subtask that was handed back."""
    model_id = choice.selected.model_id
    return Route(
        lane=model_id,
        params={"model_id": model_id},
        metadata=_metadata(choice, model_id),
        selection=choice.to_record(),
    )


def _stamped(step: Step, choice: Choice) -> PlannedSubtask:
    model_id = choice.selected.model_id
    return PlannedSubtask(
        key=step.key,
        type=step.type,
        lane=model_id,
        params={**step.params, "model_id": model_id},
        metadata=_metadata(choice, model_id) | step.metadata,
        dependencies=list(step.dependencies),
        sink=True,
    )


def _draft(step: Step, key: str, model_id: str) -> PlannedSubtask:
    """Give one member's subtask. The synthesis goes on without those that fail."""
    return PlannedSubtask(
        key=key,
        type=step.type,
        lane=model_id,
        params={**step.params, "model_id": model_id, DRAFT: True},
        metadata={"model_preferences": [model_id], **step.metadata},
        dependencies=list(step.dependencies),
        on_failure="continue",
    )


def _metadata(choice: Choice, model_id: str) -> dict[str, Any]:
    # Always there: a route lays its metadata over that of the stamp before.
    return {"model_preferences": [model_id], ESCALATE_TO: choice.pick.escalate_to}
