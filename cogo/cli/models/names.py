"""The models that a command means by the names that it is given."""

from collections.abc import Iterable

from cogo.config.catalogue import resolve_name
from cogo.terminal import print_line
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.schema import EmbeddingModel, Model, RerankModel
from providers.errors import UnknownModel


def find_current_models(catalogue: Catalogue, names: Iterable[str]) -> list[Model]:
    """Return the models that tasks get which name these, and say whom a successor replaces.

    Raises UsageError.
    """
    found = []
    for name in names:
        resolution = resolve_name(catalogue, name)
        if resolution.note:
            print_line(resolution.note, err=True)
        found.append(resolution.model)
    return found


def find_listed_textless_model(
    catalogue: Catalogue, name: str
) -> EmbeddingModel | RerankModel | None:
    """Return the embedding or rerank model of this name, if the catalogue lists it."""
    try:
        found = catalogue.find_textless_model(name)
    except UnknownModel:
        return None
    is_listed = found.id in catalogue.embeddings or found.id in catalogue.rerankers
    return found if is_listed else None
