"""Processes reload the catalogue when its files change."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from loguru import logger

from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.settings import Settings, config_directory
from cogo.config.trust import TrustStore
from cogo.wiring.catalogue_watch import reload_changes, watch_catalogue
from providers.catalogue.catalogue import Catalogue
from providers.router import Router
from tests.support.eventually import eventually

MINE = """
[models."mine"]
name = "Mine"
maker = "Us"
deployments = [{ provider = "openai-compatible", model = "m" }]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("COGO_CATALOGUE", "DEFAULT_MODEL", "FIREWORKS_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "no.env"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    config_directory().mkdir(parents=True)
    return Project(settings=Settings.load(tmp_path), home=tmp_path, directory=tmp_path)


def save(file: Path, text: str) -> None:
    """Write as an editor does: a reader never sees half of it."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


def trust(folder: Path) -> None:
    TrustStore.load(config_directory()).with_folder(folder).save(config_directory())


@contextmanager
def logged_errors() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message.record["extra"].get("error", ""))))
    try:
        yield said
    finally:
        logger.remove(sink)


@asynccontextmanager
async def following(project: Project) -> AsyncIterator[Catalogue]:
    catalogue = load_catalogue(project)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            reload_changes(project, catalogue, poll_seconds=0.01), name="follow"
        )
        await asyncio.sleep(0)
        try:
            yield catalogue
        finally:
            task.cancel()


async def test_a_file_that_appears_changes_and_goes_is_followed(project: Project) -> None:
    file = config_directory() / "cogo.toml"
    async with following(project) as catalogue:
        assert "mine" not in catalogue.models
        save(file, MINE)
        await eventually(lambda: "mine" in catalogue.models, within=10)
        save(file, MINE.replace('"Mine"', '"Mine too"'))
        await eventually(lambda: catalogue.models["mine"].name == "Mine too", within=10)
        assert catalogue.resolve("mine too").model.id == "mine"
        file.unlink()
        await eventually(lambda: "mine" not in catalogue.models, within=10)


async def test_an_invalid_file_keeps_the_old_catalogue_and_is_logged(project: Project) -> None:
    file = config_directory() / "cogo.toml"
    save(file, MINE)
    with logged_errors() as said:
        async with following(project) as catalogue:
            save(file, MINE + "colour = 'red'\n")
            await eventually(lambda: any("colour" in text for text in said), within=10)
            assert any(str(file) in text for text in said)
            assert "mine" in catalogue.models


async def test_a_trusted_file_that_changes_counts_again_when_it_is_trusted_again(
    project: Project,
) -> None:
    file = project.directory / "cogo.toml"
    save(file, MINE)
    trust(project.directory)
    with logged_errors() as said:
        async with following(project) as catalogue:
            save(file, MINE.replace('"Mine"', '"Somebody else\'s"'))
            await eventually(lambda: any("cogo trust" in text for text in said), within=10)
            assert catalogue.models["mine"].name == "Mine"

            trust(project.directory)

            await eventually(lambda: catalogue.models["mine"].name != "Mine", within=10)


async def test_an_error_inside_the_block_is_not_wrapped(project: Project) -> None:
    async with Router(load_catalogue(project), {}) as router:
        with pytest.raises(ValueError, match="own"):
            async with watch_catalogue(project, router.catalogue):
                raise ValueError("own")
