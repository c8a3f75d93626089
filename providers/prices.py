"""What a call costs: by the catalogue's own price, else by genai-prices, else unknown."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from providers.chat import Usage
from providers.deployment import Deployment
from providers.entries import Prices

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

__all__ = ["Cost", "cost_of", "load_prices", "unit_prices"]

_THOUSAND: Final = Decimal(1000)
_MILLION: Final = Decimal(1_000_000)
_UNITS: Final = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "requests_kcount",
)
"""The prices of a call of ours in the words of genai-prices; a vendor may also charge per call."""
_SAMPLE: Final = 1000
"""Tokens of a call that no tier for long prompts reprices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """US dollars, and where the price comes from."""

    usd: Decimal
    source: str
    checked_on: date | None = None
    """When somebody last looked at the price; genai-prices only has versions."""


def load_prices() -> None:
    """Read the price tables now, in a thread: otherwise the first cost blocks its caller."""
    import genai_prices  # noqa: PLC0415  see below

    genai_prices.calc_price(genai_prices.Usage(input_tokens=0), "gpt-4", provider_id="openai")


def cost_of(usage: Usage, deployment: Deployment, *, at: datetime | None = None) -> Cost | None:
    """The cost of one call, `None` where no price is known: that is not free.

    `at` (default: now) picks between prices that change with the date or the hour.
    """
    cost = _cost(usage, deployment, at)
    if cost is not None and deployment.simulated:
        return Cost(
            usd=cost.usd, source=f"simulated, as by {cost.source}", checked_on=cost.checked_on
        )
    return cost


def unit_prices(deployment: Deployment, *, at: datetime | None = None) -> Prices | None:
    """Dollars per million tokens of a short call, `None` where no price is known."""
    samples = (
        Usage(input=_SAMPLE),
        Usage(output=_SAMPLE),
        Usage(cached=_SAMPLE),
        Usage(cache_write=_SAMPLE),
    )
    costs = [_cost(usage, deployment, at) for usage in samples]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    input_, output, cached, cache_write = (cost.usd * _MILLION / _SAMPLE for cost in known)
    return Prices(
        input=input_,
        output=output,
        cached=cached,
        cache_write=cache_write,
        source=known[0].source,
        checked_on=known[0].checked_on,
    )


def _cost(usage: Usage, deployment: Deployment, at: datetime | None) -> Cost | None:
    if deployment.host.local:
        return Cost(usd=Decimal(0), source="local")
    if deployment.entry.prices is not None:
        return _by_catalogue(usage, deployment.entry.prices)
    if deployment.host.genai_prices is not None:
        return _by_genai_prices(usage, deployment.host.genai_prices, deployment.provider_model, at)
    return None


def _by_catalogue(usage: Usage, prices: Prices) -> Cost:
    total = _total(usage, prices.input, prices.output, prices.cached, prices.cache_write)
    return Cost(usd=total, source=prices.source, checked_on=prices.checked_on)


def _by_genai_prices(usage: Usage, provider: str, model: str, at: datetime | None) -> Cost | None:
    """By its tables, with a sum of our own: its own takes longer than all else around a call."""
    import genai_prices  # noqa: PLC0415  its tables take long to load, and not every process pays
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  as above

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
        now = at or datetime.now(UTC)  # noqa: TID251  as genai-prices does it
        listed = vars(found.get_prices(now))
    except LookupError:
        return None
    input_, output, cached, cache_write, fee = (
        _rate(listed.get(unit), usage.prompt) for unit in _UNITS
    )
    # Some models are listed without any price; their total of 0 would be a lie.
    if input_ is None or output is None:
        return None
    total = _total(usage, input_, output, cached, cache_write) + (fee or 0) / _THOUSAND
    return Cost(usd=total, source=f"genai-prices {genai_prices.__version__}")


def _rate(listed: "Decimal | TieredPrices | None", prompt: int) -> Decimal | None:
    """What one unit costs in a call with so long a prompt."""
    if listed is None or isinstance(listed, Decimal):
        return listed
    reached = [tier.price for tier in listed.tiers if prompt > tier.start]
    return reached[-1] if reached else listed.base


def _total(
    usage: Usage,
    input_: Decimal,
    output: Decimal,
    cached: Decimal | None,
    cache_write: Decimal | None,
) -> Decimal:
    """Cached tokens without a price of their own cost as much as any others."""
    return (
        usage.input * input_
        + usage.cached * (input_ if cached is None else cached)
        + usage.cache_write * (input_ if cache_write is None else cache_write)
        + usage.output * output
    ) / _MILLION
