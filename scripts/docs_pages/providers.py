"""Markdown pages of the catalogue, below `docs/reference/`: one of all providers, one for each."""

from collections.abc import Iterable, Iterator
from typing import Final

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import list_supported_parameters
from providers.catalogue.schema import AdapterKind, DataPolicy, Model, Provider, Retirement
from scripts.docs_pages.tables import table

_SOURCE: Final = "Generated from `providers/catalogue/catalogue.toml`. Do not edit."
_HEADING: Final = f"""\
# Providers and models

{_SOURCE} Your own `cogo.toml` may add entries and change single
fields of these. `retirement = false` in a model's entry removes its retirement, for example if a
dedicated deployment still serves it. [What each wire format carries](wire-formats.md) is on a page
of its own.

A role is a name for the model that is recommended for a purpose. Use it like a model's name.
"""
_ADAPTERS: Final[dict[AdapterKind, str]] = {
    "anthropic": "Anthropic's messages, through its own SDK",
    "fireworks": "chat completions, through Fireworks' own SDK",
    "gemini": "Gemini's own format, over plain HTTP (docs/adr/0005)",
    "ollama": "its own API, without an SDK",
    "openai_compatible": "chat completions, through OpenAI's SDK",
}
_RESPONSES: Final = (
    "the Responses API for models that reason and for web searches, else chat completions, through "
    "OpenAI's SDK"
)


def render_pages(catalogue: Catalogue) -> dict[str, str]:
    """Return file names below `docs/reference/` and their texts."""
    pages = {
        f"providers/{provider.id}.md": render_provider(catalogue, provider)
        for provider in catalogue.providers.values()
    }
    return {"providers.md": render_providers(catalogue), **pages}


def render_providers(catalogue: Catalogue) -> str:
    """Return the page of all roles, providers and models."""
    roles = [
        (role, f"`{name}`", f"`{catalogue.resolve(name).model.id}`")
        for role, name in catalogue.roles.items()
    ]
    current = [each for each in catalogue.models.values() if each.retirement is None]
    retired = [each for each in catalogue.models.values() if each.retirement is not None]
    parts = [
        _HEADING,
        table(("role", "name", "current model"), roles),
        "## Providers\n",
        table(
            ("id", "provider", "key", "base URL", "variable of the base URL"),
            (_build_provider_row(each) for each in catalogue.providers.values()),
        ),
        "## Models\n",
        table(
            ("canonical id", "model", "maker", "served by", "context window", "reasoning"),
            (_build_model_row(each) for each in current),
        ),
        "## Announced retirements\n",
        table(
            ("canonical id", "model", "ends on", "reason", "successor"),
            (_build_end_row(each, each.ending) for each in current if each.ending is not None),
        ),
        "## Retired models\n",
        table(
            ("canonical id", "model", "since", "reason", "successor"),
            (
                _build_end_row(each, each.retirement)
                for each in retired
                if each.retirement is not None
            ),
        ),
    ]
    return "\n".join(parts)


def render_provider(catalogue: Catalogue, provider: Provider) -> str:
    """Return the page of one provider: its settings, models and data policy."""
    served = [
        (model, entry.model)
        for model in catalogue.models.values()
        for entry in model.deployments
        if entry.provider == provider.id
    ]
    current = [(model, own) for model, own in served if model.retirement is None]
    retired = [
        (f"`{model.id}`", f"`{own}`", *_build_end_row(model, model.retirement)[2:])
        for model, own in served
        if model.retirement is not None
    ]
    parts = [
        f"# {provider.name[0].upper()}{provider.name[1:]}\n",
        f"{_SOURCE}\n",
        table(("setting", "value"), _iter_settings(provider)),
        "## Models\n",
        _render_models(provider, current),
    ]
    if retired:
        heads = ("canonical id", "the provider's id", "since", "reason", "successor")
        parts += ["### Retired\n", table(heads, retired)]
    if embeddings := list(_iter_embeddings(catalogue, provider)):
        columns = ("id", "the provider's id", "dimensions", "shortens", "maximum tokens", "$/M")
        parts += ["## Embeddings\n", table(columns, embeddings)]
    if rerankers := list(_iter_rerankers(catalogue, provider)):
        heads = ("id", "the provider's id", "maximum tokens", "$/search unit", "$/M tokens")
        parts += ["## Rerankers\n", table(heads, rerankers)]
    parts += ["## Data policy\n", _render_policy(provider)]
    return "\n".join(parts)


def _build_provider_row(provider: Provider) -> tuple[str, ...]:
    key = ", ".join(f"`{name}`" for name in provider.key_variables)
    if key and provider.key_is_optional:
        key += " (optional)"
    elif provider.key_page:
        key += f" ([get one]({provider.key_page}))"
    base_url = f"`{provider.base_url}`" if provider.base_url else "your own"
    variables = ", ".join(f"`{name}`" for name in provider.base_url_variables)
    return f"[`{provider.id}`](providers/{provider.id}.md)", provider.name, key, base_url, variables


def _build_model_row(model: Model) -> tuple[str, ...]:
    hosts = ", ".join(each.provider for each in model.deployments)
    window = f"{model.context_window:,}" if model.context_window else ""
    return f"`{model.id}`", model.name, model.maker, hosts, window, model.reasoning or ""


def _build_end_row(model: Model, end: Retirement) -> tuple[str, ...]:
    return f"`{model.id}`", model.name, str(end.on or ""), end.reason, f"`{end.successor}`"


def _iter_settings(provider: Provider) -> Iterator[tuple[str, str]]:
    keys = ", ".join(f"`{name}`" for name in provider.key_variables)
    yield "id", f"`{provider.id}`"
    if keys:
        yield "key", f"{keys} (optional)" if provider.key_is_optional else keys
    if provider.key_page:
        yield "get a key", f"<{provider.key_page}>"
    if provider.base_url:
        yield "base URL", f"`{provider.base_url}`"
    if provider.base_url_variables:
        variables = ", ".join(f"`{name}`" for name in provider.base_url_variables)
        yield "variable of the base URL", variables
    speaks_responses = provider.wire.api == "responses"
    yield "wire format", _RESPONSES if speaks_responses else _ADAPTERS[provider.adapter]
    if provider.web_search is not None:
        price = provider.usd_per_search
        cost = "price unknown" if price is None else f"${price} each"
        how = "for every answer" if provider.web_search == "always" else "if asked"
        yield "web search", f"{how}, {cost}"
    if provider.ports:
        yield "discovered on", f"ports {', '.join(map(str, provider.ports))} of this machine"
    for name, value in provider.wire.model_dump(mode="json", exclude_defaults=True).items():
        yield f"dialect: {name}", f"`{value}`"


def _render_models(provider: Provider, served: Iterable[tuple[Model, str]]) -> str:
    rows = [
        (
            f"`{model.id}`",
            f"`{own}`",
            _format_number(model.context_window),
            _format_number(model.max_output_tokens),
            model.reasoning or "unknown",
            *_list_parameters(model, provider),
        )
        for model, own in served
    ]
    note = (
        f"Call any other model as `{provider.id}/<its own id>`; the catalogue has no facts on it."
        if provider.any_model
        else ""
    )
    if not rows:
        return f"{note or 'None in the catalogue.'}\n"
    heads = (
        *("canonical id", "the provider's id", "context window", "maximum output", "reasoning"),
        *("supported parameters", "unsupported"),
    )
    return table(heads, rows) + (f"\n{note}\n" if note else "")


def _list_parameters(model: Model, provider: Provider) -> tuple[str, str]:
    support = list_supported_parameters(model, provider.adapter)
    yes = ", ".join(name for name, fact in support.items() if fact == "yes")
    no = ", ".join(name for name, fact in support.items() if fact == "no")
    return yes, no


def _iter_embeddings(catalogue: Catalogue, provider: Provider) -> Iterator[tuple[str, ...]]:
    for each in catalogue.embeddings.values():
        if each.provider == provider.id:
            price = "unknown" if each.usd_per_million is None else str(each.usd_per_million)
            yield (
                f"`{each.id}`",
                f"`{each.model}`",
                _format_number(each.dimensions),
                "yes" if each.shortens else "no",
                _format_number(each.max_input_tokens),
                "0 (local)" if provider.local else price,
            )


def _iter_rerankers(catalogue: Catalogue, provider: Provider) -> Iterator[tuple[str, ...]]:
    for each in catalogue.rerankers.values():
        if each.provider == provider.id:
            prices = (each.usd_per_search, each.usd_per_million)
            yield (
                f"`{each.id}`",
                f"`{each.model}`",
                _format_number(each.max_input_tokens),
                *("" if price is None else str(price) for price in prices),
            )


def _render_policy(provider: Provider) -> str:
    if provider.local:
        return "Prompts do not leave this machine.\n"
    rows = list(_iter_promises(provider.data_policy))
    unknown = "Anything not listed here is unknown, and does not count as a promise.\n"
    return f"{table(('fact', 'promise'), rows)}\n{unknown}" if rows else unknown


def _iter_promises(policy: DataPolicy) -> Iterator[tuple[str, str]]:
    for name, value in policy.model_dump(mode="json", exclude_defaults=True).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield name.replace("_", " "), f"<{shown}>" if shown.startswith("https://") else shown


def _format_number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
