"""`cogo models list|show|prices`: models and their prices."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from cogo.cli.local_models.manage import collect_installed, print_installed
from cogo.cli.local_models.served import (
    OPEN_DROPPED,
    OPEN_HEADINGS,
    ServedModels,
    build_open_rows,
    describe_open_model,
    explain_open_model,
    find_served_models,
    format_tokens,
)
from cogo.cli.models.names import find_current_models, find_listed_textless_model
from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import DATA_POLICY, SIMULATED_SYSTEM, load_catalogue, resolve_name
from cogo.config.context import Project
from cogo.local_model.library import list_installed_models
from cogo.terminal import expand_commands, print_json, print_line, print_table, print_text
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_model_objection
from providers.catalogue.deployment import (
    Deployment,
    build_embedding_deployment,
    build_rerank_deployment,
    list_supported_parameters,
)
from providers.catalogue.open_models import OpenModel
from providers.catalogue.schema import EmbeddingModel, Model, Prices, Provider, RerankModel
from providers.errors import UnknownModel
from providers.prices import get_unit_prices

_UNKNOWN: Final = "not in the catalogue of this machine"
_OPEN: Final = "open_model"

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names, aliases or roles of models.")
]


def list_models(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Show the whole catalogue, retired models included.")
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Show what is installed on this machine instead.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List the models that can be used now, with those that embed texts or rank documents.

    These are the models of the providers with a key on this machine, of local model servers, and
    of the executors that are alive.

    Examples:
        cogo models
        cogo models list --all
        cogo models list --local
        cogo models --json
    """
    project = Project.find(directory)
    if local:
        print_installed(asyncio.run(collect_installed(project)), as_json=as_json)
        return
    catalogue = load_catalogue(project)
    served = asyncio.run(find_served_models(project, catalogue))
    names = _list_names(served.models, catalogue.models, every=every)
    listed, unknown = _split(names, catalogue)
    models = [served.fit(model, catalogue) for model in listed]
    others, unlisted = _split_textless(
        _list_names(served.textless, {**catalogue.embeddings, **catalogue.rerankers}, every=every),
        catalogue,
    )
    by = served.models | served.textless
    unknown += unlisted
    if as_json:
        known = [_describe(model, catalogue, served) for model in models]
        known += [_describe_textless(each, catalogue, served_by=by.get(each.id)) for each in others]
        print_json([*known, *({"id": name, "served_by": by[name]} for name in unknown)])
    elif not models and not others and not unknown:
        print_text(_explain_none())
    else:
        print_table(
            ("MODEL", "MADE BY", "SERVED BY", "CONTEXT", "$/M IN", "$/M OUT", "ROLES"),
            [
                *(_row(model, catalogue, served_by=by.get(model.id)) for model in models),
                *(_row_textless(each, catalogue, by.get(each.id)) for each in others),
                *((name, "-", by[name], "-", "-", "-", _UNKNOWN) for name in unknown),
            ],
            drop=("MADE BY", "CONTEXT"),
        )
        if rows := build_open_rows(served.open_models.values()):
            print_line()
            print_table(OPEN_HEADINGS, rows, drop=OPEN_DROPPED)
        for sentence in [*served.describe_loads(), *_explain_excluded(models, catalogue)]:
            print_line(sentence)
    if served.is_simulated_beside_models:
        print_text(expand_commands(SIMULATED_SYSTEM), err=True)


def _explain_none() -> str:
    command = "serve" if list_installed_models() else "pull smollm2"
    return (
        f"no model can be used from here: set ANTHROPIC_API_KEY, start Ollama, or run `cogo models "
        f"{command}` (until then `cogo up` uses the vendor simulator); `cogo models --all` lists "
        "the catalogue"
    )


def show_model(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, alias or role of a model.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show the details of a model.

    The name may be an alias or a role. For a retired model, its successor is shown.

    Examples:
        cogo models show claude-3.5-sonnet
        cogo models show coding --json
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    textless, note = find_listed_textless_model(catalogue, name), None
    known: OpenModel | None = None
    if textless is None:
        found = resolve_name(catalogue, name)
        asked_id, note, model = found.requested_id, found.note, found.model
        served = asyncio.run(find_served_models(project, catalogue))
        facts = _describe(served.fit(model, catalogue), catalogue, served)
        known = served.open_models.get(model.id)
    else:
        asked_id = textless.id
        by = asyncio.run(find_served_models(project, catalogue)).textless
        facts = _describe_textless(textless, catalogue, served_by=by.get(asked_id))
    if as_json:
        print_json({"asked": name, "asked_id": asked_id, "note": note, **facts})
        return
    if note:
        print_line(note)
    shown = {key: _format_value(value) for key, value in facts.items() if key != _OPEN}
    if known is not None:
        shown |= explain_open_model(known)
    for key, text in shown.items():
        print_line(f"{key:<18}{text}")


def list_prices(*, names: Names = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """List prices per million tokens.

    In US dollars, with the source of each price. A dash means that the price is unknown, not
    zero. For a retired model, the prices are those of its successor, which tasks get.

    Examples:
        cogo models prices
        cogo models prices claude-opus-5-5 gpt-6-sol
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    places = _list_places(catalogue, names)
    found = [(place, get_unit_prices(place)) for place in places]
    if as_json:
        print_json(
            [
                {
                    "model": place.model.id,
                    "provider": place.provider,
                    "usd_per_million": _dump_prices(each),
                    **_dump_search_price(place),
                }
                for place, each in found
            ]
        )
        return
    rows = []
    for place, each in found:
        numbers = (each.input, each.cached, each.cache_write, each.output) if each else (None,) * 4
        shown = tuple("-" if number is None else f"{number.normalize():f}" for number in numbers)
        source = (
            f"{each.source}{f', {each.checked_on}' if each.checked_on else ''}" if each else "-"
        )
        own = place.entry.prices
        if own is not None and own.per_search is not None:
            source = f"${own.per_search.normalize():f} a search; {source}"
        rows.append((place.model.id, place.provider, *shown, source))
    print_table(
        ("MODEL", "PROVIDER", "IN", "CACHED", "CACHE WRITE", "OUT", "SOURCE"),
        rows,
        drop=("CACHE WRITE", "CACHED", "SOURCE"),
    )


def _list_places(catalogue: Catalogue, names: Sequence[str] | None) -> list[Deployment]:
    """Return the deployments of the models of these names, or of all that are not retired."""
    if names:
        listed = {name: find_listed_textless_model(catalogue, name) for name in names}
        others = [each for each in listed.values() if each is not None]
        models = find_current_models(catalogue, [each for each in names if listed[each] is None])
    else:
        models = [model for model in catalogue.models.values() if model.retirement is None]
        others = [*catalogue.embeddings.values(), *catalogue.rerankers.values()]
    places = [
        Deployment(model=model, entry=entry, host=catalogue.providers[entry.provider], base_url="")
        for model in models
        for entry in model.deployments
    ]
    return places + [_build_place(each, catalogue) for each in others]


def _list_names(served: Mapping[str, str], listed: Mapping[str, Any], *, every: bool) -> list[str]:
    return list(dict.fromkeys([*served, *listed])) if every else list(served)


def _split_textless(
    names: Sequence[str], catalogue: Catalogue
) -> tuple[list[EmbeddingModel | RerankModel], list[str]]:
    """Return the models that write no text of these names, and the names that are unknown here."""
    models: list[EmbeddingModel | RerankModel] = []
    unknown = []
    for name in names:
        try:
            models.append(catalogue.find_textless_model(name))
        except UnknownModel:
            unknown.append(name)
    return models, unknown


def _split(names: Sequence[str], catalogue: Catalogue) -> tuple[list[Model], list[str]]:
    """Return the models of these names, and the names that this catalogue does not know."""
    models, unknown = [], []
    for name in names:
        try:
            models.append(catalogue.get_model(name))
        except UnknownModel:
            unknown.append(name)
    return models, unknown


def _format_value(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{name} {fact}" for name, fact in value.items() if fact is not None)
    return str(value)


def _find_prices(model: Model, catalogue: Catalogue) -> Prices | None:
    place = Deployment(
        model=model, entry=model.deployments[0], host=_get_host(model, catalogue), base_url=""
    )
    return get_unit_prices(place)


def _dump_prices(prices: Prices | None) -> dict[str, Any] | None:
    return None if prices is None else prices.model_dump(mode="json", exclude={"per_search"})


def _dump_search_price(place: Deployment) -> dict[str, float]:
    own = place.entry.prices
    price = None if own is None else own.per_search
    return {} if price is None else {"usd_per_search": float(price)}


def _build_place(model: EmbeddingModel | RerankModel, catalogue: Catalogue) -> Deployment:
    host = catalogue.providers[model.provider]
    if isinstance(model, RerankModel):
        return build_rerank_deployment(model, host, "", simulated=False)
    return build_embedding_deployment(model, host, "", simulated=False)


def _describe_textless(
    model: EmbeddingModel | RerankModel, catalogue: Catalogue, *, served_by: str | None
) -> dict[str, Any]:
    prices = get_unit_prices(_build_place(model, catalogue))
    price = model.usd_per_search if isinstance(model, RerankModel) else None
    return {
        "id": model.id,
        "kind": "rerank" if isinstance(model, RerankModel) else "embedding",
        "name": model.name,
        "maker": model.maker,
        "served_by": served_by,
        "providers": [model.provider],
        "aliases": list(model.aliases),
        **(
            {"usd_per_search": None if price is None else float(price)}
            if isinstance(model, RerankModel)
            else {"dimensions": model.dimensions, "shortens": model.shortens}
        ),
        "max_input_tokens": model.max_input_tokens,
        "key": catalogue.providers[model.provider].how_to_open,
        "usd_per_million": _dump_prices(prices),
    }


def _name_use(model: EmbeddingModel | RerankModel) -> str:
    if not isinstance(model, RerankModel):
        return "(embeddings)"
    price = model.usd_per_search
    return "(ranking)" if price is None else f"(ranking, ${price.normalize():f} a search)"


def _row_textless(
    model: EmbeddingModel | RerankModel, catalogue: Catalogue, served_by: str | None
) -> tuple[str, ...]:
    prices = get_unit_prices(_build_place(model, catalogue))
    return (
        model.id,
        model.maker,
        served_by or "no key",
        format_tokens(model.max_input_tokens),
        f"{prices.input.normalize():f}" if prices else "-",
        "-",
        _name_use(model),
    )


def _get_host(model: Model, catalogue: Catalogue) -> Provider:
    return catalogue.providers[model.deployments[0].provider]


def _describe(model: Model, catalogue: Catalogue, served: ServedModels) -> dict[str, Any]:
    prices = _find_prices(model, catalogue)
    known = served.open_models.get(model.id)
    return {
        "id": model.id,
        "kind": "chat",
        "name": model.name,
        "maker": model.maker,
        "license": model.license,
        "served_by": served.models.get(model.id),
        "excluded": _find_objection(model, catalogue),
        "providers": [each.provider for each in model.deployments],
        "roles": _find_roles(model, catalogue),
        "aliases": list(model.aliases),
        "capabilities": list(model.capabilities),
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "reasoning": model.reasoning,
        "inputs": list(model.inputs),
        "parameters": list_supported_parameters(model, _get_host(model, catalogue).adapter),
        "base": model.base,
        "key": _get_host(model, catalogue).how_to_open,
        "usd_per_million": _dump_prices(prices),
        "retired_at": str(model.retirement.on) if model.retirement else None,
        "successor": model.retirement.successor if model.retirement else None,
        _OPEN: describe_open_model(known) if known else None,
        "load": served.get_load(model),
    }


def _find_roles(model: Model, catalogue: Catalogue) -> list[str]:
    return [
        role
        for role, name in catalogue.roles.items()
        if catalogue.resolve(name).model.id == model.id
    ]


def _find_objection(model: Model, catalogue: Catalogue) -> str | None:
    """Return why the data policy of this system excludes a model, or None."""
    return find_model_objection(catalogue.data_policy, catalogue.get_hosts(model.id))


def _explain_excluded(models: Sequence[Model], catalogue: Catalogue) -> list[str]:
    """Return a sentence on what `excluded` means, if a model is."""
    if not any(_find_objection(each, catalogue) for each in models):
        return []
    return [f"excluded: {DATA_POLICY} is {', '.join(catalogue.data_policy)}: no task gets them"]


def _row(model: Model, catalogue: Catalogue, *, served_by: str | None) -> tuple[str, ...]:
    prices = _find_prices(model, catalogue)
    if served_by and _find_objection(model, catalogue):
        served_by = "excluded"
    return (
        model.id,
        model.maker,
        served_by or ("retired" if model.retirement else "no key"),
        format_tokens(model.context_window),
        f"{prices.input.normalize():f}" if prices else "-",
        f"{prices.output.normalize():f}" if prices else "-",
        ", ".join(_find_roles(model, catalogue)),
    )
