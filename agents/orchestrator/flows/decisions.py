"""What workflows take from the world: which models to use, and whether code can be run here."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import JsonValue

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio, StepNeeds
from agents.orchestrator.embedding_models import (
    check_embedding,
    check_host,
    find_embedding_model,
    find_rerank_model,
)
from agents.orchestrator.flows.stamping import find_sandbox_lane
from agents.selection.choice import Choice
from agents.selection.evidence.checks import EXPECTED, CheckName, parse_check_name
from agents.selection.ladder import (
    Rung,
    build_ladder,
    build_panel,
    build_rung,
    find_strongest,
    list_different_models,
    list_team,
)
from agents.selection.model_profiles import get_profile_cache
from agents.selection.policies.planner import MAX_RUNGS
from agents.selection.preferences import Preference
from agents.workflows.engine import DecisionRequest
from agents.workflows.engine.steps import EMBEDDING, MEMORY_MODEL, RERANK
from protocol.records import TaskBrief
from protocol.records.models import PolicyName

POLICY: Final = "policy"
"""The decision that every flow has from its beginning."""
MAX_DIFFERENT: Final = 20


class DecisionMaker:
    """Makes the decisions of workflows with what the CIO knows now."""

    def __init__(self, cio: Cio) -> None:
        self._cio = cio
        self._kinds = {
            POLICY: self._find_policy,
            "ladder": self._build_ladder,
            "different_models": self._list_different_models,
            "panel": self._build_panel,
            "team": self._find_team,
            "sandbox": self._find_sandbox,
            EMBEDDING: self._find_embedding_model,
            RERANK: self._find_rerank_model,
            MEMORY_MODEL: self._find_memory_model,
        }

    def decide(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        """Make one decision. Raises InvalidTask for an unknown kind, NoModel without a model."""
        make = self._kinds.get(request.kind)
        if make is None:
            raise InvalidTask.not_allowed("decision", request.kind, self._kinds)
        return make(task, request)

    def _find_policy(self, task: TaskBrief, _: DecisionRequest) -> JsonValue:
        return self._cio.get_policy(task).value

    def _build_ladder(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        is_cheap_first = self._cio.parse_preferences(task).preference is Preference.COST
        policy = PolicyName.CASCADE if is_cheap_first else None
        name = request.arguments.get("check", "run")
        check = parse_check_name(name)
        if check is None:
            raise InvalidTask.not_allowed("check", name, EXPECTED)
        choice = self._choose(task, request, policy=policy, check=check)
        most = _get_count(request.arguments, "most", default=MAX_RUNGS, least=1)
        calls = _get_count(request.arguments, "calls", default=1, least=1)
        return _describe(build_ladder(choice, most=most, calls=calls), choice)

    def _list_different_models(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        choice = self._choose(task, request)
        count = _get_count(request.arguments, "count", default=2, least=1)
        return _describe(list_different_models(choice, count), choice)

    def _build_panel(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        given = request.arguments.get("roles")
        names = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
        if not names or len(names) > MAX_DIFFERENT:
            raise InvalidTask.not_allowed("roles", f"{len(names)} roles", ["1", str(MAX_DIFFERENT)])
        choice = self._choose(task, request, role=names[0], policy=PolicyName.RULES)
        profiles = get_profile_cache(self._cio.catalogue)
        panel = build_panel(choice, {each: profiles.resolve_role(each) for each in names})
        described = _describe(panel.values(), choice)
        members = [
            {"role": role, **each} for role, each in zip(panel, described["models"], strict=True)
        ]
        return described | {"models": members}

    def _find_team(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        if self._cio.get_policy(task) is not PolicyName.ENSEMBLE:
            return {"models": []}
        choice = self._choose(task, request, may_team=True)
        return _describe(list_team(choice), choice)

    def _find_sandbox(self, _: TaskBrief, request: DecisionRequest) -> JsonValue:
        language = request.arguments.get("language")
        lane = find_sandbox_lane(str(language or "python"))
        served = self._cio.registry.sandboxes
        return {"available": lane in served, "backend": served.get(lane)}

    def _find_embedding_model(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        registry, catalogue = self._cio.registry, self._cio.catalogue
        served = list(registry.embeddings)
        wanted = request.arguments
        name, count, dimensions = (wanted.get(each) for each in ("model", "count", "dimensions"))
        entry = find_embedding_model(name if isinstance(name, str) else None, catalogue, served)
        check_host(entry, self._cio.parse_preferences(task), catalogue)
        check_embedding(
            entry,
            count=count if isinstance(count, int) else 1,
            dimensions=dimensions if isinstance(dimensions, int) else None,
            encoding_format="base64" if wanted.get("encoding_format") == "base64" else "float",
            has_tokens=wanted.get("has_tokens") is True,
        )
        if registry.is_known and entry.id not in served:
            there = f"There are: {', '.join(served)}." if served else ""
            raise NoModel(
                f"no executor can call {entry.name} now; "
                f"{catalogue.providers[entry.provider].how_to_open} {there}".strip(),
                field="model",
                allowed=served,
            )
        return {"model": entry.id}

    def _find_rerank_model(self, task: TaskBrief, request: DecisionRequest) -> JsonValue:
        """Return the rerank model of a step, or why there is none: the order then stays."""
        registry, catalogue = self._cio.registry, self._cio.catalogue
        name = request.arguments.get("model")
        try:
            entry = find_rerank_model(
                name if isinstance(name, str) else None,
                catalogue,
                list(registry.rerankers),
                self._cio.parse_preferences(task),
            )
        except NoModel as error:
            if not registry.is_known:  # executors are starting
                raise
            return {"model": None, "problem": error.message}
        return {"model": entry.id}

    def _find_memory_model(self, _: TaskBrief, __: DecisionRequest) -> JsonValue:
        """Return the embedding model of memory, or why there is none."""
        if not self._cio.registry.is_known:
            raise NoModel("it is not known yet which models executors can call")
        model = self._cio.choose_memory_model()
        return {"model": model.id} if model.id else {"model": None, "problem": model.problem}

    def _choose(
        self,
        task: TaskBrief,
        request: DecisionRequest,
        *,
        role: str | None = None,
        policy: PolicyName | None = None,
        check: CheckName = "form",
        may_team: bool = False,
    ) -> Choice:
        asked = request.arguments.get("role")
        needs = StepNeeds(
            seed=f"{task.id}:{request.key}",
            prompt_characters=len(task.prompt),
            role=asked if isinstance(asked, str) else role,
            policy=policy,
            check=check,
            may_team=may_team,
        )
        return self._cio.choose_for_task(task, needs)


def find_decided_reason(decisions: Mapping[str, JsonValue], model: str) -> str | None:
    """Return the reason that the latest decision about a model gave, or None."""
    for decision in reversed(list(decisions.values())):
        models = decision.get("models") if isinstance(decision, dict) else None
        for each in models if isinstance(models, list) else []:
            if isinstance(each, dict) and each.get("model") == model:
                reason = each.get("reason")
                return reason if isinstance(reason, str) else None
    return None


def build_nothing(error: NoModel) -> JsonValue:
    """Return the decision about models where none is eligible."""
    return {"models": [], "problem": error.message}


def _describe(rungs: Iterable[Rung], choice: Choice) -> dict[str, Any]:
    strongest = find_strongest(choice)
    why = "The highest expected quality of all eligible models."
    if choice.prefers_local([strongest]):
        why = "The highest expected quality of the eligible models on this machine."
    return {
        "models": [each.to_json() for each in rungs],
        "strongest": build_rung(strongest, why).to_json(),
    }


def _get_count(arguments: Mapping[str, JsonValue], name: str, *, default: int, least: int) -> int:
    value = arguments.get(name)
    if not isinstance(value, int):
        return default
    return min(max(value, least), MAX_DIFFERENT)
