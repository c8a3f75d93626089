"""The CIO: chooses the models for tasks, for steps of workflows, and for subtasks that failed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from loguru import logger
from pydantic import ValidationError

from agents.attachments.params import count_file_characters
from agents.errors import InvalidTask, NoModel
from agents.memory.citing import list_recalled
from agents.memory.models import MemoryModel, choose_memory_model
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.tool_check import NO_TOOLS, ToolNeeds
from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.checks import CheckName
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge, list_control_subjects
from agents.selection.model_profiles import get_profile_cache
from agents.selection.preferences import (
    Preferences,
    check_model_name,
    normalize_requested_model,
    parse_model_preferences,
)
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from agents.selection.roles import CATALOGUE_ROLES, apply_role
from protocol.ids import utc_now
from protocol.json_values import to_finite_float
from protocol.records import Grants, SelectionRecord, TaskBrief
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNeeds:
    """What one call of a model for a task needs, beyond what the task says."""

    seed: str
    """Of random policies; the same seed gives the same choice, even after a crash."""
    prompt_characters: int = 0
    model: str | None = None
    """The model that the workflow names; it precedes that of the task."""
    role: str | None = None
    not_by: Sequence[str] = ()
    """Models whose makers, and makers that, are avoided."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The error class of each model that failed at it."""
    tools: ToolNeeds = NO_TOOLS
    check: CheckName = "form"
    """What the answer goes through before another model may be asked."""
    may_team: bool = False
    structured_output: bool = False
    """Whether the answer must follow a JSON Schema."""
    policy: PolicyName | None = None
    """None: that of the task."""


class Cio:
    """Chooses models with what is known now."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        registry: LaneRegistry,
        knowledge: Callable[[], Knowledge] = lambda: NOTHING_KNOWN,
        memory_model: str | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.registry = registry
        self._knowledge = knowledge
        self._memory_model = memory_model

    def choose_memory_model(self) -> MemoryModel:
        """Return the embedding model of memory, of those that executors serve now."""
        return choose_memory_model(self._memory_model, self.catalogue, self.registry.embeddings)

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
                open_models=self.registry.open_models,
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

    def choose_for_task(self, task: TaskBrief, needs: StepNeeds) -> Choice:
        """Choose a model for a step of a task; raises as `choose_model`."""
        stated = task.params if isinstance(task.params, dict) else {}
        preferences = self.parse_preferences(task)
        role = needs.role
        request = SelectionRequest(
            needs=_add_tools(
                apply_role(_read_requirements(task, stated, needs), role),
                needs.tools,
                offered=needs.tools.count_offered(self.registry.tools),
            ),
            # The requested model is dropped once a model failed.
            requested=None if needs.failed else needs.model or task.model,
            preferences=preferences,
            policy=needs.policy or self._knowledge().get_policy(task.owner, preferences.policy),
            prompt_characters=needs.prompt_characters,
            max_output_tokens=_read_max_output_tokens(stated),
            owner=task.owner,
            served=self.registry.lanes,
            simulated=self.registry.simulated,
            open_models=self.registry.open_models,
            failed=needs.failed,
            budget_usd=_compute_budget_left(task),
            grants=task.grants,
            seconds_left=task.seconds_left,
            seed=needs.seed,
            check=needs.check,
            may_team=needs.may_team,
            preferred_role=None if role is None else CATALOGUE_ROLES.get(role),
            avoided_makers=frozenset(map(self._find_maker, needs.not_by)),
        )
        try:
            return self.choose_model(request)
        except NoModel:
            if request.budget_usd is None or not task.is_budget_asked_for:
                raise
        # The executor's call is refused then, and people are asked for what it may cost.
        return self.choose_model(replace(request, budget_usd=None))

    def parse_preferences(self, task: TaskBrief) -> Preferences:
        """Return the preferences of a task; raises InvalidTask."""
        return parse_model_preferences(task.preferences, self.catalogue, self.registry.lanes)

    def get_policy(self, task: TaskBrief) -> PolicyName:
        """Return the policy that applies to a task; raises InvalidTask."""
        return self._knowledge().get_policy(task.owner, self.parse_preferences(task).policy)

    def _find_maker(self, name: str) -> str:
        """Return the maker of a model; another name is taken for that of a maker."""
        profiles = get_profile_cache(self.catalogue)
        try:
            ids = (name,) if name in self.registry.lanes else profiles.resolve(name)[0]
        except UnknownModel:
            return name
        return profiles.get(ids[0]).maker


def _read_requirements(task: TaskBrief, params: Mapping[str, Any], step: StepNeeds) -> Requirements:
    try:
        found = Requirements.from_task(task.type, task.prompt, params)
    except ValidationError as error:
        raise InvalidTask.from_validation("params.task_requirements", error) from error
    return found.model_copy(update={"structured_output": True}) if step.structured_output else found


def _add_tools(wanted: Requirements, tools: ToolNeeds, *, offered: int) -> Requirements:
    """Return the requirements of a step with tools: a model that takes none is never chosen."""
    changes: dict[str, Any] = {}
    if tools.calls:
        changes["tool_calls"] = max(wanted.tool_calls, 1)
        changes["offered_tools"] = max(wanted.offered_tools, offered)
    if tools.is_forced:
        changes["forced_tools"] = True
    if tools.sees and "image" not in wanted.modalities:
        changes["modalities"] = (*wanted.modalities, "image")
    if tools.searches:
        changes["web_search"] = True
    return wanted.model_copy(update=changes) if changes else wanted


def _read_max_output_tokens(params: Mapping[str, Any]) -> int | None:
    """Return the most tokens of an answer that a task allows; what is no number allows all."""
    limit = to_finite_float(params.get("max_output_tokens"))
    return None if limit is None or limit < 1 else int(limit)


def _compute_budget_left(task: TaskBrief) -> float | None:
    """Return the remaining dollars; spending without a known price is not counted."""
    return None if task.budget_usd is None else float(task.budget_usd - (task.cost_usd or 0))


def count_characters(params: Mapping[str, Any]) -> int:
    """Count the characters that the model will read, approximately."""
    turns = params.get("messages")
    listed = turns if isinstance(turns, list) else []
    read = [*listed, *list_recalled(params)]
    contents = [each.get("content") for each in read if isinstance(each, dict)]
    texts = sum(len(each) for each in (*params.values(), *contents) if isinstance(each, str))
    return texts + count_file_characters(params)


def log_selection(task_id: UUID, selection: SelectionRecord) -> None:
    """Log the chosen model and the reason."""
    logger.info(
        "Model selection",
        task_id=str(task_id),
        selected_model=selection.selected_model,
        reasoning=selection.reason,
        available_models=selection.available_models,
        timestamp=utc_now().isoformat(),
    )
