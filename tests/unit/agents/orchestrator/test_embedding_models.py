"""Embedding models of tasks: their names, and what they cannot do."""

from typing import Any

import pytest

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.embedding_models import (
    check_embedding,
    check_host,
    find_embedding_model,
    find_rerank_model,
    quote_embeddings,
)
from agents.orchestrator.lane_registry import list_served_lanes
from agents.selection.preferences import Preferences
from protocol.lanes import EMBEDDINGS, RERANKS
from protocol.records.agents import list_embedding_models, list_rerank_models
from tests.support.agents.flows import CATALOGUE, an_executor

SMALL = "text-embedding-3-small"
SERVED = [SMALL, "mistral/mistral-embed"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (SMALL, SMALL),
        ("Text-Embedding-3-Small", SMALL),
        ("openai/text-embedding-3-small", SMALL),
        ("mistral-embed", "mistral/mistral-embed"),
        ("ollama/nomic-embed-text:latest", "ollama/nomic-embed-text"),
        ("ollama/bge-m3:latest", "ollama/bge-m3"),
        ("ollama/bge-m3:567m", "ollama/bge-m3:567m"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(name: str, found: str) -> None:
    assert find_embedding_model(name, CATALOGUE, SERVED).id == found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (None, "name an embedding model: none is chosen"),
        ("auto", "none is chosen"),
        ("", "none is chosen"),
        ("text-embedding-9", "'text-embedding-9' does not exist"),
        ("claude-sonnet-5-5", "turns no texts into vectors"),
        ("x" * 1_000, "does not exist"),
    ],
)
def test_other_names_are_refused_with_those_that_are_served(name: str | None, why: str) -> None:
    with pytest.raises(InvalidTask, match=why) as refused:
        find_embedding_model(name, CATALOGUE, SERVED)

    assert (refused.value.field, refused.value.allowed) == ("model", SERVED)
    assert SMALL in refused.value.message
    assert len(refused.value.message) < 400


def check(name: str = SMALL, **wanted: Any) -> None:
    given: dict[str, Any] = {
        "count": 1, "dimensions": None, "encoding_format": "float", "has_tokens": False,
    }  # fmt: skip
    check_embedding(find_embedding_model(name, CATALOGUE, SERVED), **given | wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        {"dimensions": 8},
        {"dimensions": 1536},
        {"name": "mistral-embed", "dimensions": 1024},
        {"name": "ollama/bge-m3", "dimensions": 9999},  # nobody knows
        {"has_tokens": True},
        {"count": 113},
        {"count": 511, "encoding_format": "base64"},
        {"count": 2048, "dimensions": 64},
    ],
)
def test_what_a_model_can_do_is_not_refused(wanted: dict[str, Any]) -> None:
    check(**wanted)


@pytest.mark.parametrize(
    ("wanted", "field", "why"),
    [
        ({"dimensions": 1537}, "params.dimensions", "at most 1536 dimensions, not 1537"),
        ({"name": "mistral-embed", "dimensions": 8}, "params.dimensions", "has 1024 dimensions"),
        ({"name": "mistral-embed", "has_tokens": True}, "params.input", "send the texts"),
        ({"count": 114}, "params.input", "which may have 113; .* base64"),
        ({"count": 512, "encoding_format": "base64"}, "params.input", "may have 511"),
    ],
)
def test_what_a_model_cannot_do_is_refused(wanted: dict[str, Any], field: str, why: str) -> None:
    with pytest.raises(InvalidTask, match=why) as refused:
        check(**wanted)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"data_policy": ["local-only"]}, "leave the machine"),
        ({"denied_providers": ["openai"]}, "deny its provider"),
        ({"allowed_providers": ["mistral"]}, "other providers only"),
    ],
)
def test_a_provider_that_the_preferences_forbid_is_not_called(
    stated: dict[str, Any], why: str
) -> None:
    entry = find_embedding_model(SMALL, CATALOGUE, SERVED)

    with pytest.raises(NoModel, match=why):
        check_host(entry, Preferences.model_validate(stated), CATALOGUE)
    check_host(entry, Preferences(), CATALOGUE)


def test_models_are_those_of_lanes_of_running_executors() -> None:
    real = an_executor([f"{EMBEDDINGS}{SMALL}", "claude-sonnet-5-5"])
    simulated = an_executor([f"{EMBEDDINGS}a", f"{EMBEDDINGS}{SMALL}"], details={"simulated": True})

    assert list_embedding_models([simulated, real]) == {"a": True, SMALL: False}
    assert list_served_lanes([real]) == {"claude-sonnet-5-5": False}


def test_vectors_are_priced_by_their_texts() -> None:
    entry = CATALOGUE.find_embedding_model(SMALL)
    texts = ["x" * 39] * 100_000  # about ten tokens each
    tokens = [list(range(10))] * 100_000

    quote = quote_embeddings(entry, texts, CATALOGUE, is_simulated=False)
    exact = quote_embeddings(entry, tokens, CATALOGUE, is_simulated=False)
    free = quote_embeddings(entry, texts, CATALOGUE, is_simulated=True)

    assert entry.usd_per_million is not None
    price = float(entry.usd_per_million)  # of a million tokens
    assert (quote.low, quote.expected, quote.high) == pytest.approx(
        (0.6 * price, price, 3.9 * price)
    )
    assert (exact.low, exact.expected, exact.high) == pytest.approx((price,) * 3)
    assert (free.low, free.expected, free.high) == (0, 0, 0)


def test_vectors_of_a_model_without_a_price_cost_an_unknown_amount() -> None:
    entry = CATALOGUE.find_embedding_model(SMALL).model_copy(
        update={"usd_per_million": None, "provider": "together", "model": "nobody-knows"}
    )

    assert quote_embeddings(entry, ["x"], CATALOGUE, is_simulated=False).high is None


RERANKERS = ["tei/own", "jina/jina-reranker-v3.5", "cohere/rerank-v5.0-fast"]


@pytest.mark.parametrize(
    ("name", "denied", "found"),
    [
        (None, [], "cohere/rerank-v5.0-fast"),
        ("auto", ["cohere"], "jina/jina-reranker-v3.5"),
        (None, ["cohere", "jina"], "tei/own"),
        ("jina-reranker-v3.5", [], "jina/jina-reranker-v3.5"),
    ],
)
def test_a_rerank_model_is_the_named_one_or_the_first_of_the_catalogue(
    name: str | None, denied: list[str], found: str
) -> None:
    preferences = Preferences(denied_providers=denied)

    assert find_rerank_model(name, CATALOGUE, RERANKERS, preferences).id == found


@pytest.mark.parametrize(
    ("name", "served", "error", "why"),
    [
        (None, [], NoModel, "COHERE_API_KEY"),
        (None, ["jina/jina-reranker-v3.5"], NoModel, "deny its provider"),
        (None, ["gone/model"], NoModel, "COHERE_API_KEY"),
        ("rerank-v5.0-pro", RERANKERS, NoModel, "CO_API_KEY"),
        ("jina-reranker-v3.5", RERANKERS, NoModel, "deny its provider"),
        ("rerank-v9", RERANKERS, InvalidTask, "'rerank-v9' does not exist"),
        ("claude-sonnet-5-5", RERANKERS, InvalidTask, "ranks no documents"),
        ("x" * 1_000, RERANKERS, InvalidTask, "does not exist"),
    ],
)
def test_without_a_rerank_model_the_reason_says_what_to_do(
    name: str | None, served: list[str], error: type[Exception], why: str
) -> None:
    preferences = Preferences(denied_providers=["jina"])

    with pytest.raises(error, match=why) as raised:
        find_rerank_model(name, CATALOGUE, served, preferences)
    assert len(str(raised.value)) < 500


def test_rerank_models_are_lanes_beside_others() -> None:
    agent = an_executor([SMALL, RERANKS + RERANKERS[0]])

    assert list_rerank_models([agent]) == {RERANKERS[0]: False}
    assert list(list_served_lanes([agent])) == [SMALL]
    assert list_embedding_models([agent]) == {}
