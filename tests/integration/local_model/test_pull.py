"""Downloads of weights: resumed, verified, and never mixed, whatever the server does."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest
from pydantic import SecretStr

from cogo.errors import CommandError, UsageError
from cogo.local_model import pull as pull_module
from cogo.local_model.library import (
    InstalledModel,
    find_installed_model,
    get_models_directory,
    list_installed_models,
    remove_model,
)
from cogo.local_model.pull import count_partial, download
from cogo.local_model.sources import Hub, Order, resolve_hub, resolve_url
from providers.adapters.weights.client import WeightsUnavailable, open_http
from tests.support.models.file_server import FileServer, serve_file
from tests.support.models.gguf import build_gguf

CONTENT: Final = build_gguf(
    {"general.architecture": "llama", "llama.context_length": 2048, "general.file_type": 15},
    weights=os.urandom(3_000_000),
)
NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)
ROOM: Final = 64 * 10**9


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@asynccontextmanager
async def ordered(**behaviour: object) -> AsyncIterator[tuple[FileServer, Order]]:
    """Serve the file; yield the server with what the hub says of the file."""
    async with serve_file(CONTENT, **behaviour) as server:
        hub = Hub(endpoint=server.url)
        async with (
            open_http(follows_redirects=True) as http,
            open_http(is_download=True) as downloads,
        ):
            order = await resolve_hub(http, downloads, "hf:a/b:Q4_K_M", hub, room=ROOM)
        yield server, order


async def fetch(order: Order, shown: list[int] | None = None) -> InstalledModel:
    async with open_http(is_download=True) as http:
        return await download(
            http,
            order,
            at=NOW,
            show=lambda done, _: (shown if shown is not None else []).append(done),
            on_wait=lambda: None,
            pause=0.01,
        )


def partials() -> list[str]:
    folder = get_models_directory() / ".partial"
    return [each.name for each in folder.glob("*") if each.suffix != ".lock"]


async def test_a_file_of_the_hub_is_downloaded_and_verified() -> None:
    shown: list[int] = []
    async with ordered() as (server, order):
        model = await fetch(order, shown)

    assert model == find_installed_model("model-q4_k_m")
    assert model == find_installed_model("local-model/model-Q4_K_M")
    assert model.path.read_bytes() == CONTENT
    assert (model.sha256, model.size, model.pulled_at) == (server.sha256, len(CONTENT), NOW)
    assert model.source == "hf:a/b/model-Q4_K_M.gguf"
    assert model.check_file() == "verified"
    assert order.facts.context == 2048
    assert shown == sorted(shown)
    assert shown[-1] == len(CONTENT)
    assert partials() == []
    assert remove_model(model) == len(CONTENT)
    assert list_installed_models() == []


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without ranges"])
async def test_a_connection_that_is_cut_again_and_again_is_resumed(ranges: bool) -> None:
    async with ordered(ranges=ranges, cuts=[1_000_000, 1_500_000]) as (server, order):
        model = await fetch(order)

    assert model.path.read_bytes() == CONTENT
    if ranges:
        assert [each.rpartition(" ")[2] for each in server.asked[1:]] == ["0", "1000000", "2500000"]
    else:
        assert len(server.asked) == 4


async def test_a_server_that_brings_nothing_is_given_up_and_what_arrived_is_kept() -> None:
    async with ordered(cuts=[1_000_000, *[0] * 9]) as (server, order):
        with pytest.raises(WeightsUnavailable, match="1 MB are kept: run the command again"):
            await fetch(order)

        assert count_partial(order.sha256) == 1_000_000
        assert list_installed_models() == []
        server.cuts.clear()
        begin = len(server.asked)
        model = await fetch(order)

    assert [each.rpartition(" ")[2] for each in server.asked[begin:]] == ["1000000"]
    assert model.path.read_bytes() == CONTENT


async def test_a_download_that_is_interrupted_goes_on_where_it_stopped() -> None:
    async with ordered(pause=0.02) as (server, order):
        arrived = asyncio.Event()

        async def interrupted() -> None:
            async with open_http(is_download=True) as http:
                await download(
                    http,
                    order,
                    at=NOW,
                    show=lambda done, _: arrived.set() if done > 500_000 else None,
                    on_wait=lambda: None,
                )

        async with asyncio.TaskGroup() as group:
            task = group.create_task(interrupted())
            await arrived.wait()
            task.cancel()
        kept = count_partial(order.sha256)
        assert 500_000 < kept < len(CONTENT)
        server.pause = 0
        model = await fetch(order)

    assert server.asked[-1].endswith(f" {kept}")
    assert model.path.read_bytes() == CONTENT


async def test_a_wrong_checksum_deletes_the_file_and_says_so() -> None:
    async with ordered() as (server, order):
        server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
        with pytest.raises(CommandError, match=f"another checksum.*instead of {order.sha256}"):
            await fetch(order)

    assert partials() == []
    assert list_installed_models() == []


@pytest.mark.parametrize("name", ["{}", "{}.lock"])
async def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    async with ordered() as (_, order):
        folder = get_models_directory() / ".partial"
        folder.mkdir(parents=True)
        (folder / name.format(order.sha256)).symlink_to(victim)
        with pytest.raises(CommandError, match="it is a link, which is not followed: delete it"):
            await fetch(order)

    assert victim.read_text() == "mine"


async def test_a_linked_folder_is_neither_written_nor_removed(tmp_path: Path) -> None:
    async with ordered() as (_, order):
        model = await fetch(order)
        folder, moved = model.path.parent, tmp_path / "moved"
        folder.rename(moved)
        folder.symlink_to(moved)
        with pytest.raises(CommandError, match=r"is a link to .*moved, which is not followed"):
            remove_model(model)
        assert find_installed_model(model.alias) == model

        model.path.write_bytes(b"changed")
        with pytest.raises(CommandError, match="is a link to"):
            await fetch(order)

    assert (moved / model.path.name).read_bytes() == b"changed"


async def test_folders_of_models_are_their_owners() -> None:
    async with ordered() as (_, order):
        model = await fetch(order)

    folder = get_models_directory()
    for each in (folder.parent, folder, folder / ".partial", model.path.parent):
        assert each.stat().st_mode & 0o777 == 0o700


async def test_what_is_left_of_another_content_never_becomes_part_of_a_model() -> None:
    async with ordered() as (_, order):
        folder = get_models_directory() / ".partial"
        folder.mkdir(parents=True)
        (folder / order.sha256).write_bytes(b"x" * 100_000)
        with pytest.raises(CommandError, match="another checksum"):
            await fetch(order)

        assert (await fetch(order)).path.read_bytes() == CONTENT


async def test_a_file_that_is_no_model_is_refused_before_and_after_its_download() -> None:
    page = b"<html>" + bytes(100_000)
    async with serve_file(page) as server:
        url = f"{server.url}/{server.path}"
        async with open_http(is_download=True) as http:
            with pytest.raises(CommandError, match="does not begin like a GGUF file"):
                await resolve_url(http, url, server.sha256)
        order = Order(source=url, alias="page", url=url, sha256=server.sha256, size=len(page))
        with pytest.raises(CommandError, match="is not a model"):
            await fetch(order)

    assert partials() == []


async def test_two_pulls_at_once_of_one_model_download_it_once() -> None:
    waits = []
    async with ordered(pause=0.005) as (server, order), open_http(is_download=True) as http:
        begin = len(server.asked)

        async def pull() -> InstalledModel:
            return await download(
                http,
                order,
                at=NOW,
                show=lambda _done, _size: None,
                on_wait=lambda: waits.append(1),
            )

        async with asyncio.TaskGroup() as group:
            pulls = [group.create_task(pull()) for _ in range(2)]

    assert pulls[0].result() == pulls[1].result()
    assert len(server.asked) - begin == 1
    assert waits == [1]


async def test_a_url_needs_a_checksum_and_its_alias_is_its_file_name() -> None:
    async with serve_file(CONTENT) as server, open_http(is_download=True) as http:
        url = f"{server.url}/files/{server.path}?download=true"
        with pytest.raises(UsageError, match="--sha256"):
            await resolve_url(http, url, None)
        order = await resolve_url(http, url, server.sha256)
        model = await fetch(order)

    assert model.alias == "model-Q4_K_M"
    assert order.size == len(CONTENT)


async def test_a_listing_that_claims_more_than_the_disk_has_is_refused_before_anything() -> None:
    async with ordered(listed={"size": 10**16}) as (server, order):
        asked = len(server.asked)
        with pytest.raises(CommandError, match=r"MB of free disk; .* MB more are needed"):
            await fetch(order)

    assert len(server.asked) == asked
    assert partials() == []


@pytest.mark.parametrize(
    "size", [-1, 2**70, "3000000", None, True], ids=["negative", "huge", "text", "none", "true"]
)
async def test_a_listing_with_an_impossible_size_lists_nothing(size: object) -> None:
    with pytest.raises(CommandError, match="it has no GGUF file"):
        async with ordered(listed={"size": size}):
            pass


async def test_a_server_that_sends_more_than_the_file_has_is_cut_off() -> None:
    async with ordered() as (server, order):
        server.extra, server.ranges = b"more", False
        with pytest.raises(WeightsUnavailable, match=r"has a file of .* bytes instead of"):
            await fetch(order)
        server.endless = True
        with pytest.raises(WeightsUnavailable, match="sends more than the file has"):
            await fetch(order)

    assert count_partial(order.sha256) <= len(CONTENT)
    assert list_installed_models() == []


async def test_a_file_without_a_size_does_not_fill_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = iter([10**12, 10**12, 0])
    monkeypatch.setattr(pull_module, "_CHECK_DISK", 500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    async with serve_file(CONTENT, endless=True) as server:
        url = f"{server.url}/{server.path}"
        order = Order(source=url, alias="a", url=url, sha256=server.sha256, size=None)
        with pytest.raises(CommandError, match="0 MB of free disk"):
            await fetch(order)


async def test_a_disk_that_is_full_in_the_middle_keeps_what_arrived() -> None:
    def fill(done: int, _size: int | None) -> None:
        if done > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    async with ordered() as (_, order), open_http(is_download=True) as http:
        with pytest.raises(CommandError, match=r"is full; \d MB are kept: free some space"):
            await download(http, order, at=NOW, show=fill, on_wait=lambda: None)
        assert 1_000_000 <= count_partial(order.sha256) < len(CONTENT)

        assert (await fetch(order)).path.read_bytes() == CONTENT


async def test_a_gated_repository_says_what_to_do_and_the_key_opens_it() -> None:
    async with serve_file(CONTENT, token="hf_secret") as server:
        async with (
            open_http(follows_redirects=True) as http,
            open_http(is_download=True) as downloads,
        ):
            with pytest.raises(WeightsUnavailable, match=r"refuses access \(HTTP 401\)"):
                hub = Hub(endpoint=server.url)
                await resolve_hub(http, downloads, "hf:a/b", hub, room=ROOM)
            hub = Hub(endpoint=server.url, token=SecretStr("hf_secret"))
            order = await resolve_hub(http, downloads, "hf:a/b", hub, room=ROOM)

        assert (await fetch(order)).path.read_bytes() == CONTENT


async def test_a_new_version_replaces_the_old_one_only_when_it_is_verified() -> None:
    async with ordered() as (_, order):
        old = await fetch(order)
    new_content = CONTENT[:-1000] + os.urandom(1000)
    async with serve_file(new_content) as server:
        new = Order(
            source=order.source,
            alias=order.alias,
            url=f"{server.url}/{server.path}",
            sha256=server.sha256,
            size=len(new_content),
        )
        server.content = CONTENT
        with pytest.raises(CommandError, match="another checksum"):
            await fetch(new)
        assert find_installed_model(order.alias) == old
        assert old.path.read_bytes() == CONTENT
        server.content = new_content
        model = await fetch(new)

    assert find_installed_model(order.alias) == model
    assert model.path.read_bytes() == new_content
    assert [each.name for each in model.path.parent.iterdir() if each != model.path] == [
        "model.json"
    ]


async def test_a_file_that_was_changed_afterwards_is_seen_and_downloaded_again() -> None:
    async with ordered() as (_, order):
        model = await fetch(order)
        model.path.write_bytes(b"GGUF")
        assert model.check_file() == "changed"
        model.path.unlink()
        assert model.check_file() == "missing"

        again = await fetch(order)

    assert again.check_file() == "verified"
    assert again.path.read_bytes() == CONTENT
