"""Rankings of every vendor's format, against the simulator and against answers of our making."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from providers.calls.max_cost import max_cost_usd
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.errors import (
    AtCapacity,
    AuthenticationFailed,
    CallFailed,
    ConnectionFailed,
    InvalidRequest,
    MalformedResponse,
    NotServed,
    Overloaded,
    RateLimited,
    UnknownModel,
)
from providers.rerank.records import MAX_DOCUMENTS, Ranking
from providers.rerank.request import ESTIMATED, MAX_ROW_BYTES
from providers.rerank.reranker import Reranker
from providers.router import Router
from tests.contract.providers.calls import RecordingMiddleware
from tests.contract.providers.conftest import NO_SERVERS
from tests.support.servers.recorder import Recorder, recording
from tests.support.servers.simulator import Journal

CATALOGUE = Catalogue.load()
MODELS = {
    "cohere": "cohere/rerank-v5.0-fast",
    "fireworks": "fireworks/qwen3-reranker-8b",
    "jina": "jina/jina-reranker-v3.5",
    "tei": "tei/BAAI/bge-reranker-v2-m3",
    "vllm": "vllm/BAAI/bge-reranker-base",
}
PATHS = {
    "cohere": "/cohere/compatibility/v1",
    "fireworks": "/fireworks/inference/v1",
    "jina": "/jina/v1",
    "tei": "/tei",
    "vllm": "/vllm/v1",
}
COUNTS_NOTHING = {"tei"}
QUERY = "when is money returned"
DOCUMENTS = ["the office closes at six", "money is returned within a week", "returned goods"]


@pytest.fixture(params=sorted(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def credential(simulator: str, vendor: str, key: str = "a-key") -> Credential:
    return Credential(key=SecretStr(key), base_url=simulator + PATHS[vendor], simulated=True)


@pytest.fixture
async def reranker(simulator: str, vendor: str) -> AsyncIterator[Reranker]:
    async with Router(CATALOGUE, {vendor: credential(simulator, vendor)}) as router:
        yield await router.open_reranker()


async def test_documents_come_best_first_with_what_ranked_them(
    reranker: Reranker, vendor: str
) -> None:
    found = await reranker.rerank(MODELS[vendor], QUERY, DOCUMENTS)

    assert [each.place for each in found.documents] == [1, 2, 0]
    scores = [each.score for each in found.documents]
    assert scores == sorted(scores, reverse=True)
    assert (found.model, found.provider) == (MODELS[vendor], vendor)
    assert found.tokens
    assert found.simulated
    assert found.cost_usd == Decimal(0)
    assert found.notes == ((ESTIMATED,) if vendor in COUNTS_NOTHING else ())
    [best] = (await reranker.rerank(MODELS[vendor], QUERY, DOCUMENTS, top_n=1)).documents
    assert best.place == 1


async def test_many_documents_are_ranked_over_several_requests(
    reranker: Reranker, vendor: str, journal: Journal
) -> None:
    documents = [f"nothing about it {number}" for number in range(70)]
    documents[68] = "money is returned"

    found = await reranker.rerank(MODELS[vendor], QUERY, documents, top_n=40)

    assert found.documents[0].place == 68
    assert len({each.place for each in found.documents}) == 40
    sizes = [entry["message_count"] for entry in await journal.requests()]
    assert sizes == ([32, 32, 6] if vendor == "tei" else [70])


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("400", InvalidRequest), ("429 retry_after=70", RateLimited), ("503", Overloaded)],
)
async def test_every_failure_is_an_error_of_ours(
    reranker: Reranker, vendor: str, fault: str, kind: type[CallFailed]
) -> None:
    with pytest.raises(CallFailed) as raised:
        await reranker.rerank(MODELS[vendor], f"[[fault:{fault}]]", DOCUMENTS)

    assert type(raised.value) is kind


async def test_a_wrong_key_an_unknown_model_and_a_dead_server_say_what_to_do(
    simulator: str,
) -> None:
    given = {
        "jina": credential(simulator, "jina", "invalid"),
        "tei": Credential(base_url="http://127.0.0.1:9"),
    }
    async with Router(CATALOGUE, given) as router:
        reranker = await router.open_reranker()
        with pytest.raises(AuthenticationFailed, match="key"):
            await reranker.rerank("jina-reranker-v3.5", QUERY, DOCUMENTS)
        with pytest.raises(UnknownModel, match=r"rerank-v5\.0-fast"):
            await reranker.rerank("rerank-v5-fast", QUERY, DOCUMENTS)
        with pytest.raises(UnknownModel):
            await reranker.rerank("gemini/anything", QUERY, DOCUMENTS)
        with pytest.raises(NotServed, match="CO_API_KEY"):
            await reranker.rerank("rerank-v5.0-fast", QUERY, DOCUMENTS)
        with pytest.raises(ConnectionFailed):
            await reranker.rerank("tei/any", QUERY, DOCUMENTS)


@pytest.mark.parametrize(
    ("query", "documents", "top_n", "why"),
    [
        (" ", ["a"], None, "query is empty"),
        ("a", [], None, "0 documents"),
        ("a", ["a"] * (MAX_DOCUMENTS + 1), None, "1001 documents"),
        ("a", ["a", " \n"], None, "document 1 is empty"),
        ("a", ["a"], 0, "top_n is 0"),
    ],
)
async def test_texts_that_cannot_be_ranked_are_refused_before_they_are_sent(
    query: str, documents: list[str], top_n: int | None, why: str
) -> None:
    given = {"cohere": Credential(key=SecretStr("a-key"), base_url="http://127.0.0.1:9")}
    async with Router(CATALOGUE, given) as router:
        with pytest.raises(InvalidRequest, match=why):
            await (await router.open_reranker()).rerank(
                "rerank-v5.0-fast", query, documents, top_n=top_n
            )


async def ranked(
    answer: object, *, vendor: str = "cohere", model: str = "", top_n: int | None = None
) -> tuple[Ranking, Recorder]:
    """Return what is made of such an answer to three documents, and what was sent."""
    async with recording(answer) as server:
        given = {vendor: Credential(key=SecretStr("a-key"), base_url=server.url)}
        async with Router(CATALOGUE, given) as router:
            reranker = await router.open_reranker()
            name = model or MODELS[vendor]
            return await reranker.rerank(name, QUERY, DOCUMENTS, top_n=top_n), server


def rows(*places: Any, score: str = "relevance_score") -> list[dict[str, Any]]:
    return [{"index": place, score: 0.5 - at / 10} for at, place in enumerate(places)]


async def test_what_is_sent_is_what_the_vendors_document() -> None:
    # The body of cohere 7.3.1's ClientV2.rerank(model, query, documents, top_n).
    cohere = {"model": "rerank-v5.0-fast", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}
    _, server = await ranked({"results": rows(2, 0)}, top_n=2)
    assert (server.path, server.body) == ("/v2/rerank", cohere)
    assert server.headers["authorization"] == "Bearer a-key"

    _, server = await ranked({"results": rows(2, 0, 1)}, vendor="vllm")
    assert server.path == "/rerank"
    assert server.body == {
        **cohere, "model": "BAAI/bge-reranker-base", "top_n": 3, "return_documents": False,
    }  # fmt: skip

    _, server = await ranked(rows(2, 0, 1, score="score"), vendor="tei")
    assert server.path == "/rerank"
    assert server.body == {"query": QUERY, "texts": DOCUMENTS, "truncate": True}


async def test_search_units_and_tokens_are_paid_by_the_prices_of_the_model() -> None:
    def billed(**units: float) -> dict[str, Any]:
        return {"results": rows(0, 1, 2), "meta": {"billed_units": units}}

    by_unit, _ = await ranked(billed(search_units=3), model="cohere/rerank-v4.0-pro")
    by_token, _ = await ranked(billed(input_tokens=2_000_000), model="cohere/rerank-v5.0-pro")
    neither, _ = await ranked(billed(), model="cohere/rerank-v3.5")

    assert (by_unit.cost_usd, by_unit.notes) == (Decimal("0.0075"), ())
    assert (by_token.cost_usd, by_token.notes) == (Decimal("0.10"), ())
    assert (neither.cost_usd, neither.notes) == (Decimal("0.002"), (ESTIMATED,))
    own, _ = await ranked(rows(0, 1, 2, score="score"), vendor="tei")
    assert own.cost_usd == 0


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"results": None},
        {"results": rows(0, 1)},  # one is missing
        {"results": rows(0, 1, 1)},
        {"results": rows(0, 1, 3)},
        {"results": rows(0, 1, -1)},
        {"results": rows(0, 1, "2")},
        {"results": rows(0, 1, True)},
        {"results": [*rows(0, 1), {"index": 2, "relevance_score": "0.5"}]},
        {"results": [*rows(0, 1), {"index": 2, "relevance_score": 10**400}]},
        {"results": [*rows(0, 1), {"index": 2}]},
        {"results": [*rows(0, 1), 2]},
        b'{"results": [{"index": 0, "relevance_score": NaN}]}',
        b"<html>",
    ],
)
async def test_a_ranking_that_makes_no_sense_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedResponse):
        await ranked(answer)


async def test_an_answer_that_is_longer_than_a_ranking_can_be_is_not_read() -> None:
    with pytest.raises(MalformedResponse, match="longer than"):
        await ranked(b" " * (3 * MAX_ROW_BYTES + 1))


async def test_middleware_sees_every_request_and_may_refuse_it(
    simulator: str, journal: Journal
) -> None:
    gate = RecordingMiddleware("gate", [])
    given = {"cohere": credential(simulator, "cohere")}
    task_id, secret = uuid4(), "sk-ant-" + "a" * 30
    documents = [f"mine is {secret}", "long " * 4_000]

    async with Router(CATALOGUE, given, middleware=[gate]) as router:
        reranker = await router.open_reranker()
        found = await reranker.rerank(
            "rerank-v4.0-pro", secret, documents, context=CallContext(task_id=task_id)
        )
        gate.refusal = AtCapacity("cohere", "the cap is reached")
        with pytest.raises(AtCapacity, match="the cap"):
            await reranker.rerank("rerank-v4.0-pro", "more", documents)
        with pytest.raises(NotServed, match="may not leave the machine"):
            await reranker.rerank(
                "rerank-v4.0-pro", "x", ["x"],
                context=CallContext(data_policy=("local-only",)),
            )  # fmt: skip

    assert len(await journal.requests()) == 1
    call = gate.calls[0]
    assert call.context.task_id == task_id
    assert call.deployment.id == "simulated:cohere:rerank-v4.0-pro"
    assert call.masked_keys == 2
    assert not any(secret in text for text in call.request.iter_texts())
    assert "2 keys in the prompt were masked before sending" in found.notes
    assert "the vendor reads the first 4,096 tokens of a document" in found.notes


async def test_the_most_that_a_ranking_may_cost_is_never_less_than_what_it_costs() -> None:
    gate = RecordingMiddleware("gate", [])
    answer = {"results": rows(*range(250)), "meta": {"billed_units": {"search_units": 8}}}
    async with recording(answer) as server:
        given = {"cohere": Credential(key=SecretStr("a-key"), base_url=server.url)}
        async with Router(CATALOGUE, given, middleware=[gate]) as router:
            # 250 documents of 3 chunks each are 7.5 units.
            documents = ["four" * 1_200] * 250
            found = await (await router.open_reranker()).rerank("rerank-v4.0-fast", "q", documents)

    assert found.cost_usd == Decimal("0.016")
    [call] = gate.calls
    most = max_cost_usd(call.request, call.deployment)
    assert most is not None
    assert found.cost_usd <= most < Decimal("0.1")


async def test_models_that_can_be_called_are_those_of_keys_and_of_local_servers(
    simulator: str,
) -> None:
    listing = {"data": [{"id": "BAAI/bge-reranker-v2-m3"}, {"id": "BAAI/bge-m3"}, {"id": "qwen"}]}
    info = {"model_id": "mixedbread/mxbai", "model_type": {"reranker": {"id2label": {}}}}
    async with recording(listing) as vllm, recording(listing) as own, recording(info) as tei:
        given = {
            **NO_SERVERS,
            "jina": credential(simulator, "jina"),
            "vllm": Credential(base_url=vllm.url),
            "rerank-compatible": Credential(base_url=own.url),
            "tei": Credential(base_url=tei.url),
        }
        async with Router(CATALOGUE, given) as router:
            await router.discover()
            assert router.list_rerank_models() == [
                "jina/jina-reranker-v3.5",
                "jina/jina-reranker-v2-base-multilingual",
                "vllm/BAAI/bge-reranker-v2-m3",
                "tei/mixedbread/mxbai",
                *(f"rerank-compatible/{each['id']}" for each in listing["data"]),
            ]
            assert tei.path == "/info"
            assert router.list_lanes() == ["vllm/qwen"]
            assert router.list_embedding_models()[-1] == "vllm/BAAI/bge-m3"
            assert router.count_rerank_slots("tei/mixedbread/mxbai") == 4
            assert router.count_rerank_slots("rerank-v5.0-pro") == 0


async def test_a_server_of_embeddings_ranks_nothing() -> None:
    async with (
        recording({"model_id": "m", "model_type": {"embedding": {}}}) as tei,
        Router(CATALOGUE, {**NO_SERVERS, "tei": Credential(base_url=tei.url)}) as router,
    ):
        assert "tei" not in {each.provider for each in await router.discover()}
