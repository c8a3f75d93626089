"""Cost of a call, by the catalogue's own price or genai-prices."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import Prices
from providers.chat import TokenUsage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

_MILLION: Final = Decimal(1_000_000)
_FREE: Final = Decimal(0)
_SHORT: Final = 1000
"""Tokens of a prompt below all price tiers for long prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost in US dollars, and the source of the price."""

    usd: Decimal
    source: str
    checked_on: date | None = None
    """When the price was last checked; genai-prices only has versions."""


def load_prices() -> None:
    """Load the price tables. Call it in a thread: otherwise the first cost blocks the loop."""
    import genai_prices  # noqa: PLC0415  see below

    genai_prices.calc_price(genai_prices.Usage(input_tokens=0), "gpt-4", provider_id="openai")


def calculate_cost(
    usage: TokenUsage, deployment: Deployment, *, at: datetime | None = None
) -> Cost | None:
    """Return the cost of a call; None (which does not mean free) if price or count is unknown.

    A simulated call costs 0. `at` (default: now) matters for prices that change with date or hour.
    """
    if deployment.simulated:
        return Cost(usd=Decimal(0), source="simulated")
    if deployment.host.local:
        return Cost(usd=Decimal(0), source="local")
    if not usage.is_counted:
        return None
    tokens = (
        _use_genai_prices(usage, deployment, at)
        if deployment.entry.prices is None
        else _use_catalogue(usage, deployment.entry.prices)
    )
    if tokens is None or not usage.searches:
        return tokens
    return _add_searches(tokens, usage, deployment)


def get_unit_prices(
    deployment: Deployment, *, prompt: int = _SHORT, at: datetime | None = None
) -> Prices | None:
    """Return the prices of a call whose prompt has `prompt` tokens, None if unknown."""
    prompt = max(prompt, 1)
    samples = (
        TokenUsage(input=prompt),
        TokenUsage(input=prompt, output=prompt),
        TokenUsage(cached=prompt),
        TokenUsage(cache_write=prompt),
    )
    costs = [calculate_cost(usage, deployment, at=at) for usage in samples]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    input_, both, cached, cache_write = (cost.usd * _MILLION / prompt for cost in known)
    return Prices(
        input=input_,
        output=both - input_,
        cached=cached,
        cache_write=cache_write,
        source=known[0].source,
        checked_on=known[0].checked_on,
    )


def get_price_tiers(deployment: Deployment) -> tuple[int, ...]:
    """Return the prompt lengths above which all tokens have other prices, in ascending order."""
    if deployment.simulated or deployment.host.local or deployment.entry.prices is not None:
        return ()
    found = _find_price(deployment, None)
    if found is None:
        return ()
    tiered = (found.input_mtok, found.output_mtok)
    starts = {tier.start for each in tiered for tier in getattr(each, "tiers", ())}
    return tuple(sorted(starts))


def _use_catalogue(usage: TokenUsage, prices: Prices) -> Cost:
    """Return the cost; cached tokens without a price of their own cost as much as others."""
    cached = prices.input if prices.cached is None else prices.cached
    cache_write = prices.input if prices.cache_write is None else prices.cache_write
    total = (
        (usage.input or 0) * prices.input
        + (usage.cached or 0) * cached
        + (usage.cache_write or 0) * cache_write
        + (usage.output or 0) * prices.output
    )
    return Cost(usd=total / _MILLION, source=prices.source, checked_on=prices.checked_on)


def _add_searches(cost: Cost, usage: TokenUsage, deployment: Deployment) -> Cost:
    """Return the cost with that of the vendor's searches; the source says if it is not known."""
    own, price = deployment.entry.prices, deployment.host.usd_per_search
    if own is not None and own.per_search is not None:
        price = own.per_search
    if price is None:
        return replace(cost, source=f"{cost.source}, without its {usage.searches} web searches")
    return replace(cost, usd=cost.usd + usage.searches * price)


def _use_genai_prices(
    usage: TokenUsage, deployment: Deployment, at: datetime | None
) -> Cost | None:
    """Return the cost as `genai_prices.calc_price` does, which takes thirty times as long.

    It would first check all its units of usage, of which a call of text has four.
    """
    price = _find_price(deployment, at)
    if price is None:
        return None
    import genai_prices  # noqa: PLC0415  see below

    prompt = usage.prompt or 0
    input_ = _get_rate(price.input_mtok, prompt)
    cached = _get_rate(price.cache_read_mtok, prompt, absent=input_)
    cache_write = _get_rate(price.cache_write_mtok, prompt, absent=input_)
    total = (
        (usage.input or 0) * input_
        + (usage.cached or 0) * cached
        + (usage.cache_write or 0) * cache_write
        + (usage.output or 0) * _get_rate(price.output_mtok, prompt)
    )
    usd = total / _MILLION + _get_rate(price.requests_kcount, prompt) / 1000
    return Cost(usd=usd, source=f"genai-prices {genai_prices.__version__}")


def _get_rate(
    price: "Decimal | TieredPrices | None", prompt: int, *, absent: Decimal = _FREE
) -> Decimal:
    """Return the price of a unit for a prompt of so many tokens, whose tier counts for all."""
    if price is None:
        return absent
    if isinstance(price, Decimal):
        return price
    reached = (tier.price for tier in reversed(price.tiers) if prompt > tier.start)
    return next(reached, price.base)


def _find_price(deployment: Deployment, at: datetime | None) -> "ModelPrice | None":
    """Return the prices of a model at a time, or None if it is not listed with prices."""
    provider = deployment.host.genai_prices
    if provider is None:
        return None
    from genai_prices.data_snapshot import (  # noqa: PLC0415  slow, and not every process needs it
        get_snapshot,
    )

    try:
        _, model = get_snapshot().find_provider_model(
            deployment.provider_model, None, provider, None
        )
    except (LookupError, ValueError):
        return None
    price = model.get_prices(at or datetime.fromtimestamp(time.time(), UTC))
    # Some models are listed without prices.
    return None if price.input_mtok is None or price.output_mtok is None else price
