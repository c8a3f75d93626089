"""Release: gives back at once what a dead agent held."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from loguru import logger

from cogo.config.connection import Connection
from cogo.wiring.stores import store_factory
from protocol.errors import CogoError, StoreUnavailable
from protocol.records import ReleaseAnswer
from protocol.store.queue import QueueStore

_PAUSE_SECONDS: Final = 0.25


async def release_leases(connection: Connection, agent_id: str, *, within: timedelta) -> None:
    """Release all leases of an agent that died.

    Asks again until `within` is over: what killed the agent may have hit the database too, and the
    leases would outlast its restart. When nothing helps they run out on their own.
    """
    try:
        async with (
            asyncio.timeout(within.total_seconds()),
            store_factory(connection)() as store,
        ):
            freed = await _released(store, agent_id)
    except (CogoError, TimeoutError) as error:
        logger.warning("leases not released, they will run out", agent=agent_id, error=repr(error))
        return
    logger.info("leases of a dead agent released", agent=agent_id, count=len(freed))


async def _released(store: QueueStore, agent_id: str) -> Sequence[ReleaseAnswer]:
    while True:
        try:
            return await store.release_subtasks(
                agent_id=agent_id, leases=None, reason="died", died=True
            )
        except StoreUnavailable:
            await asyncio.sleep(_PAUSE_SECONDS)
