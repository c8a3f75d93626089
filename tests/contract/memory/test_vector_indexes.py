"""Outer indexes by their official clients, against servers that answer as the clients expect."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.memory.index import IndexUnavailable, VectorIndex, VectorItem, VectorMatch
from agents.memory.pinecone import PineconeIndex
from agents.memory.weaviate import WeaviateIndex, name_collection
from tests.support.stores.pinecone_server import KEY, PineconeServer, pinecone_server
from tests.support.stores.weaviate_server import WeaviateServer, build_reply, weaviate_server

ONE, OTHER = uuid4(), uuid4()
MODEL = "text-embedding-3-small"
NEAR, LIKE, FAR = [1.0, 0, 0, 0], [1.0, 1, 0, 0], [0, 0, 0, 1.0]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Pinecone's client repeat requests without the waits between."""

    async def wait(seconds: float) -> None:
        del seconds

    monkeypatch.setattr("pinecone._internal.http_client._async_retry_sleep", wait)


@dataclass(slots=True)
class Place:
    """An index and its server."""

    index: VectorIndex
    server: PineconeServer | WeaviateServer


@pytest.fixture(params=["pinecone", "weaviate"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        if request.param == "pinecone":
            given = await stack.enter_async_context(pinecone_server())
            pinecone = PineconeIndex(api_key=KEY, index=given.url)
            stack.push_async_callback(pinecone.close)
            yield Place(pinecone, given)
        else:
            server = await stack.enter_async_context(weaviate_server())
            weaviate = WeaviateIndex(url=server.url, api_key=KEY, grpc_url=server.grpc_url)
            stack.push_async_callback(weaviate.close)
            yield Place(weaviate, server)


def item(vector: list[float], *, id_: UUID | None = None, model: str = MODEL) -> VectorItem:
    return VectorItem(id=id_ or uuid4(), vector=vector, model_id=model)


async def find(
    place: Place, owner: UUID | None, *, limit: int = 10, model: str = MODEL
) -> list[VectorMatch]:
    return [*await place.index.query(owner, NEAR, limit, model_id=model)]


async def test_the_nearest_come_first_with_their_cosines(place: Place) -> None:
    near, like, far = item(NEAR), item(LIKE), item(FAR)

    await place.index.upsert(ONE, [far, near, like])

    found = await find(place, ONE)
    assert [each.id for each in found] == [near.id, like.id, far.id]
    expected = [1.0, math.sqrt(0.5), 0.0]
    assert [each.likeness for each in found] == pytest.approx(expected, abs=1e-6)
    assert [each.id for each in await find(place, ONE, limit=1)] == [near.id]


async def test_no_owner_sees_or_deletes_what_is_anothers(place: Place) -> None:
    shared = uuid4()  # ids are one's own, but nothing may depend on it
    owners = [ONE, OTHER, None]
    own = {owner: item(NEAR) for owner in owners}
    for owner in owners:
        await place.index.upsert(owner, [own[owner], item(LIKE, id_=shared)])

    for owner in owners:
        ids = {each.id for each in await find(place, owner)}
        assert ids == {own[owner].id, shared}
    await place.index.delete(ONE, [own[OTHER].id, shared])
    assert {each.id for each in await find(place, OTHER)} == {own[OTHER].id, shared}
    await place.index.delete_owner(OTHER)
    assert await find(place, OTHER) == []
    assert [each.id for each in await find(place, ONE)] == [own[ONE].id]
    assert len(await find(place, None)) == 2


async def test_everything_may_be_repeated_and_deleted_before_it_was_there(place: Place) -> None:
    kept, gone = item(NEAR), item(LIKE)

    await place.index.delete(ONE, [gone.id])
    await place.index.delete_owner(ONE)
    assert await find(place, ONE) == []
    for _ in range(2):
        await place.index.upsert(ONE, [kept, gone])
    for _ in range(2):
        await place.index.delete(ONE, [gone.id])
    assert [each.id for each in await find(place, ONE)] == [kept.id]
    assert place.server.count(str(ONE)) == 1
    for _ in range(2):
        await place.index.delete_owner(ONE)
    assert place.server.count(str(ONE)) == 0
    assert await find(place, ONE) == []


async def test_a_vector_of_another_model_takes_the_place_of_the_old_one(place: Place) -> None:
    id_ = uuid4()
    await place.index.upsert(ONE, [item(NEAR, id_=id_)])

    await place.index.upsert(ONE, [item(LIKE, id_=id_, model="another")])

    assert await find(place, ONE) == []
    [found] = await find(place, ONE, model="another")
    assert found.id == id_
    assert found.likeness == pytest.approx(math.sqrt(0.5))
    assert place.server.count(str(ONE)) == 1


async def test_many_are_sent_in_several_requests(place: Place) -> None:
    many = [item(NEAR) for _ in range(450)]

    await place.index.upsert(ONE, many)
    assert place.server.count(str(ONE)) == 450
    await place.index.delete(ONE, [each.id for each in many])

    assert place.server.count(str(ONE)) == 0


async def test_an_index_that_has_lost_everything_finds_nothing(place: Place) -> None:
    await place.index.upsert(ONE, [item(NEAR)])
    assert await find(place, ONE)
    place.server.lose()

    assert await find(place, ONE) == []
    await place.index.upsert(ONE, [item(NEAR)])
    assert len(await find(place, ONE)) == 1


async def test_a_server_that_fails_is_unavailable_until_it_works_again(place: Place) -> None:
    await place.index.upsert(ONE, [item(NEAR)])
    if isinstance(place.server, PineconeServer):
        place.server.status = 500
    else:
        place.server.is_failing = True

    for call in (
        place.index.upsert(ONE, [item(NEAR)]),
        find(place, ONE),
        place.index.delete(ONE, [uuid4()]),
        place.index.delete_owner(ONE),
    ):
        with pytest.raises(IndexUnavailable) as raised:
            await call
        assert KEY not in str(raised.value)
    if isinstance(place.server, PineconeServer):
        place.server.status = 200
    else:
        place.server.is_failing = False
    assert len(await find(place, ONE)) == 1


async def test_a_server_that_is_silent_can_be_left(place: Place) -> None:
    await place.index.upsert(ONE, [item(NEAR)])
    place.server.is_silent = True

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await find(place, ONE)

    place.server.is_silent = False
    assert len(await find(place, ONE)) == 1


async def test_answers_that_make_no_sense_are_left_out(place: Place) -> None:
    ours, worse = uuid4(), uuid4()
    scores = {str(ours): 1.0000001, str(worse): -0.5, "theirs": 0.5, str(uuid4()): 7.0}
    await place.index.upsert(ONE, [item(NEAR)])
    if isinstance(place.server, PineconeServer):
        rows = [{"id": id_, "score": score, "values": []} for id_, score in scores.items()]
        place.server.answer = {"matches": rows[::-1], "namespace": str(ONE)}
    else:
        near = [(1 - score, id_) for id_, score in scores.items() if id_ != "theirs"]
        place.server.answer = build_reply(near[::-1])

    found = await find(place, ONE)

    assert [each.id for each in found] == [ours, worse]
    assert [each.likeness for each in found] == pytest.approx([1.0, -0.5])
    assert len(await find(place, ONE, limit=1)) == 1


@pytest.mark.parametrize("answer", [[], "text", {"matches": 7}, {"matches": [{"id": 1}]}])
async def test_an_answer_of_another_kind_is_none(answer: object) -> None:
    async with pinecone_server(answer=answer) as server:
        index = PineconeIndex(api_key=KEY, index=server.url)
        try:
            with pytest.raises(IndexUnavailable):
                await index.query(ONE, NEAR, 5, model_id=MODEL)
        finally:
            await index.close()


@pytest.mark.parametrize("which", ["pinecone", "weaviate"])
async def test_a_wrong_key_and_a_dead_server_are_errors_of_ours(which: str) -> None:
    async with pinecone_server() as one, weaviate_server() as other:
        wrong: list[Any] = (
            [
                PineconeIndex(api_key="wrong-key", index=one.url),
                PineconeIndex(api_key=KEY, index="http://127.0.0.1:9"),
            ]
            if which == "pinecone"
            else [
                WeaviateIndex(url=other.url, api_key="wrong-key", grpc_url=other.grpc_url),
                WeaviateIndex(url="http://127.0.0.1:9", api_key=KEY),
            ]
        )
        for index in wrong:
            with pytest.raises(IndexUnavailable) as raised:
                await index.query(ONE, NEAR, 5, model_id=MODEL)
            assert "wrong-key" not in str(raised.value)
            await index.close()


async def test_a_pinecone_index_of_other_dimensions_keeps_what_fits() -> None:
    async with pinecone_server(dimension=2) as server:
        index = PineconeIndex(api_key=KEY, index=server.url)
        fits, unfit = item([1.0, 0]), item(NEAR, model="another")
        await index.upsert(ONE, [item([0.0, 1], id_=unfit.id)])

        await index.upsert(ONE, [fits, unfit])

        assert [*server.namespaces[str(ONE)]] == [str(fits.id)]  # and the old one is gone
        with pytest.raises(IndexUnavailable, match="2 dimensions, and another makes 4"):
            await index.query(ONE, NEAR, 5, model_id="another")
        await index.close()


@pytest.mark.parametrize("fields", [{"metric": "euclidean"}, {"dimension": None}])
async def test_a_pinecone_index_that_is_not_for_memory_is_refused(fields: dict[str, Any]) -> None:
    async with pinecone_server(**fields) as server:
        index = PineconeIndex(api_key=KEY, index=server.url)
        with pytest.raises(IndexUnavailable, match="metric cosine"):
            await index.upsert(ONE, [item(NEAR)])
        await index.close()


async def test_a_pinecone_index_by_its_name_is_one_of_vectors() -> None:
    document = {"embedding": {"type": "dense_vector", "dimension": 4, "metric": "cosine"}}
    async with pinecone_server() as server:
        index = PineconeIndex(api_key=KEY, index="memory", control_host=server.url)
        await index.upsert(ONE, [item(NEAR)])
        await index.close()
        assert server.count(str(ONE)) == 1

        server.schema = document | {"body": {"type": "string"}}
        index = PineconeIndex(api_key=KEY, index="memory", control_host=server.url)
        with pytest.raises(IndexUnavailable, match=r"a schema for documents \(embedding, body\)"):
            await index.upsert(ONE, [item(NEAR)])
        await index.close()


async def test_what_pinecones_client_sends() -> None:
    async with pinecone_server() as server:
        index = PineconeIndex(api_key=KEY, index=server.url)
        stored = item(NEAR)
        await index.upsert(None, [stored])
        await index.query(ONE, LIKE, 5, model_id=MODEL)
        await index.delete(None, [stored.id])
        await index.delete_owner(None)
        await index.close()

        assert index.name == f"pinecone:{server.url.removeprefix('http://')}"
        assert server.requests == [
            ("/describe_index_stats", {}),
            (
                "/vectors/upsert",
                {
                    "namespace": "operators",
                    "vectors": [
                        {"id": str(stored.id), "values": NEAR, "metadata": {"model": MODEL}}
                    ],
                },
            ),
            (
                "/query",
                {
                    "topK": 5,
                    "vector": LIKE,
                    "namespace": str(ONE),
                    "filter": {"model": {"$eq": MODEL}},
                    "includeValues": False,
                    "includeMetadata": False,
                },
            ),
            ("/vectors/delete", {"namespace": "operators", "ids": [str(stored.id)]}),
            ("/vectors/delete", {"namespace": "operators", "deleteAll": True}),
        ]


async def test_what_weaviates_client_sends() -> None:
    async with weaviate_server() as server:
        index = WeaviateIndex(url=server.url, api_key=KEY, grpc_url=server.grpc_url)
        stored = item(NEAR)
        await index.upsert(ONE, [stored])
        await index.query(ONE, LIKE, 5, model_id=MODEL)
        await index.close()

        name = name_collection(MODEL)
        assert index.name == f"weaviate:{server.url.removeprefix('http://')}"
        assert server.schema[name]["multiTenancyConfig"] == {
            "enabled": True, "autoTenantCreation": True, "autoTenantActivation": True,
        }  # fmt: skip
        default = server.schema[name]["vectorConfig"]["default"]
        assert default["vectorizer"] == {"none": {}}
        assert default["vectorIndexConfig"]["distance"] == "cosine"
        calls = dict(server.requests)
        [sent] = calls["BatchObjects"].objects
        assert (sent.uuid, sent.collection, sent.tenant) == (str(stored.id), name, str(ONE))
        assert not sent.properties.non_ref_properties.fields  # no text leaves Postgres
        asked = calls["Search"]
        assert (asked.collection, asked.tenant, asked.limit) == (name, str(ONE), 5)
        assert asked.metadata.distance
        assert not asked.properties.non_ref_properties


async def test_without_the_client_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pinecone", None)
    monkeypatch.setitem(sys.modules, "weaviate.exceptions", None)

    with pytest.raises(IndexUnavailable, match=r"pip install 'pinecone>="):
        await PineconeIndex(api_key=KEY, index="x").delete_owner(None)
    with pytest.raises(IndexUnavailable, match=r"pip install 'weaviate-client>="):
        await WeaviateIndex(url="x", api_key=None).delete_owner(None)
