from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers.calls.max_cost import max_cost_usd
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS
from providers.chat import ChatRequest, Message, TokenUsage
from providers.prices import calculate_cost
from providers.router import Router

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROUTER = Router(Catalogue.load(), {name: Credential(key=SecretStr("k")) for name in (
    "anthropic", "gemini", "perplexity")})  # fmt: skip


def place(model_id: str) -> Deployment:
    return ROUTER.list_deployments(model_id)[0]


def ask(prompt: str, most: int | None = None) -> ChatRequest:
    return ChatRequest(
        model="", messages=(Message(role="user", content=prompt),), max_output_tokens=most
    )


@given(
    prompt=st.text(max_size=200),
    cached=st.integers(0, 50),
    written=st.integers(0, 50),
    answer=st.integers(0, 500),
)
def test_no_usage_of_the_request_costs_more(
    prompt: str, cached: int, written: int, answer: int
) -> None:
    used = TokenUsage(input=len(prompt.encode()), cached=cached, cache_write=written, output=answer)
    cost = calculate_cost(used, place("claude-sonnet-5-5"))
    most = max_cost_usd(ask(prompt, 500), place("claude-sonnet-5-5"))

    assert cost is not None
    assert most is not None
    assert cost.usd <= most


def test_an_answer_without_a_limit_counts_as_long_as_the_adapter_lets_it_get() -> None:
    sonnet, gemini = place("claude-sonnet-5-5"), place("gemini-3.8-flash")

    assert max_cost_usd(ask("hi"), sonnet) == max_cost_usd(
        ask("hi", DEFAULT_OUTPUT_TOKENS["anthropic"]), sonnet
    )
    assert gemini.model.max_output_tokens is not None
    assert max_cost_usd(ask("hi"), gemini) == max_cost_usd(
        ask("hi", gemini.model.max_output_tokens), gemini
    )


def test_a_usual_question_fits_under_a_small_cap() -> None:
    most = max_cost_usd(
        ask("Write a Python function is_palindrome(text)"), place("claude-sonnet-5-5")
    )

    assert most is not None
    assert most < Decimal("0.30")


@pytest.mark.parametrize("model_id", ["gemma-4-31b-it", "perplexity/pplx-7b-online"])
def test_an_unknown_price_has_no_bound(model_id: str) -> None:
    assert max_cost_usd(ask("hi"), place(model_id)) is None
