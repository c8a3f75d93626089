"""Markdown pages of the catalogue of models, below `docs/reference/`."""

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.schema import Model, Provider, Retirement
from scripts.docs_pages.provider import render_provider
from scripts.docs_pages.tables import table

__all__ = ["render_pages", "render_providers"]

_HEADING = """\
# Providers and models

Made from `providers/catalogue/catalogue.toml`; change that, not this. A `cogo.toml` of your own may
add entries and change single fields of these; `retirement = false` in a model's entry takes its
retirement back, for a deployment of one's own that still serves it.

A role is a name for "the model that we would take for this"; ask for it as for any model.
"""


def render_pages(catalogue: Catalogue) -> dict[str, str]:
    """The page of all, and one for each provider; names below `docs/`."""
    pages = {
        f"providers/{provider.id}.md": render_provider(catalogue, provider)
        for provider in catalogue.providers.values()
    }
    return {"providers.md": render_providers(catalogue), **pages}


def render_providers(catalogue: Catalogue) -> str:
    """Markdown: roles, providers with what opens them, models with what is known of them."""
    roles = [(role, f"`{name}`", _now(catalogue, name)) for role, name in catalogue.roles.items()]
    current = [each for each in catalogue.models.values() if each.retirement is None]
    retired = [each for each in catalogue.models.values() if each.retirement is not None]
    parts = [
        _HEADING,
        table(("role", "name", "model today"), roles),
        "## Providers\n",
        table(
            ("id", "provider", "key", "base URL", "base URL from"),
            (_provider(each) for each in catalogue.providers.values()),
        ),
        "## Models\n",
        table(
            ("canonical id", "model", "maker", "served by", "window", "reasoning"),
            (_model(each) for each in current),
        ),
        "## Announced ends\n",
        table(
            ("canonical id", "model", "ends on", "why", "successor"),
            (_last(each, each.ending) for each in current if each.ending is not None),
        ),
        "## Retired models\n",
        table(
            ("canonical id", "model", "since", "why", "successor"),
            (_last(each, each.retirement) for each in retired if each.retirement is not None),
        ),
    ]
    return "\n".join(parts)


def _now(catalogue: Catalogue, name: str) -> str:
    return f"`{catalogue.resolve(name).model.id}`"


def _provider(provider: Provider) -> tuple[str, ...]:
    key = ", ".join(f"`{name}`" for name in provider.key_variables)
    if provider.key_is_optional:
        key += " (optional)"
    elif provider.key_page:
        key += f" ([get one]({provider.key_page}))"
    where = f"`{provider.base_url}`" if provider.base_url else "your own"
    variables = ", ".join(f"`{name}`" for name in provider.base_url_variables)
    return f"[`{provider.id}`](providers/{provider.id}.md)", provider.name, key, where, variables


def _model(model: Model) -> tuple[str, ...]:
    hosts = ", ".join(each.provider for each in model.deployments)
    window = f"{model.context_window:,}" if model.context_window else ""
    return f"`{model.id}`", model.name, model.maker, hosts, window, model.reasoning or ""


def _last(model: Model, end: Retirement) -> tuple[str, ...]:
    return f"`{model.id}`", model.name, str(end.on or ""), end.reason, f"`{end.successor}`"
