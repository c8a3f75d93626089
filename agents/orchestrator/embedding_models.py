"""Embedding and rerank models of tasks: found, and checked before anything is spent. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from agents.errors import MAX_SHOWN, InvalidTask, NoModel
from agents.selection.preferences import Preferences, normalize_requested_model
from agents.selection.quote import Quote
from protocol.embeddings import EncodingFormat, count_fitting_texts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_objection, join_rules
from providers.catalogue.deployment import build_embedding_deployment
from providers.catalogue.schema import EmbeddingModel, RerankModel
from providers.chat import TokenUsage
from providers.embeddings.records import Text
from providers.embeddings.request import check_dimensions, count_text_tokens
from providers.errors import InvalidRequest, UnknownModel
from providers.prices import calculate_cost

_FEW_TOKENS: Final = 0.6
"""Of the estimated tokens: long words of a language that the tokenizer knows well."""


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


def find_rerank_model(
    name: str | None, catalogue: Catalogue, served: Sequence[str], preferences: Preferences
) -> RerankModel:
    """Return the rerank model of this name, or the first that is served and allowed.

    Raises InvalidTask if the name is unknown, NoModel if it is not served or not allowed.
    """
    there = f"There are: {', '.join(served)}." if served else "No executor serves any now."
    name = normalize_requested_model(name)
    if name is not None:
        try:
            entry = catalogue.find_rerank_model(name[:MAX_SHOWN])
        except UnknownModel:
            kind = "does not exist" if _is_unknown(name, catalogue) else "ranks no documents"
            raise InvalidTask(
                "model", f"model {name[:MAX_SHOWN]!r} {kind}. {there}", allowed=served
            ) from None
        check_host(entry, preferences, catalogue)
        if entry.id not in served:
            how = catalogue.providers[entry.provider].how_to_open
            raise NoModel(
                f"no executor can call {entry.name} now; {how}. {there}",
                field="model",
                allowed=served,
            )
        return entry
    refused: NoModel | None = None
    # In the order of the catalogue, whose first ones are the cheapest of the newest.
    order = {each: place for place, each in enumerate(catalogue.rerankers)}
    for each in sorted(served, key=lambda id_: order.get(id_, len(order))):
        try:
            entry = catalogue.find_rerank_model(each)
            check_host(entry, preferences, catalogue)
        except UnknownModel:  # of another version's executor
            continue
        except NoModel as error:
            refused = refused or error
            continue
        return entry
    raise refused or NoModel(
        "no executor can rank documents: set COHERE_API_KEY or JINA_API_KEY, or the base URL of "
        "a server of your own",
        field="model",
    )


def check_host(
    entry: EmbeddingModel | RerankModel, preferences: Preferences, catalogue: Catalogue
) -> None:
    """Raise NoModel if the preferences of the task do not allow the provider of a model."""
    host = catalogue.providers[entry.provider]
    rules = join_rules(catalogue.data_policy, preferences.data_policy)
    why = find_objection(rules, host)
    if host.id in preferences.denied_providers:
        why = "the task's preferences deny its provider"
    elif preferences.allowed_providers and host.id not in preferences.allowed_providers:
        why = "the task's preferences allow other providers only"
    if why:
        raise NoModel(f"{entry.name} must not be called for this: {why}.", field="preferences")


def quote_embeddings(
    entry: EmbeddingModel, texts: Iterable[Text], catalogue: Catalogue, *, is_simulated: bool
) -> Quote:
    """Return what vectors of texts will cost, from few tokens to one for each character."""
    place = build_embedding_deployment(
        entry, catalogue.providers[entry.provider], "", simulated=is_simulated
    )
    low, expected, high = 0.0, 0, 0
    for text in texts:
        tokens = count_text_tokens(text)
        expected += tokens
        low += tokens * _FEW_TOKENS if isinstance(text, str) else tokens
        high += max(tokens, len(text))

    def price(tokens: float) -> float | None:
        cost = calculate_cost(TokenUsage(input=round(tokens)), place)
        return None if cost is None else float(cost.usd)

    return Quote(low=price(low), expected=price(expected), high=price(high))


def _is_unknown(name: str, catalogue: Catalogue) -> bool:
    try:
        catalogue.resolve(name)
    except UnknownModel:
        return True
    return False
