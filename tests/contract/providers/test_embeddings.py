"""Embeddings of every vendor's format, against the simulator."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from pydantic import SecretStr

from providers.calls.max_cost import max_cost_usd
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.embeddings.embedder import Embedder
from providers.embeddings.records import Embedded
from providers.embeddings.request import ESTIMATED, MAX_VECTOR_BYTES
from providers.errors import (
    AtCapacity,
    AuthenticationFailed,
    CallFailed,
    ConnectionFailed,
    ContextTooLong,
    InvalidRequest,
    MalformedResponse,
    ModelNotFound,
    NotServed,
    Overloaded,
    RateLimited,
    UnknownModel,
)
from providers.router import Router
from tests.contract.providers.calls import RecordingMiddleware
from tests.contract.providers.conftest import BASE_URLS, NO_SERVERS
from tests.support.servers.recorder import recording
from tests.support.servers.simulator import Journal

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
PATHS = BASE_URLS


@pytest.fixture(params=sorted(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def credential(simulator: str, vendor: str, key: str = "a-key") -> Credential:
    return Credential(key=SecretStr(key), base_url=simulator + PATHS[vendor], simulated=True)


@pytest.fixture
async def embedder(simulator: str, vendor: str) -> AsyncIterator[Embedder]:
    async with Router(CATALOGUE, {vendor: credential(simulator, vendor)}) as router:
        yield await router.open_embedder()


def likeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_vectors_come_with_what_made_them(embedder: Embedder, vendor: str) -> None:
    found = await embedder.embed(MODELS[vendor], ["a red apple", "red apple", "tax law"])

    assert [each.model for each in found.embeddings] == [MODELS[vendor]] * 3
    entry = CATALOGUE.find_embedding_model(MODELS[vendor])
    assert {each.dimensions for each in found.embeddings} == {entry.dimensions}
    near, like, far = (each.vector for each in found.embeddings)
    assert likeness(near, like) > likeness(near, far)
    assert (found.provider, found.simulated) == (vendor, True)
    assert found.tokens
    assert found.notes == ((ESTIMATED,) if vendor in COUNTS_NOTHING else ())
    assert found.cost_usd == Decimal(0)


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
    entry = CATALOGUE.find_embedding_model(MODELS[vendor])
    if entry.shortens:
        found = await embedder.embed(MODELS[vendor], ["a"], dimensions=32)
        assert found.embeddings[0].dimensions == 32
    else:
        with pytest.raises(InvalidRequest, match="not 32"):
            await embedder.embed(MODELS[vendor], ["a"], dimensions=32)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("400", InvalidRequest), ("429 retry_after=70", RateLimited), ("503", Overloaded)],
)
async def test_every_failure_is_an_error_of_ours(
    embedder: Embedder, vendor: str, fault: str, kind: type[CallFailed]
) -> None:
    texts = [f"[[fault:{fault}]]", *("more",) * 200]

    with pytest.raises(CallFailed) as raised:
        await embedder.embed(MODELS[vendor], texts)

    assert type(raised.value) is kind
    if kind is RateLimited:
        assert raised.value.retry_after is not None


async def test_keys_and_models_are_distinguished(simulator: str, vendor: str) -> None:
    wrong = {vendor: credential(simulator, vendor, "invalid")}
    async with Router(CATALOGUE, wrong) as router:
        with pytest.raises((AuthenticationFailed, InvalidRequest), match="key"):
            await (await router.open_embedder()).embed(MODELS[vendor], ["a"])


async def test_an_unknown_model_a_missing_key_and_a_dead_server_say_what_to_do(
    simulator: str,
) -> None:
    given = {
        "ollama": Credential(base_url="http://127.0.0.1:9"),
        "together": credential(simulator, "together"),
    }
    async with Router(CATALOGUE, given) as router:
        embedder = await router.open_embedder()
        with pytest.raises(UnknownModel, match="text-embedding-3-small"):
            await embedder.embed("text-embeding-3-small", ["a"])
        with pytest.raises(NotServed, match="OPENAI_API_KEY"):
            await embedder.embed("text-embedding-3-small", ["a"])
        with pytest.raises(ConnectionFailed):
            await embedder.embed("ollama/nomic-embed-text", ["a"])
        with pytest.raises(ModelNotFound):
            await embedder.embed("together/no-such-model", ["a"])


async def test_a_text_that_would_be_cut_silently_is_refused() -> None:
    given = {"gemini": Credential(key=SecretStr("a-key"), base_url="http://127.0.0.1:9")}
    async with Router(CATALOGUE, given) as router:
        embedder = await router.open_embedder()
        with pytest.raises(ContextTooLong, match="text 1"):
            await embedder.embed("gemini-embedding-001", ["short", "long " * 4000])
        with pytest.raises(InvalidRequest, match="text 0 is empty"):
            await embedder.embed("gemini-embedding-001", ["  "])


async def test_a_short_wait_is_waited_for_and_a_refused_key_gives_way_to_the_next(
    simulator: str, journal: Journal
) -> None:
    given = credential(simulator, "openai", "invalid")
    keys = {"openai": replace(given, spare_keys=(SecretStr("a-good-key-of-ours"),))}
    texts = ["[[fault:429 retry_after=0.01 times=1]] patience"]

    async with Router(CATALOGUE, keys) as router:
        embedder = await router.open_embedder()
        found = await embedder.embed("text-embedding-3-small", texts)
        again = await embedder.embed("text-embedding-3-small", texts)

    assert found.embeddings == again.embeddings
    assert len(await journal.requests()) <= 4  # two refusals at most, two answers


async def test_middleware_sees_every_request_and_may_refuse_it(
    simulator: str, journal: Journal
) -> None:
    gate = RecordingMiddleware("gate", [])
    given = {"cohere": credential(simulator, "cohere")}
    task_id = uuid4()
    secret = "sk-ant-" + "a" * 30
    texts = [f"text{number}" for number in range(100)] + [f"mine is {secret}"]

    async with Router(CATALOGUE, given, middleware=[gate]) as router:
        embedder = await router.open_embedder()
        found = await embedder.embed(
            "cohere/embed-v5.0-fast", texts, context=CallContext(task_id=task_id)
        )
        gate.refusal = AtCapacity("cohere", "the cap is reached")
        with pytest.raises(AtCapacity, match="the cap"):
            await embedder.embed("cohere/embed-v5.0-fast", ["more"])
        with pytest.raises(NotServed, match="may not leave the machine"):
            await embedder.embed(
                "cohere/embed-v5.0-fast",
                ["x"],
                context=CallContext(data_policy=("local-only",)),
            )

    assert len(await journal.requests()) == 2
    calls = gate.calls[:2]
    assert {call.context.task_id for call in calls} == {task_id}
    assert {call.deployment.id for call in calls} == {"simulated:cohere:embed-v5.0-fast"}
    assert sum(call.masked_keys for call in calls) == 1
    assert not any(secret in text for call in calls for text in call.request.iter_texts())
    assert all(call.report.done and call.report.usage for call in calls)
    assert sum(call.report.cost.usd for call in calls if call.report.cost) == found.cost_usd
    assert found.notes == ("1 keys in the prompt were masked before sending",)
    most = [max_cost_usd(call.request, call.deployment) for call in calls]
    assert all(
        cap is not None and call.report.cost is not None and cap >= call.report.cost.usd
        for cap, call in zip(most, calls, strict=True)
    )


async def embedded(answer: object) -> Embedded:
    """Return what the embedder makes of such an answer to one text."""
    async with recording(answer) as server:
        given = {"openai": Credential(key=SecretStr("a-key"), base_url=server.url)}
        async with Router(CATALOGUE, given) as router:
            embedder = await router.open_embedder()
            return await embedder.embed("text-embedding-3-small", ["a"])


async def test_an_answer_that_is_longer_than_its_vectors_can_be_is_not_read() -> None:
    answer = json.dumps({"data": [{"index": 0, "embedding": [1.0] * 1536}]}).encode()

    assert (await embedded(answer.ljust(MAX_VECTOR_BYTES))).embeddings
    with pytest.raises(MalformedResponse, match="longer than"):
        await embedded(answer.ljust(MAX_VECTOR_BYTES + 1))


@pytest.mark.parametrize(
    "vector", [3, None, ["x"], ["1.0"], [True], [[1.0]], "123", [10**400], {"a": 1}]
)
async def test_a_vector_of_anything_but_numbers_is_malformed(vector: object) -> None:
    answer = {"data": [{"index": 0, "embedding": vector}]}

    with pytest.raises(MalformedResponse):
        await embedded(answer)


async def test_tokens_are_sent_to_models_that_take_them(simulator: str) -> None:
    given = {name: credential(simulator, name) for name in ("openai", "mistral")}
    async with Router(CATALOGUE, given) as router:
        embedder = await router.open_embedder()
        found = await embedder.embed("text-embedding-3-small", [[1, 2, 3], [4]], dimensions=8)
        with pytest.raises(InvalidRequest, match="takes texts, not lists of tokens"):
            await embedder.embed("mistral/mistral-embed", [[1, 2, 3]])

    assert [each.dimensions for each in found.embeddings] == [8, 8]
    assert found.tokens


async def test_models_that_can_be_called_are_those_of_keys_and_of_local_servers(
    simulator: str,
) -> None:
    async with recording({"data": [{"id": "bge-m3:latest"}, {"id": "llama"}]}) as server:
        given = {
            **NO_SERVERS,
            "openai": credential(simulator, "openai"),
            "ollama": Credential(base_url=server.url),
        }
        async with Router(CATALOGUE, given) as router:
            await router.discover()
            assert router.list_embedding_models() == [
                "text-embedding-3-small",
                "text-embedding-3-large",
                "ollama/bge-m3",
            ]
            assert router.list_lanes()[-1] == "ollama/llama"
            assert router.count_embedding_slots("ollama/bge-m3") == 2
            assert router.count_embedding_slots("gemini-embedding-001") == 0
