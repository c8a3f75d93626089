"""Differences between a provider's own list of models and the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from providers.adapters.listings import ListedModel
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.prices import get_unit_prices

_TOLERANCE: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """US dollars per million tokens, input and output."""

    model: str
    catalogue: tuple[Decimal, Decimal]
    listed: tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueDiff:
    """The ids in `new` are the provider's, all others canonical ids."""

    provider: str
    listed: int
    new: tuple[str, ...]
    gone: tuple[str, ...]
    """Current in the catalogue, but not listed."""
    retiring: tuple[tuple[str, str], ...]
    """Listed with the date of their retirement."""
    repriced: tuple[PriceChange, ...]
    priced: int
    """Number of listed models with a price; 0 if the list has no prices to compare."""


def compare_listing(
    catalogue: Catalogue, provider: str, listed: Sequence[ListedModel]
) -> CatalogueDiff:
    """Return the differences. A list without prices yields no price changes."""
    by_id = {model.id: model for model in listed}
    ours = [
        (model, entry)
        for model in catalogue.models.values()
        for entry in model.deployments
        if entry.provider == provider
    ]
    known = {entry.model for _, entry in ours}
    host = catalogue.providers[provider]
    changes = []
    for model, entry in ours:
        prices = by_id[entry.model].prices if entry.model in by_id else None
        place = Deployment(model=model, entry=entry, host=host, base_url="")
        had = get_unit_prices(place) if prices is not None else None
        if prices is None or had is None:
            continue
        before, now = (had.input, had.output), (prices.input, prices.output)
        if any(_differ(a, b) for a, b in zip(before, now, strict=True)):
            changes.append(PriceChange(model=model.id, catalogue=before, listed=now))
    return CatalogueDiff(
        provider=provider,
        listed=len(listed),
        new=tuple(sorted(set(by_id) - known)),
        gone=tuple(
            model.id
            for model, entry in ours
            if model.retirement is None and entry.model not in by_id
        ),
        retiring=tuple(
            (model.id, str(by_id[entry.model].retires_on))
            for model, entry in ours
            if entry.model in by_id and by_id[entry.model].retires_on is not None
        ),
        repriced=tuple(changes),
        priced=sum(model.prices is not None for model in listed),
    )


def _differ(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) > _TOLERANCE * max(one, other)
