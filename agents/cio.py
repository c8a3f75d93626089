"""The CIO's judgement on one claimed subtask: plan a task, or find another model for a subtask."""

from collections.abc import Mapping
from typing import Any

from loguru import logger
from pydantic import ValidationError

from agents.fleet import Fleet
from agents.runtime.attempt import WorkFailed
from agents.selection.choice import Choice
from agents.selection.requirements import Requirements
from agents.selection.strategy import NoModel, Wanted, choose
from agents.wishes import check_model, wishes_of
from agents.workflows.invalid import InvalidTask
from agents.workflows.plan import Step
from agents.workflows.registry import plan_of
from protocol.ids import utc_now
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    Plan,
    PlannedSubtask,
    Route,
    TaskBrief,
)
from providers.catalogue import Catalogue

PLAN = "PLAN"


class Cio:
    """Turns what was claimed from the lane `cio` into a completion, or raises WorkFailed."""

    def __init__(self, *, catalogue: Catalogue, fleet: Fleet) -> None:
        self._catalogue = catalogue
        self._fleet = fleet

    async def work(self, claimed: ClaimedSubtask) -> Completion:
        """Plan, or route anew."""
        if not self._fleet.is_known:
            await self._fleet.refresh()
        try:
            return self._plan(claimed) if claimed.type == PLAN else self._route(claimed)
        except InvalidTask as error:
            raise WorkFailed(_invalid(claimed, error)) from error
        except NoModel as error:
            raise WorkFailed(self._no_model(claimed, error)) from error

    def choose(self, wanted: Wanted) -> Choice:
        """Choose among what the fleet serves now. Raises InvalidTask (unknown name), NoModel."""
        if wanted.requested and wanted.requested not in wanted.served:
            check_model("model", wanted.requested, self._catalogue, wanted.served)
        return choose(wanted, self._catalogue)

    def _plan(self, claimed: ClaimedSubtask) -> Completion:
        task = claimed.task
        step = plan_of(task)
        choice = self.choose(self._wanted(task, step.params))
        _log(task, choice)
        return Completion(
            ref=claimed.ref,
            output={"subtasks": 1},
            plan=Plan(
                subtasks=[_stamped(step, choice)],
                selections=[choice.record(key=step.key)],
            ),
        )

    def _route(self, claimed: ClaimedSubtask) -> Completion:
        choice = self.choose(
            self._wanted(claimed.task, claimed.params, failed=_failed_models(claimed))
        )
        _log(claimed.task, choice)
        model_id = choice.selected.model_id
        return Completion(
            ref=claimed.ref,
            output={"routed_to": model_id},
            route=Route(
                lane=model_id,
                params={"model_id": model_id},
                metadata={"model_preferences": [model_id]},
                selection=choice.record(),
            ),
        )

    def _wanted(
        self, task: TaskBrief, params: Mapping[str, Any], *, failed: Mapping[str, str] | None = None
    ) -> Wanted:
        stated = task.params if isinstance(task.params, dict) else {}
        return Wanted(
            needs=_requirements(task, stated),
            # A model that failed already is not insisted on.
            requested=None if failed else task.model,
            preferences=wishes_of(task.preferences, self._catalogue, self._fleet.lanes),
            prompt_characters=sum(len(each) for each in params.values() if isinstance(each, str)),
            served=self._fleet.lanes,
            failed=failed or {},
        )

    def _no_model(self, claimed: ClaimedSubtask, error: NoModel) -> Failure:
        """Wait for executors that may only be starting; say no at once when the fleet is known."""
        return Failure(
            ref=claimed.ref,
            error=ErrorInfo(
                class_="no_model",
                message=error.message,
                field=error.field,
                allowed=error.allowed or None,
            ),
            action=FailureAction.GIVE_UP if self._fleet.is_known else FailureAction.RETRY,
        )


def _stamped(step: Step, choice: Choice) -> PlannedSubtask:
    model_id = choice.selected.model_id
    return PlannedSubtask(
        key=step.key,
        type=step.type,
        lane=model_id,
        params={**step.params, "model_id": model_id},
        metadata={"model_preferences": [model_id], **step.metadata},
        dependencies=list(step.dependencies),
        sink=True,
    )


def _requirements(task: TaskBrief, params: Mapping[str, Any]) -> Requirements:
    try:
        return Requirements.of(task.type, task.prompt, params)
    except ValidationError as error:
        raise InvalidTask.of("params.task_requirements", error) from error


def _invalid(claimed: ClaimedSubtask, error: InvalidTask) -> Failure:
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="invalid_task",
            message=error.message,
            field=error.field,
            allowed=error.allowed or None,
        ),
        action=FailureAction.GIVE_UP,
    )


def _failed_models(claimed: ClaimedSubtask) -> dict[str, str]:
    """Give the models that failed, and how, since the subtask was made or last put back by hand.

    A drain or the death of an agent says nothing about a model.
    """
    failed = [
        (each.model_id, str((each.error or {}).get("class") or "failed"))
        for each in claimed.history
        if each.model_id and each.outcome in {"failed", "rerouted"}
    ]
    return dict(failed[-claimed.failures :] if claimed.failures else [])


def _log(task: TaskBrief, choice: Choice) -> None:
    logger.info(
        "Model selection",
        task_id=str(task.id),
        selected_model=choice.selected.model_id,
        reasoning=choice.reason,
        available_models=[each.model_id for each in choice.candidates if each.refused is None],
        timestamp=utc_now().isoformat(),
    )
