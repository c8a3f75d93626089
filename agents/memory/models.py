"""The embedding model of memory: the one that is named, else the first that is served."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from protocol.records.agents import list_embedding_models
from protocol.store.queue import QueueStore
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_objection
from providers.errors import UnknownModel

MODEL_SECONDS: Final = 15.0
"""For which executors and gateways go on with the model that they have found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryModel:
    """A model that turns what is remembered into vectors; or why there is none."""

    id: str | None = None
    is_simulated: bool = False
    """Whether only simulators serve it: such vectors are not compared with real ones."""
    problem: str | None = None


def choose_memory_model(
    named: str | None, catalogue: Catalogue, served: Mapping[str, bool]
) -> MemoryModel:
    """Return the model of memory.

    `served` are the embedding models that running executors can call, and whether only simulators
    do. Without a name it is the first of them in the order of the catalogue, so that all agents
    choose the same; the simulator's come last. One to which the data policy of the deployment
    objects is never chosen, as texts of all tasks are sent to it.
    """
    refused = _list_refused(catalogue, served if named is None else [named])
    if named is None:
        order = {each: place for place, each in enumerate(catalogue.embeddings)}
        found = sorted(
            (each for each in served if each not in refused),
            key=lambda each: (served[each], order.get(each, len(order)), each),
        )
        if not found:
            why = next(iter(refused.values()), None)
            return MemoryModel(problem=why or "no executor serves an embedding model")
        return MemoryModel(id=found[0], is_simulated=served[found[0]])
    try:
        entry = catalogue.find_embedding_model(named)
    except UnknownModel as error:
        return MemoryModel(problem=f"the model of memory is not in the catalogue: {error}")
    if refused:
        return MemoryModel(problem=refused[named])
    if entry.id not in served:
        return MemoryModel(problem=f"no executor serves {entry.id}, the model of memory")
    return MemoryModel(id=entry.id, is_simulated=served[entry.id])


def _list_refused(catalogue: Catalogue, names: Iterable[str]) -> dict[str, str]:
    """Return why the data policy of the deployment forbids embedding models, by those it does."""
    if not catalogue.data_policy:
        return {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            entry = catalogue.find_embedding_model(name)
        except UnknownModel:
            continue
        host = catalogue.providers[entry.provider]
        if why := find_objection(catalogue.data_policy, host):
            refused[name] = f"{entry.id} must not embed what is remembered: {why}"
    return refused


class MemoryModelFinder:
    """Finds the embedding model of memory as orchestrators do: by what running executors serve."""

    def __init__(self, store: QueueStore, catalogue: Catalogue, named: str | None) -> None:
        self._store = store
        self._catalogue = catalogue
        self._named = named
        self._found = MemoryModel()
        self._until = 0.0

    async def find(self) -> MemoryModel:
        """Return the model, as it was at most some seconds ago."""
        now = time.monotonic()
        if now >= self._until:
            served = list_embedding_models(await self._store.fetch_agents())
            self._found = choose_memory_model(self._named, self._catalogue, served)
            self._until = now + MODEL_SECONDS
        return self._found
