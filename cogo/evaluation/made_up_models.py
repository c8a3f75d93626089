"""A catalogue of models that exist only in an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.loader import load_entries
from providers.catalogue.schema import DeploymentEntry, Model, Prices

CAPABILITIES: Final = ("code-generation", "code-analysis", "general")
"""What all models are said to be for: records say how good they are, not what they are for."""
_PROVIDER: Final = "fireworks"
"""The provider of all models, which no choice depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpModel:
    """A model for a choice that is only simulated."""

    input_usd: Decimal
    """Per million tokens."""
    output_usd: Decimal
    capabilities: tuple[str, ...] = CAPABILITIES


def build_catalogue(
    models: Mapping[str, MadeUpModel], *, default: str | None, source: str
) -> Catalogue:
    """Return a catalogue of these models only; `default` has the roles `default` and `coding`."""
    entries, origins = load_entries()
    described = {
        name: Model(
            id=name,
            name=name,
            maker=name,
            deployments=(
                DeploymentEntry(
                    provider=_PROVIDER,
                    model=name,
                    prices=Prices(input=each.input_usd, output=each.output_usd, source=source),
                ),
            ),
            capabilities=each.capabilities,
            context_window=200_000,
        )
        for name, each in models.items()
    }
    roles = {} if default is None else {"default": default, "coding": default}
    changed = {
        "models": described, "roles": roles, "embeddings": {}, "rerankers": {},
    }  # fmt: skip
    return Catalogue(entries.model_copy(update=changed), origins)
