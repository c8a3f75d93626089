"""One provider as a page for people: how to open it, what it serves, what it promises."""

from collections.abc import Iterable, Iterator
from typing import Final

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import list_supported_parameters
from providers.catalogue.schema import AdapterKind, DataPolicy, Model, Provider
from scripts.docs_pages.tables import table

__all__ = ["render_provider"]

_ADAPTERS: Final[dict[AdapterKind, str]] = {
    "anthropic": "Anthropic's messages, through its own SDK",
    "fireworks": "chat completions, through Fireworks' own SDK",
    "gemini": "Gemini's own wire, over plain HTTP (docs/adr/0005)",
    "openai_compatible": "chat completions, through OpenAI's SDK",
}


def render_provider(catalogue: Catalogue, provider: Provider) -> str:
    """Markdown, made of the catalogue alone."""
    served = [
        (model, entry.model)
        for model in catalogue.models.values()
        for entry in model.deployments
        if entry.provider == provider.id
    ]
    current = [(model, own) for model, own in served if model.retirement is None]
    retired = [(model, own) for model, own in served if model.retirement is not None]
    parts = [
        f"# {provider.name[0].upper()}{provider.name[1:]}\n",
        "Made from `providers/catalogue/catalogue.toml`; change that, not this.\n",
        table(("what", "here"), _opening(provider)),
        "## Models\n",
        _models(provider, current),
    ]
    if retired:
        ends = ((f"`{model.id}`", f"`{own}`", *_end(model)) for model, own in retired)
        named = ("canonical id", "the provider's id", "why", "successor")
        parts += ["### Retired\n", table(named, ends)]
    if embeddings := list(_embeddings(catalogue, provider)):
        heads = ("id", "the provider's id", "dimensions", "shortens", "longest text", "$/M")
        parts += ["## Embeddings\n", table(heads, embeddings)]
    parts += ["## Data policy\n", _policy(provider)]
    return "\n".join(parts)


def _opening(provider: Provider) -> Iterator[tuple[str, str]]:
    keys = ", ".join(f"`{name}`" for name in provider.key_variables)
    yield "id", f"`{provider.id}`"
    yield "key", f"{keys} (optional)" if provider.key_is_optional else keys
    if provider.key_page:
        yield "where to get one", f"<{provider.key_page}>"
    if provider.base_url:
        yield "base URL", f"`{provider.base_url}`"
    if provider.base_url_variables:
        yield (
            "another base URL from",
            ", ".join(f"`{name}`" for name in provider.base_url_variables),
        )
    yield "spoken to by", _ADAPTERS[provider.adapter]
    if provider.ports:
        yield "looked for on", f"ports {', '.join(map(str, provider.ports))} of this machine"
    accents = provider.wire.model_dump(mode="json", exclude_defaults=True)
    for name, value in accents.items():
        yield f"accent: {name}", f"`{value}`"


def _models(provider: Provider, served: Iterable[tuple[Model, str]]) -> str:
    rows = [
        (
            f"`{model.id}`",
            f"`{own}`",
            _number(model.context_window),
            _number(model.max_output_tokens),
            model.reasoning or "unknown",
            *_parameters(model, provider),
        )
        for model, own in served
    ]
    note = (
        f"Any other model is asked for as `{provider.id}/<its own id>`, and nothing is known of it."
        if provider.any_model
        else ""
    )
    if not rows:
        return f"{note or 'None in the catalogue.'}\n"
    heads = ("canonical id", "the provider's id", "window", "output", "reasoning", "takes", "not")
    return table(heads, rows) + (f"\n{note}\n" if note else "")


def _parameters(model: Model, provider: Provider) -> tuple[str, str]:
    support = list_supported_parameters(model, provider.adapter)
    taken = ", ".join(name for name, fact in support.items() if fact == "yes")
    refused = ", ".join(name for name, fact in support.items() if fact == "no")
    return taken, refused


def _end(model: Model) -> tuple[str, str]:
    if model.retirement is None:
        return "", ""
    since = f" ({model.retirement.on})" if model.retirement.on else ""
    return f"{model.retirement.reason}{since}", f"`{model.retirement.successor}`"


def _embeddings(catalogue: Catalogue, provider: Provider) -> Iterator[tuple[str, ...]]:
    for each in catalogue.embeddings.values():
        if each.provider == provider.id:
            price = "unknown" if each.usd_per_million is None else str(each.usd_per_million)
            yield (
                f"`{each.id}`",
                f"`{each.model}`",
                _number(each.dimensions),
                "yes" if each.shortens else "no",
                _number(each.max_input_tokens),
                "0 (local)" if provider.local else price,
            )


def _policy(provider: Provider) -> str:
    if provider.local:
        return "Prompts do not leave this machine.\n"
    rows = list(_promises(provider.data_policy))
    unknown = "What is not said here is unknown, and unknown is not a promise.\n"
    return f"{table(('what', 'promised'), rows)}\n{unknown}" if rows else unknown


def _promises(policy: DataPolicy) -> Iterator[tuple[str, str]]:
    for name, value in policy.model_dump(mode="json", exclude_defaults=True).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield name.replace("_", " "), f"<{shown}>" if shown.startswith("https://") else shown


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
