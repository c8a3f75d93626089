"""The outer index that the settings name, and what `cogo doctor` says of it."""

import shlex
import sys
from pathlib import Path

import pytest

from cogo.config.context import Project
from cogo.doctor.check import Check, CheckStatus
from cogo.doctor.memory import check_memory_index, check_redis
from cogo.errors import SettingInvalid
from cogo.wiring.memory.index import build_vector_index
from tests.support.stores.pinecone_server import KEY, pinecone_server
from tests.support.stores.weaviate_server import weaviate_server


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a catalogue of the user's own, which needs no trust."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_CATALOGUE", str(tmp_path / "mine.toml"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.toml"
    path.write_text("")
    return path


def name_index(file: Path, name: str) -> None:
    file.write_text(f'[memory]\nindex = "{name}"\n')


async def check() -> list[Check]:
    return [each async for each in check_memory_index(Project.find())]


async def test_without_the_setting_vectors_are_in_postgres_alone() -> None:
    assert build_vector_index(Project.find()) is None
    assert await check() == []


@pytest.mark.parametrize(
    ("index", "given", "why"),
    [
        ("qdrant", {}, "there is no index 'qdrant'; there are pinecone and weaviate"),
        ("pinecone", {}, "PINECONE_API_KEY"),
        ("pinecone", {"PINECONE_API_KEY": "k"}, "PINECONE_INDEX"),
        ("weaviate", {"WEAVIATE_API_KEY": "k"}, "WEAVIATE_URL"),
    ],
)
async def test_what_is_missing_is_named(
    index: str,
    given: dict[str, str],
    why: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name_index(file, index)
    for name, text in given.items():
        monkeypatch.setenv(name, text)

    with pytest.raises(SettingInvalid, match=why):
        build_vector_index(Project.find())
    [found] = await check()
    assert found.status is CheckStatus.MISSING
    assert why in found.detail


async def test_pinecone_says_what_it_holds(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_index(file, "pinecone")
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    async with pinecone_server() as server:
        server.namespaces = {"operators": {"a": ([1.0, 0, 0, 0], {})}}
        monkeypatch.setenv("PINECONE_INDEX", server.url)
        [found] = await check()
        assert found.status is CheckStatus.OK
        assert found.detail == "1 vectors of 4 dimensions in 1 namespaces"

        monkeypatch.setenv("PINECONE_API_KEY", "wrong-key")
        [found] = await check()
        assert found.status is CheckStatus.NOTE
        assert "searches of memory go on without it" in found.detail
        assert "wrong-key" not in str(found)


async def test_weaviate_says_what_it_holds(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_index(file, "weaviate")
    monkeypatch.setenv("WEAVIATE_API_KEY", KEY)
    async with weaviate_server() as server:
        monkeypatch.setenv("WEAVIATE_URL", server.url)
        monkeypatch.setenv("WEAVIATE_GRPC_URL", server.grpc_url)
        [found] = await check()

        assert (found.status, found.detail) == (CheckStatus.OK, "0 collections, one a model")


async def test_without_its_client_doctor_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_index(file, "pinecone")
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    monkeypatch.setenv("PINECONE_INDEX", "memory")
    monkeypatch.setitem(sys.modules, "pinecone", None)

    [found] = await check()

    assert found.name == "pinecone:memory"
    assert found.detail.startswith("the client of Pinecone is not installed; ")
    assert found.fix == f"{shlex.quote(sys.executable)} -m pip install 'pinecone>=10.2,<11'"


async def test_doctor_says_whether_redis_answers(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each async for each in check_redis(Project.find())] == []
    for url, status, why in (
        ("nonsense", CheckStatus.MISSING, "REDIS_URL cannot be used"),
        ("redis://:secret@127.0.0.1:9/0", CheckStatus.NOTE, "it does not answer"),
    ):
        monkeypatch.setenv("REDIS_URL", url)
        [found] = [each async for each in check_redis(Project.find())]
        assert (found.status, why in found.detail) == (status, True), found
        assert "secret" not in str(found)


async def test_under_local_only_no_index_elsewhere_is_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGO_DATA_POLICY", "local-only")
    for name in ("PINECONE_API_KEY", "PINECONE_INDEX", "WEAVIATE_API_KEY"):
        monkeypatch.setenv(name, "k")

    name_index(file, "pinecone")
    with pytest.raises(SettingInvalid, match="local-only, and it sends what it gets to pinecone"):
        build_vector_index(Project.find())

    name_index(file, "weaviate")
    monkeypatch.setenv("WEAVIATE_URL", "https://cluster.example.com")
    with pytest.raises(SettingInvalid, match=r"to cluster\.example\.com"):
        build_vector_index(Project.find())
    monkeypatch.setenv("WEAVIATE_URL", "http://127.0.0.1:8080")
    index = build_vector_index(Project.find())
    assert index is not None
    await index.close()
