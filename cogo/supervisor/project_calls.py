"""Requests of `cogo up` itself to the project.

Imported late, because importing Supabase's client is slow.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from loguru import logger

from cogo.config.connection import Connection
from cogo.config.local_gateway import create_sign_in_link, write_local_gateway
from cogo.wiring.schema_check import check_database_schema
from cogo.wiring.stores import build_cli_operator, open_supabase_store
from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import ReleaseAnswer
from protocol.records.agents import SILENT_AFTER
from protocol.store.operator import set_operator
from protocol.store.queue import QueueStore

_PAUSE_SECONDS: Final = 0.25


async def check_project(connection: Connection) -> None:
    """Raise MigrationMissing unless the project has all migrations."""
    async with open_supabase_store(connection) as store:
        await check_database_schema(store)


async def find_copy_reason(connection: Connection) -> str | None:
    """Return why nothing runs by itself in the project's database; None if it does."""
    async with open_supabase_store(connection) as store:
        return (await store.fetch_instance(host=connection.host)).reason


async def publish_gateway(
    home: Path, connection: Connection, url: str, *, needs_key: bool, opens_console: bool
) -> str | None:
    """Write the gateway's address, with a key; return an address of the console.

    Returns None if a key is needed and no sign-in link was requested.
    """
    async with open_supabase_store(connection) as store:
        set_operator(build_cli_operator())
        await write_local_gateway(home, store, url, is_keyless=not needs_key)
        if not needs_key:
            return f"{url}/"
        return await create_sign_in_link(store, url) if opens_console else None


async def release_leases(connection: Connection, agent_id: str, *, within: timedelta) -> None:
    """Release all leases of an agent that died.

    Retries for up to `within`: the cause of the death may affect the database too, and the leases
    would outlast the agent's restart. If all attempts fail, the leases expire.
    """
    try:
        async with (
            asyncio.timeout(within.total_seconds()),
            open_supabase_store(connection) as store,
        ):
            released = await _release(store, agent_id)
    except (CogoError, TimeoutError) as error:
        logger.warning("leases not released, they will expire", agent=agent_id, error=repr(error))
        return
    logger.info("leases of a dead agent released", agent=agent_id, count=len(released))


async def mark_agent_stopped(
    connection: Connection, agent_id: str, *, stopping: asyncio.Event
) -> None:
    """Record that a dead agent has stopped; for an executor, once others serve its lanes.

    Until then requests for its models wait for its successor; if no agent served them, they would
    be refused. Gives up when `stopping` is set, or when the agent counts as silent anyway.
    """
    with suppress(CogoError, TimeoutError):
        async with (
            asyncio.timeout(SILENT_AFTER.total_seconds()),
            open_supabase_store(connection) as store,
        ):
            while not await _mark_if_replaced(store, agent_id):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE_SECONDS):
                        await stopping.wait()
                        return


async def _mark_if_replaced(store: QueueStore, agent_id: str) -> bool:
    """Return False if the agent must not, or cannot, be marked yet."""
    try:
        agents = await store.fetch_agents()
        dead = next((each for each in agents if each.id == agent_id), None)
        if dead is None or dead.stopped_at is not None:
            return True
        served = {
            lane for each in agents if each.serves and each is not dead for lane in each.lanes
        }
        if dead.kind == "executor" and not served.issuperset(dead.lanes):
            return False
        await store.record_agent(dead.model_copy(update={"stopped_at": utc_now(), "running": 0}))
    except StoreUnavailable:
        return False
    return True


async def _release(store: QueueStore, agent_id: str) -> Sequence[ReleaseAnswer]:
    while True:
        try:
            return await store.release_subtasks(
                agent_id=agent_id, leases=None, reason="died", died=True
            )
        except StoreUnavailable:
            await asyncio.sleep(_PAUSE_SECONDS)
