from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers.calls.max_cost import max_cost_usd
from providers.calls.prepare import estimate_prompt_tokens
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS
from providers.chat import Attachment, ChatRequest, Message, TokenUsage, Tool
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


def with_file(media_type: str, *, size: int | None) -> ChatRequest:
    attachment = Attachment(
        media_type=media_type,
        data=None if size is None else b"x" * size,
        url="https://example.com/a" if size is None else None,
    )
    return ChatRequest(
        model="",
        messages=(Message(role="user", content="hi", attachments=(attachment,)),),
        max_output_tokens=1_000,
    )


@pytest.mark.parametrize(
    ("media_type", "size", "tokens", "most"),
    [
        ("image/png", 2_000_000, 1_500, 12_000),
        ("image/png", None, 1_500, 12_000),
        ("application/pdf", 100_000, 5_000, 100_000),
        ("application/pdf", 50, 1_500, 50),
        ("application/pdf", None, 20_000, 300_000),
        ("text/plain", 4_000, 1_000, 4_000),
    ],
)
def test_files_count_in_estimates_and_in_the_bound(
    media_type: str, size: int | None, tokens: int, most: int
) -> None:
    sonnet, plain = place("claude-sonnet-5-5"), ask("hi", 1_000)
    request = with_file(media_type, size=size)
    more = (max_cost_usd(request, sonnet) or 0) - (max_cost_usd(plain, sonnet) or 0)

    assert estimate_prompt_tokens(request) - estimate_prompt_tokens(plain) in range(
        tokens, tokens + 20
    )
    # $2 per million tokens, and $2.50 if they are written to the cache.
    assert most <= more / Decimal("0.0000025") <= most + 100


def test_searches_and_what_they_find_are_bounded() -> None:
    sonnet, plain = place("claude-sonnet-5-5"), ask("hi", 1_000)
    searching = replace(plain, web_search=True)

    more = (max_cost_usd(searching, sonnet) or 0) - (max_cost_usd(plain, sonnet) or 0)

    assert more == 5 * Decimal("0.01") + 50_000 * Decimal("0.0000025")


def test_tools_count_in_estimates() -> None:
    tool = Tool(name="look", description="x" * 400, parameters={})

    with_tool = replace(ask("hi"), tools=(tool,))

    assert estimate_prompt_tokens(with_tool) - estimate_prompt_tokens(ask("hi")) > 100
