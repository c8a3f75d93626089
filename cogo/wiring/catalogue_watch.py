"""What processes know of models, kept fresh while they run: the catalogue file, the listings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from loguru import logger

from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project, overlay_files
from cogo.config.settings import config_directory
from cogo.config.trust import STORE
from cogo.errors import SettingInvalid
from providers.catalogue.catalogue import Catalogue
from providers.errors import MalformedResponse, ProviderError
from providers.router import Router

LOOK_SECONDS: Final = 2.0

Stamp: TypeAlias = tuple[int, int] | None
"""Time and size of a file; None when there is none."""


@asynccontextmanager
async def kept_fresh(
    project: Project, catalogue: Catalogue, *, lister: Router | None = None
) -> AsyncIterator[None]:
    """For the length of the block, take over changes of `cogo.toml`; `lister` asks the listings."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow(project, catalogue), name="catalogue")
        asking = lister and group.create_task(ask_listings(lister), name="listings")
        try:
            yield
        except Exception as error:  # the block's own, which a task group would wrap
            failure = error
        finally:
            following.cancel()
            if asking:
                asking.cancel()
    if failure is not None:
        raise failure


async def follow(
    project: Project, catalogue: Catalogue, *, look_seconds: float = LOOK_SECONDS
) -> None:
    """Reload `catalogue` whenever its files change, until cancelled.

    A file that is not valid, or not what its user trusts, changes nothing; what is wrong with it
    is logged once.
    """
    files = overlay_files(project.settings, project.directory)
    watched = (*files, config_directory() / STORE)  # with trust, too, a file begins to count
    known: list[Stamp] = []  # files are read once more: they may have changed since they were read
    while True:
        await asyncio.sleep(look_seconds)
        now = await asyncio.to_thread(lambda: [_stamp(path) for path in watched])
        if now == known:
            continue
        known = now
        try:
            fresh = await asyncio.to_thread(load_catalogue, project)
        except SettingInvalid as error:
            logger.error("the catalogue file is not valid, the old one stays", error=str(error))
            continue
        if catalogue.adopt(fresh):
            names = [str(path) for path in files]
            logger.info("catalogue reloaded", files=names, models=len(catalogue.models))


async def ask_listings(router: Router) -> None:
    """Ask the providers whose listing decides. One that does not answer is believed as before."""
    for provider in list(router.catalogue.providers.values()):
        if not provider.listing_decides:
            continue
        try:
            listed = await router.list_models(provider.id)
        except MalformedResponse as error:
            logger.warning(
                "a list of models cannot be read, so it removes none",
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


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
