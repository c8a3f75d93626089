"""The lane registry: the lanes that running executors serve."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Protocol

from loguru import logger

from protocol.errors import CogoError
from protocol.lanes import SANDBOX, is_model_lane
from protocol.records import AgentRecord, list_offered_tools
from protocol.records.agents import list_embedding_models, list_rerank_models
from providers.catalogue.open_models import OPEN_MODELS_DETAIL, OpenModel, load_open_models

REFRESH_SECONDS = 2.0


class AgentLister(Protocol):
    """The part of a store that lists agents."""

    async def fetch_agents(self) -> list[AgentRecord]:
        """Return all agents."""
        ...


class LaneRegistry:
    """The lanes that can be stamped now.

    While no executor runs they are those that this process finds it could serve (`own`), so that
    tasks can be planned while executors start. One that runs and serves no model counts: its
    models may have gone.
    """

    def __init__(self, *, store: AgentLister, own: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._store = store
        self._own = own
        self.lanes: tuple[str, ...] = ()
        self.simulated: frozenset[str] = frozenset()
        """Those of them that only the vendor simulator serves."""
        self.open_models: frozenset[OpenModel] = frozenset()
        """What running executors report of models at servers of the operator."""
        self.sandboxes: Mapping[str, str | None] = {}
        """Lanes of checks that are served, and in which sandbox."""
        self.tools: tuple[str, ...] = ()
        """The tools that running executors offer to models."""
        self.embeddings: Mapping[str, bool] = {}
        """The embedding models that running executors can call; whether only simulators do."""
        self.rerankers: Mapping[str, bool] = {}
        """The rerank models that running executors can call; whether only simulators do."""
        self.is_known = False
        """Whether the lanes are those of running executors."""

    @property
    def sizes(self) -> dict[str, float]:
        """The billions of parameters of these models, by lane; impossible ones are left out."""
        stated = {each.lane: each.parameters for each in self.open_models}
        return {lane: size for lane, size in stated.items() if size is not None and 0 < size < inf}

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Read the running agents. If the store does not answer, keep the lanes."""
        try:
            agents = await self._store.fetch_agents()
        except CogoError as error:
            logger.debug("the agents could not be read", error=str(error))
            return
        living = list_served_lanes(agents)
        self.is_known = bool(living)
        is_executor_running = any(agent.serves for agent in agents)
        self.lanes = tuple(living if is_executor_running else sorted(await self._own()))
        self.simulated = frozenset(lane for lane, simulated in living.items() if simulated)
        reported = frozenset(merge_open_models(agents).values())
        if reported != self.open_models:
            self.open_models = reported
        self.sandboxes = list_sandboxes(agents)
        self.tools = tuple(list_offered_tools(agents))
        self.embeddings = list_embedding_models(agents)
        self.rerankers = list_rerank_models(agents)


def list_served_lanes(agents: Iterable[AgentRecord]) -> dict[str, bool]:
    """Return the models of running executors, sorted, and whether only simulators serve each."""
    simulated: dict[str, bool] = {}
    for agent in agents:
        if agent.serves:
            is_simulated = bool(agent.details.get("simulated"))
            for lane in filter(is_model_lane, agent.lanes):
                simulated[lane] = simulated.get(lane, True) and is_simulated
    return dict(sorted(simulated.items()))


def merge_open_models(agents: Iterable[AgentRecord]) -> dict[str, OpenModel]:
    """Return what running executors report of models by lane: of several the smallest window.

    A model stays on this machine only if it does so wherever it is served.
    """
    found: dict[str, OpenModel] = {}
    for agent in agents:
        if not agent.serves:
            continue
        for lane, reported in load_open_models(agent.details.get(OPEN_MODELS_DETAIL)).items():
            # What is loaded changes with every call.
            model = replace(reported, loaded=None)
            other = found.get(lane, model)
            found[lane] = replace(
                min(other, model, key=_get_window),
                is_elsewhere=other.is_elsewhere or model.is_elsewhere,
                is_remote=_join_remote(other.is_remote, model.is_remote),
            )
    return found


def _join_remote(*stated: bool | None) -> bool | None:
    """Return whether any server passes prompts on; None if one of them may."""
    return True if True in stated else None if None in stated else False


def _get_window(model: OpenModel) -> float:
    return inf if model.context_window is None else model.context_window


def list_sandboxes(agents: Iterable[AgentRecord]) -> dict[str, str | None]:
    """Return the lanes of checks that running executors serve, and the sandbox of one of them."""
    found: dict[str, str | None] = {}
    for agent in agents:
        backend = agent.details.get("sandbox")
        for lane in agent.lanes if agent.serves else ():
            if lane.startswith(SANDBOX):
                found[lane] = backend if isinstance(backend, str) else found.get(lane)
    return found
