"""Models that are served: they never need more memory than there is, and end cleanly."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cogo.config.catalogue import KeySource
from cogo.config.context import Project
from cogo.config.local_model import (
    PROVIDER,
    HostedModel,
    find_last_port,
    find_served_model,
    get_served_directory,
    list_served_urls,
    read_served_models,
    remove_served_model,
    wait_until_served,
    write_served_model,
)
from cogo.errors import CommandError
from cogo.local_model import serving
from cogo.local_model.library import InstalledModel
from cogo.local_model.measured import (
    MeasuredReader,
    forget_measured,
    is_measured,
    record_measured,
)
from cogo.local_model.serving import reserve_model
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.catalogue.open_models import Measured
from tests.support.models.gguf import build_gguf

MB = 1_000_000
HEADER = build_gguf(
    {
        "general.architecture": "llama",
        "llama.context_length": 2048,
        "llama.vocab_size": 1000,
        "llama.block_count": 1,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 1,
    }
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def a_model(tmp_path: Path, alias: str, *, size: int = 300 * MB) -> InstalledModel:
    path = tmp_path / alias
    path.write_bytes(HEADER)
    return InstalledModel(alias=alias, source="hf:a/b/c.gguf", path=path, size=size, sha256="0")


def served(alias: str, **changes: Any) -> HostedModel:
    values = {"supervisor": os.getpid(), "memory": 1, "context": 1, "parallel": 1, "threads": 1}
    return HostedModel(alias=alias, idle_seconds=0, file="", **(values | changes))


def test_two_models_share_the_memory_and_a_third_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "measure_free_memory", lambda: 1_500 * MB)
    first, second, third = (a_model(tmp_path, name) for name in ("one", "two", "three"))

    with reserve_model(first, idle_seconds=0) as one, reserve_model(second, idle_seconds=0) as two:
        assert one.is_ours
        assert two.served.memory > second.size
        with (
            pytest.raises(CommandError, match=r"three needs \d+ MB.*beside one, two: stop one"),
            reserve_model(third, idle_seconds=0),
        ):
            pass
        assert [each.alias for each in read_served_models()] == ["one", "two"]

    assert read_served_models() == []
    with reserve_model(third, idle_seconds=0) as now:
        assert now.is_ours


def test_a_model_that_is_served_already_is_used_as_it_is(tmp_path: Path) -> None:
    model = a_model(tmp_path, "one")

    with (
        reserve_model(model, idle_seconds=0) as ours,
        reserve_model(model, idle_seconds=0) as again,
    ):
        assert not again.is_ours
        assert again.served == ours.served
    assert find_served_model("one") is None


async def test_the_first_model_that_starts_is_waited_for_and_no_other() -> None:
    folder = get_served_directory()
    folder.mkdir(parents=True)
    long = timedelta(seconds=60)
    assert not await wait_until_served(within=long)  # nothing is starting

    write_served_model(folder, served("broken"))
    write_served_model(folder, served("fine"))
    assert not await wait_until_served(within=timedelta(milliseconds=200))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait_until_served(within=long))
        await asyncio.sleep(0)
        assert not waiting.done()
        ready = served("fine", url="http://127.0.0.1:9/v1", pid=os.getpid())
        write_served_model(folder, ready)
    assert waiting.result()


def test_a_port_is_kept_for_one_model() -> None:
    folder = get_served_directory()
    folder.mkdir(parents=True)
    assert find_last_port("one") is None
    for alias in ("one", "two"):
        write_served_model(folder, served(alias, url="http://127.0.0.1:1234/v1", pid=1))
    assert (find_last_port("one"), find_last_port("two")) == (None, 1234)
    for hostile in ("", "-5", "70000", "\N{SUPERSCRIPT TWO}", "9" * 5_000):
        (folder / "two.port").write_text(hostile, encoding="utf-8")
        assert find_last_port("two") is None


def test_what_a_process_that_died_reserved_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "measure_free_memory", lambda: 1_000 * MB)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    get_served_directory().mkdir(parents=True)
    write_served_model(get_served_directory(), served("lost", supervisor=gone.pid, memory=10**12))

    assert read_served_models() == []
    with reserve_model(a_model(tmp_path, "one"), idle_seconds=0) as hosting:
        assert hosting.is_ours


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"alias": "x"}', '{"alias": "y", "supervisor": 1, "memory": "much"}', "\0"],
)
def test_a_broken_file_is_no_served_model(content: str) -> None:
    folder = get_served_directory()
    folder.mkdir(parents=True)
    write_served_model(folder, served("good", pid=os.getpid(), url="http://127.0.0.1:1/v1"))
    write_served_model(folder, served("starting"))
    (folder / "x.json").write_text(content)

    assert [each.alias for each in read_served_models()] == ["good", "starting"]
    assert list_served_urls() == ["http://127.0.0.1:1/v1"]


def test_a_file_that_is_no_model_cannot_be_served(tmp_path: Path) -> None:
    model = a_model(tmp_path, "one")
    model.path.write_bytes(b"<html>")

    with (
        pytest.raises(CommandError, match=r"one cannot be read.*pull it again"),
        reserve_model(model, idle_seconds=0),
    ):
        pass


def test_measurements_are_kept_by_version_and_read_again_when_they_change() -> None:
    read = MeasuredReader()
    measured = Measured(tokens_per_s=70.5, first_token_s=0.02, measured_at="2026-11-30T01:00:00Z")
    assert read("local-model/a") is None

    record_measured("local-model/a", "file server-1", measured)

    assert read("local-model/a") == measured
    assert is_measured("local-model/a", "file server-1")
    assert not is_measured("local-model/a", "file server-2")
    forget_measured("local-model/a")
    assert read("local-model/a") is None


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"version": "1"}}', "\0"])
def test_a_broken_record_of_measurements_is_no_record(cache: Path, content: str) -> None:
    (cache / "cogo").mkdir()
    (cache / "cogo" / "measured-models.json").write_text(content)

    assert MeasuredReader()("a") is None
    assert not is_measured("a", "1")


def test_servers_that_start_and_end_are_read_with_the_credentials(tmp_path: Path) -> None:
    catalogue = Catalogue.load()
    source = KeySource(Project.find(tmp_path / "home"), catalogue)
    assert PROVIDER not in source.read()
    folder = get_served_directory()
    folder.mkdir(parents=True)
    urls = [f"http://127.0.0.1:{port}/v1" for port in (1, 2)]
    for alias, url in zip(("a", "b"), urls, strict=True):
        write_served_model(folder, served(alias, pid=os.getpid(), url=url))

    found = source.reread(urgent=False)[PROVIDER]

    assert (found.key, found.base_url, found.more_urls) == (None, urls[0], (urls[1],))
    remove_served_model(folder, "a")
    assert source.read()[PROVIDER] == Credential(base_url=urls[1])
