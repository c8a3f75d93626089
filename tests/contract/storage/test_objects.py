"""Objects through supabase-py, by the policies of storage.objects."""

from typing import Final

import asyncpg
import httpx
import pytest
from storage3.exceptions import StorageApiError
from supabase import AsyncClient

from tests.support.servers.contract_target import Target

PNG: Final = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def folder_of(client: AsyncClient) -> str:
    answer = await client.auth.get_user()
    assert answer
    return answer.user.id


async def test_an_object_is_read_listed_signed_and_removed(alice: AsyncClient, bucket: str) -> None:
    folder, files = await folder_of(alice), alice.storage.from_(bucket)
    path = f"{folder}/2026/a cat, (1)+2.png"

    stored = await files.upload(path, PNG, {"content-type": "image/png", "metadata": {"a": 1}})

    assert stored.full_path == f"{bucket}/{path}"
    assert await files.download(path) == PNG
    assert [(each["name"], each["id"]) for each in await files.list(folder)] == [("2026", None)]
    (listed,) = await files.list(f"{folder}/2026")
    assert listed["name"] == "a cat, (1)+2.png"
    assert listed["metadata"]["size"] == len(PNG)
    assert listed["metadata"]["mimetype"] == "image/png"
    assert await files.list(f"{folder}/2026", {"search": "dog"}) == []
    info = await files.info(path)
    assert (info["size"], info["content_type"], info["metadata"]) == (108, "image/png", {"a": 1})
    signed = await files.create_signed_url(path, 60, {"download": "cat.png"})
    async with httpx.AsyncClient() as http:
        answer = await http.get(str(signed["signedUrl"]))
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert "cat.png" in answer.headers["content-disposition"]
    assert [each["name"] for each in await files.remove([path, "none.png"])] == [path]
    assert await files.exists(path) is False


async def test_others_neither_see_nor_change_it(
    alice: AsyncClient, bob: AsyncClient, bucket: str
) -> None:
    path = f"{await folder_of(alice)}/cat.png"
    await alice.storage.from_(bucket).upload(path, PNG, {"content-type": "image/png"})
    hers = bob.storage.from_(bucket)

    for call in (
        hers.download(path),
        hers.info(path),
        hers.create_signed_url(path, 60),
    ):
        with pytest.raises(StorageApiError) as caught:
            await call
        assert (str(caught.value.status), caught.value.message) == ("404", "Object not found")
    assert await hers.remove([path]) == []
    assert await hers.list("") == []
    for upsert in ("false", "true"):
        with pytest.raises(StorageApiError) as caught:
            await hers.upload(path, b"mine", {"content-type": "image/png", "upsert": upsert})
        assert str(caught.value.status) in {"403", "409"}
    assert await alice.storage.from_(bucket).download(path) == PNG


async def test_an_upload_replaces_an_object_only_if_it_says_so(
    alice: AsyncClient, bucket: str
) -> None:
    files, path = alice.storage.from_(bucket), f"{await folder_of(alice)}/note.txt"
    await files.upload(path, b"first")

    with pytest.raises(StorageApiError, match="The resource already exists"):
        await files.upload(path, b"second")
    assert await files.download(path) == b"first"

    await files.upload(path, b"third", {"upsert": "true"})
    assert await files.download(path) == b"third"
    await files.update(path, b"fourth")
    assert await files.download(path) == b"fourth"
    await files.update(path, b"")
    assert await files.download(path) == b""


@pytest.mark.parametrize(
    ("content", "media_type", "problem"),
    [
        (bytes(1001), "image/png", "413.*exceeded the maximum allowed size"),
        (b"{}", "application/json", "415.*mime type application/json is not supported"),
    ],
)
async def test_a_bucket_has_limits(
    alice: AsyncClient, bucket: str, content: bytes, media_type: str, problem: str
) -> None:
    path = f"{await folder_of(alice)}/file"

    with pytest.raises(StorageApiError, match=problem):
        await alice.storage.from_(bucket).upload(path, content, {"content-type": media_type})

    assert await alice.storage.from_(bucket).exists(path) is False


async def test_users_make_no_buckets_and_see_none(
    alice: AsyncClient, service: AsyncClient, bucket: str
) -> None:
    with pytest.raises(StorageApiError, match="row-level security"):
        await alice.storage.create_bucket(f"{bucket}-2")
    assert bucket not in {each.id for each in await alice.storage.list_buckets()}
    assert bucket in {each.id for each in await service.storage.list_buckets()}
    with pytest.raises(StorageApiError, match="Bucket not found"):
        await alice.storage.from_("none").upload("cat.png", PNG)


async def test_a_bucket_is_changed_and_deleted_when_it_is_empty(
    service: AsyncClient, bucket: str
) -> None:
    files = service.storage.from_(bucket)
    await files.upload("cat.png", PNG, {"content-type": "image/png"})

    with pytest.raises(StorageApiError, match="not empty"):
        await service.storage.delete_bucket(bucket)
    with pytest.raises(StorageApiError, match="The resource already exists"):
        await service.storage.create_bucket(bucket)
    await service.storage.update_bucket(bucket, {"public": True})

    assert (await service.storage.get_bucket(bucket)).public is True
    assert (await service.storage.get_bucket(bucket)).file_size_limit == 1000
    async with httpx.AsyncClient() as http:
        answer = await http.get(await files.get_public_url("cat.png"))
        missing = await http.get(await files.get_public_url("none.png"))
    assert answer.content == PNG
    assert missing.json()["statusCode"] == "404"


async def test_a_row_without_a_file_is_no_object(
    contract_target: Target, service: AsyncClient, bucket: str
) -> None:
    connection = await asyncpg.connect(contract_target.db_url)
    try:
        await connection.execute(
            "insert into storage.objects (bucket_id, name, version)"
            " values ($1, 'a.png', '../../state.json'), ($1, 'b.png', null)",
            bucket,
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="Use the Storage API"):
            await connection.execute("delete from storage.objects")
    finally:
        await connection.close()

    for name in ("a.png", "b.png"):
        with pytest.raises(StorageApiError, match="Object not found"):
            await service.storage.from_(bucket).download(name)
    assert len(await service.storage.from_(bucket).remove(["a.png", "b.png"])) == 2
