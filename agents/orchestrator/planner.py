"""The CIO: plans tasks, and chooses another model for subtasks that failed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loguru import logger
from pydantic import ValidationError

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.plan_builder import build_plan, build_route
from agents.runtime.attempt import WorkFailed
from agents.runtime.failed_attempts import (
    is_temporary,
    list_failed_attempts,
    quote_errors,
    read_error_class,
    read_retry_at,
    suggest_next_steps,
)
from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge, list_control_subjects
from agents.selection.model_profiles import get_profile_cache
from agents.selection.preferences import (
    check_model_name,
    normalize_requested_model,
    parse_model_preferences,
)
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from agents.workflows.plan import PlanStep as Step
from agents.workflows.registry import build_step
from protocol.backoff import compute_backoff
from protocol.ids import utc_now
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    Grants,
    TaskBrief,
)
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

PLAN = "PLAN"


class Cio:
    """Handles subtasks of the lane `cio`: PLAN, and those that need another model."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        registry: LaneRegistry,
        knowledge: Callable[[], Knowledge] = lambda: NOTHING_KNOWN,
    ) -> None:
        self.catalogue = catalogue
        self.registry = registry
        self._knowledge = knowledge

    async def handle(self, claimed: ClaimedSubtask) -> Completion:
        """Plan the task or route the subtask; raises WorkFailed if that is impossible."""
        if not self.registry.is_known:
            await self.registry.refresh()
        try:
            return self._plan(claimed) if claimed.type == PLAN else self._route(claimed)
        except InvalidTask as error:
            raise WorkFailed(_build_invalid_failure(claimed, error)) from error
        except NoModel as error:
            raise WorkFailed(self._build_no_model_failure(claimed, error)) from error

    def choose_model(self, request: SelectionRequest) -> Choice:
        """Choose a model. Raises InvalidTask for an unknown name, NoModel if none is eligible."""
        requested = normalize_requested_model(request.requested)
        if requested and requested not in request.served:
            check_model_name("model", requested, self.catalogue, request.served)
        request = replace(request, requested=requested)
        return choose_model(request, self.catalogue, self._knowledge())

    def choose_for_requirements(
        self,
        needs: Requirements,
        *,
        served: Sequence[str],
        requested: str | None = None,
        owner: UUID | None = None,
        grants: Grants | None = None,
    ) -> Choice:
        """Choose without a task, as for a task of this owner; raises as `choose_model`."""
        return self.choose_model(
            SelectionRequest(
                needs=needs,
                requested=requested,
                served=served,
                simulated=self.registry.simulated,
                policy=self._knowledge().get_policy(owner, None),
                owner=owner,
                grants=grants,
            )
        )

    def list_control_subjects(self, name: str) -> tuple[str, ...]:
        """Return the subjects for `name` as of now; a name that is unknown here stays as it is."""
        try:
            return list_control_subjects(name, self.catalogue, self.registry.lanes)
        except UnknownModel:
            return (name,)

    def find_lanes(self, subject: str) -> list[str]:
        """Return the served lanes of a provider; for a model its own lane."""
        profiles = get_profile_cache(self.catalogue)
        lanes = self.registry.lanes
        return [each for each in lanes if subject in (each, profiles.get(each).provider)] or [
            subject
        ]

    def choose_for_task(self, task: TaskBrief) -> tuple[Step, Choice]:
        """Return the step of a task and its choice; raises as `choose_model`."""
        step = build_step(task)
        seed = f"{task.id}:{step.key}"
        return step, self.choose_model(
            self._build_request(task, step.params, seed=seed, may_team=True)
        )

    def _plan(self, claimed: ClaimedSubtask) -> Completion:
        step, choice = self.choose_for_task(claimed.task)
        _log_choice(claimed.task, choice)
        plan = build_plan(step, choice)
        return Completion(ref=claimed.ref, output={"subtasks": len(plan.subtasks)}, plan=plan)

    def _route(self, claimed: ClaimedSubtask) -> Completion:
        failed = _list_failed_models(claimed)
        try:
            choice = self._choose_again(claimed, failed)
        except NoModel:
            temporary = self._choose_temporary(claimed, failed)
            if temporary is None:
                raise
            choice = temporary
        _log_choice(claimed.task, choice)
        return Completion(
            ref=claimed.ref,
            output={"routed_to": choice.selected.model_id},
            route=build_route(choice),
        )

    def _choose_temporary(
        self, claimed: ClaimedSubtask, failed: Mapping[str, str]
    ) -> Choice | None:
        """Return a model that failed temporarily, the first to be available again, or None."""
        for model_id in _list_temporary_models(claimed):
            rest = {each: why for each, why in failed.items() if each != model_id}
            try:
                return self._choose_again(claimed, rest)
            except NoModel:
                continue
        return None

    def _choose_again(self, claimed: ClaimedSubtask, failed: Mapping[str, str]) -> Choice:
        seed = f"{claimed.task_id}:{claimed.key}:{len(failed)}"
        return self.choose_model(
            self._build_request(claimed.task, claimed.params, seed=seed, failed=failed)
        )

    def _build_request(
        self,
        task: TaskBrief,
        params: Mapping[str, Any],
        *,
        seed: str,
        failed: Mapping[str, str] | None = None,
        may_team: bool = False,
    ) -> SelectionRequest:
        stated = task.params if isinstance(task.params, dict) else {}
        preferences = parse_model_preferences(task.preferences, self.catalogue, self.registry.lanes)
        return SelectionRequest(
            needs=_read_requirements(task, stated),
            # The requested model is dropped once a model failed.
            requested=None if failed else task.model,
            preferences=preferences,
            policy=self._knowledge().get_policy(task.owner, preferences.policy),
            prompt_characters=_count_characters(params),
            owner=task.owner,
            served=self.registry.lanes,
            simulated=self.registry.simulated,
            failed=failed or {},
            budget_usd=_compute_budget_left(task),
            grants=task.grants,
            seconds_left=task.seconds_left,
            seed=seed,
            may_team=may_team,
        )

    def _build_no_model_failure(self, claimed: ClaimedSubtask, error: NoModel) -> Failure:
        """Return a failure that gives up, or waits if no executor is known."""
        is_known = self.registry.is_known
        tried = list_failed_attempts(claimed)
        before = f"every model that was tried failed: {quote_errors(tried)}. Now " if tried else ""
        return Failure(
            ref=claimed.ref,
            error=ErrorInfo(
                class_="no_model",
                message=before + error.message,
                field=error.field,
                allowed=error.allowed or None,
                hint=suggest_next_steps(tried) or None,
            ),
            action=FailureAction.GIVE_UP if is_known else FailureAction.SNOOZE,
            retry_after=None if is_known else _compute_snooze(claimed),
        )


def _compute_snooze(claimed: ClaimedSubtask) -> timedelta:
    """Return how long to wait for a model, since executors may still be starting."""
    failures = 1 + sum((each.error or {}).get("class") == "no_model" for each in claimed.history)
    return timedelta(seconds=compute_backoff(failures, first=2, longest=30))


def _read_requirements(task: TaskBrief, params: Mapping[str, Any]) -> Requirements:
    try:
        return Requirements.from_task(task.type, task.prompt, params)
    except ValidationError as error:
        raise InvalidTask.from_validation("params.task_requirements", error) from error


def _compute_budget_left(task: TaskBrief) -> float | None:
    """Return the remaining dollars; spending without a known price is not counted."""
    return None if task.budget_usd is None else float(task.budget_usd - (task.cost_usd or 0))


def _build_invalid_failure(claimed: ClaimedSubtask, error: InvalidTask) -> Failure:
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


def _list_failed_models(claimed: ClaimedSubtask) -> dict[str, str]:
    """Return the error class of each model that failed."""
    return {
        each.model_id: read_error_class(each)
        for each in list_failed_attempts(claimed)
        if each.model_id
    }


def _list_temporary_models(claimed: ClaimedSubtask) -> list[str]:
    """Return the models that failed temporarily, the first to be available again first."""
    waits = {
        each.model_id: read_retry_at(each) or datetime.min.replace(tzinfo=UTC)
        for each in list_failed_attempts(claimed)
        if each.model_id and is_temporary(each)
    }
    return sorted(waits, key=waits.__getitem__)


def _count_characters(params: Mapping[str, Any]) -> int:
    """Count the characters that the model will read, approximately."""
    turns = params.get("messages")
    listed = turns if isinstance(turns, list) else []
    contents = [each.get("content") for each in listed if isinstance(each, dict)]
    return sum(len(each) for each in (*params.values(), *contents) if isinstance(each, str))


def _log_choice(task: TaskBrief, choice: Choice) -> None:
    logger.info(
        "Model selection",
        task_id=str(task.id),
        selected_model=choice.selected.model_id,
        reasoning=choice.reason,
        available_models=[id_ for id_, each in choice.candidates.items() if each.refused is None],
        timestamp=utc_now().isoformat(),
    )
