"""Comparison of a provider's list with the catalogue."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cogo.cli.models.catalogue_diff import compare_listing
from providers.adapters.listings import ListedModel, ListedPrices
from providers.adapters.openai.client import _get_prices
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import list_supported_parameters

CATALOGUE = Catalogue.load()
COMMAND_A = "command-a-03-2025"


def test_new_gone_retiring_and_repriced_models_are_distinguished() -> None:
    listed = [
        ListedModel(id="brand-new"),
        ListedModel(
            id=COMMAND_A,
            retires_on=date(2027, 1, 1),
            prices=ListedPrices(input=Decimal(3), output=Decimal(10)),
        ),
    ]

    found = compare_listing(CATALOGUE, "cohere", listed)

    assert found.listed == 2
    assert found.new == ("brand-new",)
    assert "cohere/command-r" in found.gone
    assert "cohere/command-a" not in found.gone
    assert found.retiring == (("cohere/command-a", "2027-01-01"),)
    [change] = found.repriced
    assert found.priced == 1
    assert change.model == "cohere/command-a"
    assert change.listed == (Decimal(3), Decimal(10))
    assert change.catalogue == (Decimal("2.5"), Decimal(10))


@pytest.mark.parametrize(
    "prices", [None, ListedPrices(input=Decimal("2.5"), output=Decimal("10.001"))]
)
def test_the_same_price_or_none_changes_nothing(prices: ListedPrices | None) -> None:
    found = compare_listing(CATALOGUE, "cohere", [ListedModel(id=COMMAND_A, prices=prices)])

    assert not found.repriced
    assert found.priced == (prices is not None)


def test_a_retired_model_that_is_not_listed_is_not_news() -> None:
    assert "deepseek/deepseek-chat" not in compare_listing(CATALOGUE, "deepseek", []).gone


@pytest.mark.parametrize(
    ("pricing", "found"),
    [
        ({"prompt": "0.000002", "completion": "0.00001"}, (2, 10)),
        ({"input": 0.5, "output": 1.5}, (Decimal("0.5"), Decimal("1.5"))),
        ({"prompt": "-1", "completion": "-1"}, None),
        ({"prompt": "soon", "completion": "soon"}, None),
        ({"input": 0.5}, None),
        ([], None),
        (None, None),
    ],
)
def test_get_prices_of_listings_are_dollars_per_million(pricing: Any, found: Any) -> None:
    prices = _get_prices({"pricing": pricing})

    assert (prices and (prices.input, prices.output)) == found


def test_a_model_supports_what_it_and_its_adapter_support() -> None:
    claude = list_supported_parameters(CATALOGUE.models["claude-sonnet-5-5"], "anthropic")
    phi = list_supported_parameters(
        CATALOGUE.models["openrouter/phi-3-medium"], "openai_compatible"
    )

    assert (claude["temperature"], claude["tools"], claude["reasoning_effort"]) == (
        "no",
        "yes",
        "yes",
    )
    assert (phi["temperature"], phi["tools"], phi["reasoning_effort"]) == ("yes", "unknown", "no")
