"""Reloads the catalogue while a process runs: its files, and the lists of providers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from loguru import logger

from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project, find_overlay_files
from cogo.config.settings import config_directory
from cogo.config.trust import STORE
from cogo.errors import SettingInvalid
from providers.catalogue.catalogue import Catalogue
from providers.errors import MalformedResponse, ProviderError
from providers.router import Router

POLL_SECONDS: Final = 2.0

FileVersion: TypeAlias = tuple[int, int] | None
"""Time and size of a file; None if it does not exist."""


@asynccontextmanager
async def watch_catalogue(
    project: Project,
    catalogue: Catalogue,
    *,
    lister: Router | None = None,
    ready: asyncio.Event | None = None,
) -> AsyncIterator[None]:
    """Reload `catalogue` for the duration of the block.

    `lister` requests the lists once `ready` is set, because that imports SDKs.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        reloading = group.create_task(reload_changes(project, catalogue), name="catalogue")
        listing = lister and group.create_task(_list_when(ready, lister), name="listings")
        try:
            yield
        except Exception as error:  # of the block, which a task group would wrap
            failure = error
        finally:
            reloading.cancel()
            if listing:
                listing.cancel()
    if failure is not None:
        raise failure


async def _list_when(ready: asyncio.Event | None, lister: Router) -> None:
    if ready is not None:
        await ready.wait()
    await load_listings(lister)


async def reload_changes(
    project: Project, catalogue: Catalogue, *, poll_seconds: float = POLL_SECONDS
) -> None:
    """Reload `catalogue` whenever its files change, until cancelled.

    A file that is invalid or not trusted changes nothing; the error is logged once.
    """
    files = find_overlay_files(project.settings, project.directory)
    watched = (*files, config_directory() / STORE)  # a file also counts once it is trusted
    known: list[FileVersion] = []  # empty, since files may have changed after they were loaded
    while True:
        await asyncio.sleep(poll_seconds)
        now = await asyncio.to_thread(lambda: [_read_version(path) for path in watched])
        if now == known:
            continue
        known = now
        try:
            fresh = await asyncio.to_thread(load_catalogue, project)
        except SettingInvalid as error:
            logger.error("invalid catalogue file, the old one is kept", error=str(error))
            continue
        if catalogue.replace_with(fresh):
            names = [str(path) for path in files]
            logger.info("catalogue reloaded", files=names, models=len(catalogue.models))


async def load_listings(router: Router) -> None:
    """Request the lists of providers whose unlisted models are removed.

    The models of a provider that does not answer are kept.
    """
    for provider in list(router.catalogue.providers.values()):
        if not provider.listing_decides:
            continue
        try:
            listed = await router.list_models(provider.id)
        except MalformedResponse as error:
            logger.warning(
                "invalid list of models, none are removed",
                provider=provider.id,
                error=str(error),
            )
            continue
        except ProviderError as error:
            logger.debug("no list of models", provider=provider.id, reason=str(error))
            continue
        gone = [
            model.id
            for model in router.catalogue.models.values()
            for entry in model.deployments
            if entry.provider == provider.id
            and router.listings.lacks(model, provider.id, entry.model)
        ]
        logger.info(
            "models listed", provider=provider.id, count=len(listed), not_served_any_more=gone
        )


def _read_version(path: Path) -> FileVersion:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
