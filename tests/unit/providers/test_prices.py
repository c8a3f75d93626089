from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
import pytest
from pydantic import SecretStr

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.chat import TokenUsage
from providers.prices import calculate_cost, get_price_tiers, get_unit_prices
from providers.router import Router

MILLION = 1_000_000
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CATALOGUE = Catalogue.load()


def a_deployment(model_id: str, provider: str, *, simulated: bool = False) -> Deployment:
    credential = Credential(key=SecretStr("k"), simulated=simulated)
    [deployment] = Router(CATALOGUE, {provider: credential}).list_deployments(model_id)
    return deployment


@pytest.mark.parametrize(
    ("model_id", "provider", "usage", "usd"),
    [
        ("claude-sonnet-5-5", "anthropic", TokenUsage(input=MILLION), "2"),
        ("claude-sonnet-5-5", "anthropic", TokenUsage(cached=MILLION), "0.1"),
        ("claude-sonnet-5-5", "anthropic", TokenUsage(cache_write=MILLION), "2.5"),
        ("claude-sonnet-5-5", "anthropic", TokenUsage(output=MILLION, reasoning=MILLION), "10"),
        ("fireworks/deepseek-v3p2", "fireworks", TokenUsage(input=MILLION, cached=MILLION), "0.84"),
        ("claude-haiku-5-5", "anthropic", TokenUsage(input=200_000), "0.1"),
        ("claude-sonnet-5-5", "anthropic", TokenUsage(searches=3), "0.03"),
        ("gpt-6.1-sol", "openai", TokenUsage(searches=3), "0.03"),
        ("gemini-3.8-flash", "gemini", TokenUsage(searches=3), "0.042"),
    ],
)
def test_each_part_of_the_usage_has_its_price(
    model_id: str, provider: str, usage: TokenUsage, usd: str
) -> None:
    cost = calculate_cost(usage, a_deployment(model_id, provider), at=AT)

    assert cost is not None
    assert cost.usd == Decimal(usd)
    assert cost.source.startswith("genai-prices ")


def test_a_cost_without_the_price_of_its_searches_says_so() -> None:
    usage = TokenUsage(input=1, searches=2)

    cost = calculate_cost(usage, a_deployment("perplexity/sonar-pro", "perplexity"), at=AT)

    assert cost is not None
    assert cost.source.endswith(", without its 2 web searches")


def test_the_catalogues_own_price_comes_first_with_source_and_date() -> None:
    deployment = a_deployment("fireworks/qwen3-coder-480b-a35b-instruct", "fireworks")

    cost = calculate_cost(
        TokenUsage(input=MILLION, cached=MILLION, output=MILLION), deployment, at=AT
    )

    assert cost is not None
    assert cost.usd == Decimal("2.70")
    assert "Fireworks" in cost.source
    assert cost.checked_on == date(2026, 11, 20)
    prices = get_unit_prices(deployment, at=AT)
    assert prices is not None
    assert (prices.source, prices.checked_on) == (cost.source, cost.checked_on)


@pytest.mark.parametrize(
    ("model_id", "provider"),
    [
        ("gemma-4-31b-it", "gemini"),  # listed, without a price
        ("perplexity/pplx-7b-online", "perplexity"),  # not listed
        ("huggingface/some/model", "huggingface"),  # nobody keeps a list
        ("openai-compatible/m", "openai-compatible"),
    ],
)
def test_an_unknown_price_is_not_zero(model_id: str, provider: str) -> None:
    credential = Credential(key=SecretStr("k"), base_url="https://a.example/v1")
    [deployment] = Router(CATALOGUE, {provider: credential}).list_deployments(model_id)

    assert calculate_cost(TokenUsage(input=MILLION, output=MILLION), deployment, at=AT) is None


def test_a_local_model_is_free_and_names_the_source() -> None:
    cost = calculate_cost(TokenUsage(input=MILLION), a_deployment("ollama/m", "ollama"), at=AT)

    assert cost is not None
    assert (cost.usd, cost.source) == (Decimal(0), "local")


@pytest.mark.parametrize(
    ("model_id", "provider"),
    [("claude-sonnet-5-5", "anthropic"), ("perplexity/pplx-7b-online", "perplexity")],
)
def test_a_simulated_call_is_free_and_names_the_source(model_id: str, provider: str) -> None:
    deployment = a_deployment(model_id, provider, simulated=True)

    cost = calculate_cost(TokenUsage(input=MILLION), deployment, at=AT)

    assert cost is not None
    assert (cost.usd, cost.source) == (Decimal(0), "simulated")


def test_unit_prices_are_those_of_a_short_call() -> None:
    prices = get_unit_prices(a_deployment("claude-haiku-5-5", "anthropic"), at=AT)

    assert prices is not None
    assert (prices.input, prices.cached, prices.output) == (
        Decimal("0.1"),
        Decimal("0.01"),
        Decimal("0.5"),
    )
    assert prices.source.startswith("genai-prices")


@pytest.mark.parametrize(
    ("model_id", "provider", "above", "times"),
    [("claude-haiku-5-5", "anthropic", 100_000, 5), ("gpt-6-sol", "openai", 272_000, 2)],
)
def test_unit_prices_of_a_long_prompt_are_those_of_its_tier(
    model_id: str, provider: str, above: int, times: int
) -> None:
    deployment = a_deployment(model_id, provider)

    short = get_unit_prices(deployment, prompt=above, at=AT)
    long = get_unit_prices(deployment, prompt=above + 1, at=AT)

    assert get_price_tiers(deployment) == (above,)
    assert short is not None
    assert long is not None
    assert round(long.input / short.input) == times
    assert get_unit_prices(deployment, prompt=0, at=AT) == short


def test_unit_prices_of_an_unknown_model_are_unknown() -> None:
    assert get_unit_prices(a_deployment("perplexity/pplx-7b-online", "perplexity"), at=AT) is None


@pytest.mark.parametrize(
    "usage",
    [
        TokenUsage(),
        TokenUsage(input=1_000, output=10),
        TokenUsage(input=300_000, cached=7, output=1),
        TokenUsage(cached=100, output=5),
        TokenUsage(input=10, cached=100_000, cache_write=300_001, output=999),
        TokenUsage(cache_write=70, output=1),
    ],
)
def test_every_listed_price_is_counted_as_the_library_counts_it(usage: TokenUsage) -> None:
    opened = {id_: Credential(key=SecretStr("k")) for id_ in CATALOGUE.providers}
    router = Router(CATALOGUE, opened)
    places = [place for lane in router.list_lanes() for place in router.list_deployments(lane)]
    tokens = genai_prices.Usage(
        input_tokens=usage.prompt,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
    )

    counted = 0
    for place in places:
        cost = calculate_cost(usage, place, at=AT)
        if cost is None or not cost.source.startswith("genai-prices "):
            continue
        theirs = genai_prices.calc_price(
            tokens,
            place.provider_model,
            provider_id=place.host.genai_prices,
            genai_request_timestamp=AT,
        )
        assert cost.usd == theirs.total_price, place.id
        counted += 1
    assert counted > 50
