"""The embedding model of memory: the one that is named, else the first that is served. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel


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
    choose the same; the simulator's come last.
    """
    if named is None:
        order = {each: place for place, each in enumerate(catalogue.embeddings)}
        found = sorted(served, key=lambda each: (served[each], order.get(each, len(order)), each))
        if not found:
            return MemoryModel(problem="no executor serves an embedding model")
        return MemoryModel(id=found[0], is_simulated=served[found[0]])
    try:
        entry = catalogue.find_embedding_model(named)
    except UnknownModel as error:
        return MemoryModel(problem=f"the model of memory is not in the catalogue: {error}")
    if entry.id not in served:
        return MemoryModel(problem=f"no executor serves {entry.id}, the model of memory")
    return MemoryModel(id=entry.id, is_simulated=served[entry.id])
