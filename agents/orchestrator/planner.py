"""The CIO's judgement on one claimed subtask: plan a task, or find another model for a subtask."""

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
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.model_profiles import get_profile_cache
from agents.selection.preferences import (
    check_model_name,
    normalize_requested_model,
    parse_model_preferences,
)
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from agents.workflows.plan import Step
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

PLAN = "PLAN"
"""The most that a task which found no executor waits after one has come."""


class Cio:
    """Turns what was claimed from the lane `cio` into a completion, or raises WorkFailed."""

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
        """Plan, or route anew."""
        if not self.registry.is_known:
            await self.registry.refresh()
        try:
            return self._plan(claimed) if claimed.type == PLAN else self._route(claimed)
        except InvalidTask as error:
            raise WorkFailed(_invalid(claimed, error)) from error
        except NoModel as error:
            raise WorkFailed(self._no_model(claimed, error)) from error

    def choose_model(self, wanted: SelectionRequest) -> Choice:
        """Choose among what the registry serves now. Raises InvalidTask (unknown name), NoModel."""
        wanted = replace(wanted, requested=normalize_requested_model(wanted.requested))
        if wanted.requested and wanted.requested not in wanted.served:
            check_model_name("model", wanted.requested, self.catalogue, wanted.served)
        return choose_model(wanted, self.catalogue, self._knowledge())

    def choose_for_requirements(
        self,
        needs: Requirements,
        *,
        served: Sequence[str],
        requested: str | None = None,
        owner: UUID | None = None,
        grants: Grants | None = None,
    ) -> Choice:
        """Choose without a task, as for one of this owner; raises as `choose_model`."""
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

    def find_lanes(self, subject: str) -> list[str]:
        """Give the lanes of a provider, as far as the registry serves them; of a model its own."""
        shelf = get_profile_cache(self.catalogue)
        return [
            lane for lane in self.registry.lanes if subject in (lane, shelf.get(lane).provider)
        ] or [subject]

    def choose_for_task(self, task: TaskBrief) -> tuple[Step, Choice]:
        """Give what a task would be, and by whom; raises as `choose_model`."""
        step = build_step(task)
        seed = f"{task.id}:{step.key}"
        return step, self.choose_model(self._wanted(task, step.params, seed=seed, may_team=True))

    def _plan(self, claimed: ClaimedSubtask) -> Completion:
        step, choice = self.choose_for_task(claimed.task)
        _log(claimed.task, choice)
        plan = build_plan(step, choice)
        return Completion(ref=claimed.ref, output={"subtasks": len(plan.subtasks)}, plan=plan)

    def _route(self, claimed: ClaimedSubtask) -> Completion:
        failed = _failed_models(claimed)
        try:
            choice = self._choose_again(claimed, failed)
        except NoModel:
            waiting = self._wait_for_one(claimed, failed)
            if waiting is None:
                raise
            choice = waiting
        _log(claimed.task, choice)
        return Completion(
            ref=claimed.ref,
            output={"routed_to": choice.selected.model_id},
            route=build_route(choice),
        )

    def _wait_for_one(self, claimed: ClaimedSubtask, failed: Mapping[str, str]) -> Choice | None:
        """Return a choice among the models that may be asked again, the soonest first, or None."""
        for model_id in _soonest(claimed):
            rest = {each: why for each, why in failed.items() if each != model_id}
            try:
                return self._choose_again(claimed, rest)
            except NoModel:
                continue
        return None

    def _choose_again(self, claimed: ClaimedSubtask, failed: Mapping[str, str]) -> Choice:
        seed = f"{claimed.task_id}:{claimed.key}:{len(failed)}"
        return self.choose_model(
            self._wanted(claimed.task, claimed.params, seed=seed, failed=failed)
        )

    def _wanted(
        self,
        task: TaskBrief,
        params: Mapping[str, Any],
        *,
        seed: str,
        failed: Mapping[str, str] | None = None,
        may_team: bool = False,
    ) -> SelectionRequest:
        stated = task.params if isinstance(task.params, dict) else {}
        wishes = parse_model_preferences(task.preferences, self.catalogue, self.registry.lanes)
        return SelectionRequest(
            needs=_requirements(task, stated),
            # A model that failed already is not insisted on.
            requested=None if failed else task.model,
            preferences=wishes,
            policy=self._knowledge().get_policy(task.owner, wishes.policy),
            prompt_characters=_characters(params),
            owner=task.owner,
            served=self.registry.lanes,
            simulated=self.registry.simulated,
            failed=failed or {},
            budget_usd=_budget_left(task),
            grants=task.grants,
            seconds_left=task.seconds_left,
            seed=seed,
            may_team=may_team,
        )

    def _no_model(self, claimed: ClaimedSubtask, error: NoModel) -> Failure:
        """Say no when executors live and none will do; while none lives, wait and spend nothing."""
        is_known = self.registry.is_known
        tried = list_failed_attempts(claimed)
        said = (
            f"every model that was tried failed: {quote_errors(tried)}. And now " if tried else ""
        )
        return Failure(
            ref=claimed.ref,
            error=ErrorInfo(
                class_="no_model",
                message=said + error.message,
                field=error.field,
                allowed=error.allowed or None,
                hint=suggest_next_steps(tried) or None,
            ),
            action=FailureAction.GIVE_UP if is_known else FailureAction.SNOOZE,
            retry_after=None if is_known else _patience(claimed),
        )


def _patience(claimed: ClaimedSubtask) -> timedelta:
    """Return how long to wait for a model: executors may only be starting."""
    failures = 1 + sum((each.error or {}).get("class") == "no_model" for each in claimed.history)
    return timedelta(seconds=compute_backoff(failures, first=2, longest=30))


def _requirements(task: TaskBrief, params: Mapping[str, Any]) -> Requirements:
    try:
        return Requirements.from_task(task.type, task.prompt, params)
    except ValidationError as error:
        raise InvalidTask.from_validation("params.task_requirements", error) from error


def _budget_left(task: TaskBrief) -> float | None:
    """Give dollars; what was spent without a known price is not counted against the task."""
    return None if task.budget_usd is None else float(task.budget_usd - (task.cost_usd or 0))


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
    """Return the models that failed, and how."""
    return {
        each.model_id: read_error_class(each)
        for each in list_failed_attempts(claimed)
        if each.model_id
    }


def _soonest(claimed: ClaimedSubtask) -> list[str]:
    """Return the models that failed only for a while, those that can be asked the soonest first."""
    waits = {
        each.model_id: read_retry_at(each) or datetime.min.replace(tzinfo=UTC)
        for each in list_failed_attempts(claimed)
        if each.model_id and is_temporary(each)
    }
    return sorted(waits, key=waits.__getitem__)


def _characters(params: Mapping[str, Any]) -> int:
    """Count what the model will have to read, near enough."""
    turns = params.get("messages")
    listed = turns if isinstance(turns, list) else []
    said = [each.get("content") for each in listed if isinstance(each, dict)]
    return sum(len(each) for each in (*params.values(), *said) if isinstance(each, str))


def _log(task: TaskBrief, choice: Choice) -> None:
    logger.info(
        "Model selection",
        task_id=str(task.id),
        selected_model=choice.selected.model_id,
        reasoning=choice.reason,
        available_models=[id_ for id_, each in choice.candidates.items() if each.refused is None],
        timestamp=utc_now().isoformat(),
    )
