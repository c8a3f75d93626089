"""Embedding models of tasks: found by name, and checked before anything is spent. Pure."""

from collections.abc import Sequence

from agents.errors import MAX_SHOWN, InvalidTask, NoModel
from agents.selection.preferences import Preferences, normalize_requested_model
from protocol.embeddings import EncodingFormat, count_fitting_texts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_objection
from providers.catalogue.schema import EmbeddingModel
from providers.embeddings.request import check_dimensions
from providers.errors import InvalidRequest, UnknownModel


def find_embedding_model(
    name: str | None, catalogue: Catalogue, served: Sequence[str]
) -> EmbeddingModel:
    """Return the embedding model of this name, served or not. Raises InvalidTask."""
    there = f"There are: {', '.join(served)}." if served else "No executor serves any now."
    name = normalize_requested_model(name)
    if name is None:
        raise InvalidTask(
            "model",
            "name an embedding model: none is chosen, since vectors of different models cannot be "
            f"compared. {there}",
            allowed=served,
        )
    if len(name) <= MAX_SHOWN:
        try:
            return catalogue.find_embedding_model(name)
        except UnknownModel:
            pass
    kind = "does not exist" if _is_unknown(name, catalogue) else "turns no texts into vectors"
    raise InvalidTask("model", f"model {name[:MAX_SHOWN]!r} {kind}. {there}", allowed=served)


def check_embedding(
    entry: EmbeddingModel,
    *,
    count: int,
    dimensions: int | None,
    encoding_format: EncodingFormat,
    has_tokens: bool,
) -> None:
    """Raise InvalidTask if a task cannot have this many vectors of these dimensions."""
    try:
        check_dimensions(entry, dimensions)
    except InvalidRequest as error:
        raise InvalidTask("params.dimensions", f"params.dimensions: {error}.") from error
    if has_tokens and not entry.takes_tokens:
        raise InvalidTask(
            "params.input",
            f"params.input: {entry.name} takes texts, not lists of tokens; send the texts.",
        )
    most = count_fitting_texts(dimensions or entry.dimensions, encoding_format)
    if count > most:
        smaller = "" if encoding_format == "base64" else ", or encoding_format base64"
        raise InvalidTask(
            "params.input",
            f"params.input: {count} vectors of {entry.name} are too large for one task, which "
            f"may have {most}; use several tasks, fewer dimensions{smaller}.",
        )


def check_host(entry: EmbeddingModel, preferences: Preferences, catalogue: Catalogue) -> None:
    """Raise NoModel if the preferences of the task do not allow the provider of a model."""
    host = catalogue.providers[entry.provider]
    why = find_objection(preferences.data_policy, host)
    if host.id in preferences.denied_providers:
        why = "the task's preferences deny its provider"
    elif preferences.allowed_providers and host.id not in preferences.allowed_providers:
        why = "the task's preferences allow other providers only"
    if why:
        raise NoModel(f"{entry.name} must not be called for this: {why}.", field="preferences")


def _is_unknown(name: str, catalogue: Catalogue) -> bool:
    try:
        catalogue.resolve(name)
    except UnknownModel:
        return True
    return False
