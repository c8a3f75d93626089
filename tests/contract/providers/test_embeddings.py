"""Embeddings of every vendor's format, against the simulator."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from pydantic import SecretStr

from providers.catalogue import Catalogue
from providers.deployment import Credential
from providers.embeddings.embedder import Embedder
from providers.errors import (
    AuthenticationFailed,
    CallFailed,
    ConnectionFailed,
    ContextTooLong,
    InvalidRequest,
    ModelNotFound,
    NotServed,
    Overloaded,
    RateLimited,
    UnknownModel,
)
from tests.contract.providers.conftest import BASE_URLS
from tests.support.simulator import Journal

CATALOGUE = Catalogue.load()
MODELS = {
    "cohere": "cohere/embed-v5.0-fast",
    "fireworks": "fireworks/qwen3-embedding-8b",
    "gemini": "gemini-embedding-001",
    "mistral": "mistral/mistral-embed",
    "ollama": "ollama/nomic-embed-text",
    "openai": "text-embedding-3-small",
}
COUNTS_NOTHING = {"gemini"}
PATHS = {**BASE_URLS, "fireworks": "/fireworks/inference/v1"}


@pytest.fixture(params=sorted(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def credential(simulator: str, vendor: str, key: str = "a-key") -> Credential:
    return Credential(key=SecretStr(key), base_url=simulator + PATHS[vendor], simulated=True)


@pytest.fixture
async def embedder(simulator: str, vendor: str) -> AsyncIterator[Embedder]:
    async with Embedder(CATALOGUE, {vendor: credential(simulator, vendor)}) as embedder:
        yield embedder


def likeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_vectors_come_with_what_made_them(embedder: Embedder, vendor: str) -> None:
    found = await embedder.embed(MODELS[vendor], ["a red apple", "red apple", "tax law"])

    assert [each.model for each in found.embeddings] == [MODELS[vendor]] * 3
    assert {each.dimensions for each in found.embeddings} == {64}
    near, like, far = (each.vector for each in found.embeddings)
    assert likeness(near, like) > likeness(near, far)
    assert (found.provider, found.simulated) == (vendor, True)
    if vendor in COUNTS_NOTHING:
        assert (found.tokens, found.cost_usd) == (None, None)
    elif vendor == "ollama":
        assert found.cost_usd == Decimal(0)
    else:
        assert found.tokens is not None
        assert found.cost_usd is not None
        assert found.tokens > 0 < found.cost_usd


async def test_many_texts_keep_their_order_over_several_requests(
    embedder: Embedder, vendor: str, journal: Journal
) -> None:
    texts = [f"text{number}" for number in range(250)]

    found = await embedder.embed(MODELS[vendor], texts)
    [last] = (await embedder.embed(MODELS[vendor], texts[-1:])).embeddings

    assert len(found.embeddings) == 250
    assert found.embeddings[-1] == last
    assert len(set(found.embeddings)) > 1
    sizes = [entry["message_count"] for entry in await journal.requests()]
    assert sum(sizes) == 251
    assert max(sizes) <= {"cohere": 96, "gemini": 100, "ollama": 64}.get(vendor, 2048)


async def test_fewer_dimensions_may_be_asked_for_where_the_model_has_them(
    embedder: Embedder, vendor: str
) -> None:
    entry = CATALOGUE.embedding(MODELS[vendor])
    if entry.shortens:
        found = await embedder.embed(MODELS[vendor], ["a"], dimensions=32)
        assert found.embeddings[0].dimensions == 32
    else:
        with pytest.raises(InvalidRequest, match="not 32"):
            await embedder.embed(MODELS[vendor], ["a"], dimensions=32)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("400", InvalidRequest), ("429 retry_after=7", RateLimited), ("503", Overloaded)],
)
async def test_what_goes_wrong_is_of_the_one_tree(
    embedder: Embedder, vendor: str, fault: str, kind: type[CallFailed]
) -> None:
    texts = [f"[[fault:{fault}]]", *("more",) * 200]

    with pytest.raises(CallFailed) as raised:
        await embedder.embed(MODELS[vendor], texts)

    assert type(raised.value) is kind
    if kind is RateLimited:
        assert raised.value.retry_after is not None


async def test_keys_and_models_are_told_apart(simulator: str, vendor: str) -> None:
    wrong = {vendor: credential(simulator, vendor, "invalid")}
    async with Embedder(CATALOGUE, wrong) as embedder:
        with pytest.raises((AuthenticationFailed, InvalidRequest), match="key"):
            await embedder.embed(MODELS[vendor], ["a"])


async def test_an_unknown_model_a_missing_key_and_a_dead_server_say_what_to_do(
    simulator: str,
) -> None:
    given = {
        "ollama": Credential(base_url="http://127.0.0.1:9"),
        "together": credential(simulator, "together"),
    }
    async with Embedder(CATALOGUE, given) as embedder:
        with pytest.raises(UnknownModel, match="text-embedding-3-small"):
            await embedder.embed("text-embeding-3-small", ["a"])
        with pytest.raises(NotServed, match="OPENAI_API_KEY"):
            await embedder.embed("text-embedding-3-small", ["a"])
        with pytest.raises(ConnectionFailed):
            await embedder.embed("ollama/nomic-embed-text", ["a"])
        with pytest.raises(ModelNotFound):
            await embedder.embed("together/no-such-model", ["a"])


async def test_what_would_be_cut_silently_is_refused() -> None:
    given = {"gemini": Credential(key=SecretStr("a-key"), base_url="http://127.0.0.1:9")}
    async with Embedder(CATALOGUE, given) as embedder:
        with pytest.raises(ContextTooLong, match="text 1"):
            await embedder.embed("gemini-embedding-001", ["short", "long " * 4000])
        with pytest.raises(InvalidRequest, match="text 0 is empty"):
            await embedder.embed("gemini-embedding-001", ["  "])
