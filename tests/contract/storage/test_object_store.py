"""Objects as executors read them, whoever owns them."""

from collections.abc import AsyncIterator

import pytest
from supabase import AsyncClient

from protocol.errors import NotFound, StoreUnavailable, TooLarge, Unauthorized
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.support.servers.contract_target import Target
from tests.support.servers.raw_http import build_answer, serve_raw


@pytest.fixture
async def store(contract_target: Target) -> AsyncIterator[SupabaseStore]:
    async with open_store(contract_target.url, contract_target.secret_key) as opened:
        yield opened


async def test_objects_are_read_by_their_names(
    store: SupabaseStore, service: AsyncClient, bucket: str
) -> None:
    for name in ("a.txt", "2026/it's (1)+2, & $3 = @4;.txt"):
        await service.storage.from_(bucket).upload(name, name.encode())
        assert await store.fetch_object(bucket=bucket, path=name, most=100) == name.encode()


async def test_what_cannot_be_read_is_told_apart(
    store: SupabaseStore, service: AsyncClient, bucket: str, contract_target: Target
) -> None:
    await service.storage.from_(bucket).upload("a.txt", bytes(900))

    with pytest.raises(TooLarge, match="it has 900 bytes"):
        await store.fetch_object(bucket=bucket, path="a.txt", most=899)
    with pytest.raises(NotFound, match="Object not found"):
        await store.fetch_object(bucket=bucket, path="none.txt", most=100)
    with pytest.raises(NotFound, match="Bucket not found"):
        await store.fetch_object(bucket="none", path="a.txt", most=100)
    async with open_store(contract_target.url, "sb_secret_wrong") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.fetch_object(bucket=bucket, path="a.txt", most=100)


async def test_a_name_is_sent_as_it_was_checked() -> None:
    async with serve_raw() as server, open_store(server.url(""), "key") as store:
        server.answers["/storage/v1/object/photos/mine%252Fa.png"] = build_answer(b"mine")

        assert await store.fetch_object(bucket="photos", path="mine%2Fa.png", most=10) == b"mine"


@pytest.mark.parametrize(
    "answer",
    [
        build_answer(b"x" * 50, "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        build_answer(b"<html>", status="502 Bad Gateway"),
        build_answer(b"[" * 100_000, status="500 Failed"),
    ],
)
async def test_a_storage_in_trouble_may_be_asked_later(answer: bytes) -> None:
    async with serve_raw() as server, open_store(server.url(""), "key") as store:
        server.answers["/storage/v1/object/photos/a.png"] = answer

        with pytest.raises(StoreUnavailable):
            await store.fetch_object(bucket="photos", path="a.png", most=10)
