"""The models as the gateway lists them: what living executors serve, with the catalogue's facts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry, list_served_lanes
from agents.orchestrator.planner import Cio
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.requirements import Requirements
from gateway.models import (
    ModelFacts,
    Recommendation,
    RequirementsInvalid,
    Status,
    UnknownModelName,
)
from protocol.records import ModelStats
from protocol.store.gateway import GatewayStore
from protocol.store.spending import SpendingStore
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

AGENT_ID: Final = "gateway"
"""Who is named in a switch that the gateway's question found due."""
RECOMMENDED: Final = 5
"""Models that a recommendation names at most."""
DEGRADED_FROM: Final = 0.5
"""Share of failed attempts within the hour from which a model is called degraded."""


class Directory:
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
        """List what living executors serve, in the order of their ids."""
        stats = {
            (each.model_id, each.simulated): each
            for each in await self._store.fetch_model_stats()
            if each.period == "hour"
        }
        served = await self._served()
        return [
            self._facts(lane, stats.get((lane, simulated)), simulated=simulated)
            for lane, simulated in served.items()
        ]

    async def resolve(self, name: str) -> str:
        """Find the served model of this name; raises UnknownModelName."""
        served = list(await self._served())
        if name in served:
            return name
        try:
            found = self._catalogue.resolve(name, still_served=served).model.id
        except UnknownModel as error:
            raise UnknownModelName(name, served) from error
        if found not in served:
            raise UnknownModelName(name, served)
        return found

    async def recommend(
        self, requirements: Mapping[str, Any], *, owner: UUID | None = None
    ) -> Recommendation:
        """Choose among what is served as the CIO does, by what is known at this moment."""
        registry = LaneRegistry(store=self._store, own=_nothing)
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

    async def _served(self) -> dict[str, bool]:
        return list_served_lanes(await self._store.fetch_agents())

    def _facts(self, lane: str, stats: ModelStats | None, *, simulated: bool) -> ModelFacts:
        facts = self._catalogue.facts(lane)
        known = self._catalogue.models.get(lane)
        return ModelFacts(
            id=lane,
            name=known.name if known else lane,
            maker=known.maker if known else "unknown",
            provider=facts.provider,
            capabilities=facts.capabilities,
            context_window=facts.context_window,
            status=_status(stats),
            simulated=simulated,
        )


def _status(stats: ModelStats | None) -> Status:
    if stats is None or stats.error_rate is None or stats.error_rate < DEGRADED_FROM:
        return "available"
    return "unavailable" if stats.completed == 0 else "degraded"


async def _nothing() -> Sequence[str]:
    return ()
