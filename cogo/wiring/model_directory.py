"""The models that the gateway lists: those that executors serve, described by the catalogue."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio
from agents.orchestrator.embedding_models import find_embedding_model
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry, list_served_lanes, merge_open_models
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.requirements import Requirements
from cogo.config.context import Project
from cogo.wiring.model_details import describe_model, describe_textless_model
from cogo.wiring.models.controls import control_model, parse_granted_tools, resolve_grants
from gateway.models import (
    EmbeddingFacts,
    ModelDetails,
    ModelFacts,
    Recommendation,
    RequirementsInvalid,
    Status,
    UnknownModelName,
)
from protocol.records import Grants, ModelStats
from protocol.records.agents import list_embedding_models, list_rerank_models
from protocol.records.models import ControlAction, Controlled
from protocol.store.gateway import GatewayStore
from protocol.store.spending import SpendingStore
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.open_models import OpenModel
from providers.catalogue.schema import EmbeddingModel
from providers.errors import UnknownModel

AGENT_ID: Final = "gateway"
"""Name of the gateway in a switch that its request caused."""
RECOMMENDED: Final = 5
"""Maximum number of models in a recommendation."""
DEGRADED_FROM: Final = 0.5
"""Share of failed attempts in the last hour from which a model counts as degraded."""


def build_start_knowledge(project: Project) -> Knowledge:
    """Return what the settings of a project say, to which the database adds what it knows."""
    settings = project.settings
    return Knowledge(policy=settings.selection_policy, mistakes=settings.explore_mistakes)


class CatalogueModelDirectory:
    """Implements `gateway.models.ModelDirectory`."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        store: GatewayStore,
        spending: SpendingStore,
        start: Knowledge,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._spending = spending
        self._start = start

    async def models(self) -> list[ModelFacts]:
        """Return the models that executors serve, in order of their ids."""
        stats = {
            (each.model_id, each.simulated): each
            for each in await self._store.fetch_model_stats()
            if each.period == "hour"
        }
        agents = await self._store.fetch_agents()
        served, known = list_served_lanes(agents), merge_open_models(agents)
        return [
            self._describe(lane, stats.get((lane, simulated)), known.get(lane), simulated=simulated)
            for lane, simulated in served.items()
        ]

    async def details(self) -> list[ModelDetails]:
        """Return the served models of all kinds: those that write text first, by id."""
        agents = await self._store.fetch_agents()
        known = merge_open_models(agents)
        found = [
            describe_model(each, self._catalogue, agents, known.get(each.id))
            for each in await self.models()
        ]
        textless = list_embedding_models(agents) | list_rerank_models(agents)
        return found + [
            describe_textless_model(name, self._catalogue, agents, simulated=simulated)
            for name, simulated in textless.items()
        ]

    @property
    def default_policy(self) -> str:
        """The policy of the settings."""
        return self._start.policy

    async def resolve(self, name: str) -> str:
        """Return the id of the served model of this name. Raises UnknownModelName."""
        served = list(await self._fetch_served())
        if name in served:
            return name
        try:
            found = self._catalogue.resolve(name, still_served=served).model.id
        except UnknownModel as error:
            if self._is_embedding_model(name):
                why = f"Model {name!r} turns texts into vectors: send them to /v1/embeddings."
                raise UnknownModelName(name, served, why) from error
            raise UnknownModelName(name, served) from error
        if found not in served:
            raise UnknownModelName(name, served)
        return found

    async def embedding_models(self) -> list[EmbeddingFacts]:
        """Return the embedding models that executors can call, in order of their ids."""
        served = list_embedding_models(await self._store.fetch_agents())
        return [
            _describe_embedding(self._catalogue.find_embedding_model(each), simulated=simulated)
            for each, simulated in served.items()
            if self._is_embedding_model(each)
        ]

    async def resolve_embedding(self, name: str) -> EmbeddingFacts:
        """Return the embedding model of any of its names. Raises UnknownModelName."""
        served = list_embedding_models(await self._store.fetch_agents())
        try:
            entry = find_embedding_model(name, self._catalogue, list(served))
        except InvalidTask as error:
            raise UnknownModelName(name, list(served), error.message) from error
        if entry.id not in served:
            raise UnknownModelName(name, list(served))
        return _describe_embedding(entry, simulated=served[entry.id])

    def _is_embedding_model(self, name: str) -> bool:
        try:
            self._catalogue.find_embedding_model(name)
        except UnknownModel:
            return False
        return True

    async def control(
        self, *, action: ControlAction, name: str, scope: str, reason: str | None
    ) -> list[Controlled]:
        """Change what may be selected. Raises InvalidArgument."""
        return await control_model(
            self._store, self._catalogue, action=action, name=name, scope=scope, reason=reason
        )

    async def grant(
        self,
        *,
        owner: UUID | None,
        models: Sequence[str] | None,
        providers: Sequence[str] | None,
        priority: int | None,
        tools: Sequence[str] | None,
    ) -> Grants:
        """Restrict or prioritise an owner. Raises InvalidArgument."""
        is_limited = models is not None or providers is not None
        granted = resolve_grants(models or [], providers or [], self._catalogue)
        return await self._spending.set_grants(
            owner=owner,
            models=granted.models if is_limited else None,
            providers=granted.providers if is_limited else None,
            aliases=granted.aliases,
            priority=priority,
            tools=parse_granted_tools(tools) if tools else tools,
        )

    async def recommend(
        self, requirements: Mapping[str, Any], *, owner: UUID | None = None
    ) -> Recommendation:
        """Choose among the served models as the CIO would now. Raises RequirementsInvalid."""
        registry = LaneRegistry(store=self._store, own=_serve_nothing)
        await registry.refresh()
        learned = await self._store.model_knowledge(agent_id=AGENT_ID)
        knowledge = build_knowledge(learned, start=self._start)
        granted = await self._spending.fetch_grants()
        grants = next(
            (each for each in granted if each.owner == owner and (each.models or each.providers)),
            None,
        )
        try:
            needs = Requirements.model_validate(requirements)
            cio = Cio(catalogue=self._catalogue, registry=registry, knowledge=lambda: knowledge)
            choice = cio.choose_for_requirements(
                needs, served=registry.lanes, owner=owner, grants=grants
            )
        except ValidationError as error:
            raise RequirementsInvalid(
                InvalidTask.from_validation("task_requirements", error).message
            ) from error
        except (InvalidTask, NoModel) as error:
            raise RequirementsInvalid(error.message) from error
        return Recommendation(models=choice.recommend(RECOMMENDED), reasoning=choice.reason)

    async def _fetch_served(self) -> dict[str, bool]:
        return list_served_lanes(await self._store.fetch_agents())

    def _describe(
        self, lane: str, stats: ModelStats | None, known: OpenModel | None, *, simulated: bool
    ) -> ModelFacts:
        facts = self._catalogue.get_lane_facts(lane)
        listed = self._catalogue.models.get(lane)
        window = known.context_window if known else None
        return ModelFacts(
            id=lane,
            name=listed.name if listed else lane,
            maker=listed.maker if listed else (known and known.maker) or "unknown",
            provider=facts.provider,
            capabilities=facts.capabilities,
            context_window=window or facts.context_window,
            status=_get_status(stats),
            simulated=simulated,
        )


def _describe_embedding(entry: EmbeddingModel, *, simulated: bool) -> EmbeddingFacts:
    return EmbeddingFacts(id=entry.id, dimensions=entry.dimensions, simulated=simulated)


def _get_status(stats: ModelStats | None) -> Status:
    if stats is None or stats.error_rate is None or stats.error_rate < DEGRADED_FROM:
        return "available"
    return "unavailable" if stats.completed == 0 else "degraded"


async def _serve_nothing() -> Sequence[str]:
    return ()
