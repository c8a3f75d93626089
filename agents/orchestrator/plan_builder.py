"""Plans and routes: subtasks stamped with the chosen models."""

from typing import Any

from agents.selection.choice import Choice
from agents.workflows.plan import DRAFT, ESCALATE_TO, SYNTHESIZE
from agents.workflows.plan import PlanStep as Step
from protocol.records import Plan, PlannedSubtask, Route


def build_plan(step: Step, choice: Choice) -> Plan:
    """Return the plan of one step: a subtask, or those of a team and the synthesis."""
    if not choice.pick.team:
        return Plan(subtasks=[_stamp(step, choice)], selections=[choice.to_record(key=step.key)])
    drafts, selections = [], []
    for number, model_id in enumerate(choice.pick.team, start=1):
        key = f"{step.key}_{number}"
        drafts.append(_stamp_draft(step, key, model_id))
        selections.append(choice.for_member(model_id).to_record(key=key))
    synthesis = _stamp(
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
    """Return the new stamp of a subtask that was routed back to the CIO."""
    model_id = choice.selected.model_id
    return Route(
        lane=model_id,
        params={"model_id": model_id},
        metadata=_build_metadata(choice, model_id),
        selection=choice.to_record(),
    )


def _stamp(step: Step, choice: Choice) -> PlannedSubtask:
    model_id = choice.selected.model_id
    return PlannedSubtask(
        key=step.key,
        type=step.type,
        lane=model_id,
        params={**step.params, "model_id": model_id},
        metadata=_build_metadata(choice, model_id) | step.metadata,
        dependencies=list(step.dependencies),
        sink=True,
    )


def _stamp_draft(step: Step, key: str, model_id: str) -> PlannedSubtask:
    """Return a team member's subtask. The synthesis continues without those that fail."""
    return PlannedSubtask(
        key=key,
        type=step.type,
        lane=model_id,
        params={**step.params, "model_id": model_id, DRAFT: True},
        metadata={"model_preferences": [model_id], **step.metadata},
        dependencies=list(step.dependencies),
        on_failure="continue",
    )


def _build_metadata(choice: Choice, model_id: str) -> dict[str, Any]:
    # Always with both keys, because the metadata of a route updates that of the earlier stamp.
    return {"model_preferences": [model_id], ESCALATE_TO: choice.pick.escalate_to}
