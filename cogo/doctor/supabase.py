"""Checks of Supabase: the address, the key, the migrations, Realtime, agents and AI columns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from cogo.config.catalogue import SIMULATED_SYSTEM, must_simulate
from cogo.config.connection import Connection, find_connection
from cogo.config.context import Project
from cogo.doctor.check import Check, CheckStatus, missing, note, ok
from cogo.doctor.columns import check_columns
from cogo.doctor.memory import check_memory
from cogo.errors import CommandError, SettingInvalid
from cogo.wiring.schema_check import find_missing_versions
from cogo.wiring.stores import build_bus, open_supabase_store
from protocol.errors import CogoError, StoreUnavailable, Unauthorized
from protocol.records.agents import are_all_simulated
from protocol.store.instance import InstanceStore
from protocol.store.queue import QueueStore
from protocol.store.spending import SpendingStore
from protocol.topics import TASKS

_REALTIME_SECONDS: Final = 10.0


async def check_supabase(project: Project) -> AsyncIterator[Check]:
    """Check the Supabase of a project; stop when the remaining checks could not succeed."""
    try:
        connection = find_connection(project)
    except CommandError as error:
        yield missing("supabase", str(error), "cogo up")
        return
    async with open_supabase_store(connection) as store:
        schema = await _check_schema(store, connection)
        yield schema
        if schema.name != "migrations":
            return
        if schema.status is CheckStatus.OK:
            yield await check_writes(store)
            yield await check_instance(store, connection.host)
        yield await _check_realtime(connection)
        yield await _check_agents(project, store)
        yield await check_spending(store)
        async for check in check_columns(store):
            yield check
        async for check in check_memory(project, store):
            yield check


async def _check_schema(store: QueueStore, connection: Connection) -> Check:
    try:
        absent = await find_missing_versions(store)
    except Unauthorized:
        name = "the embedded server" if connection.is_embedded else "SUPABASE_SECRET_KEY"
        return missing(
            "supabase key", f"{connection.url} refuses the key of {name}", "correct .env"
        )
    except StoreUnavailable as error:
        fix = "cogo up" if connection.is_embedded else "check SUPABASE_URL and the network"
        return missing("supabase", f"{connection.url} does not answer: {error}", fix)
    if absent:
        return missing("migrations", f"not applied: {', '.join(absent)}", "cogo migrate")
    return ok("migrations", f"{connection.url} has all of them")


async def check_writes(store: QueueStore) -> Check:
    """Check that the database can write; reads succeed even if its disk is full."""
    try:
        await store.check_writes()
    except CogoError as error:
        return missing("database", str(error), "free space on the disk of the database")
    return ok("database", "writes succeed")


async def check_instance(store: InstanceStore, host: str) -> Check:
    """Check that this is the database that was adopted, not a copy of it."""
    try:
        found = await store.fetch_instance(host=host)
    except CogoError as error:
        return missing("instance", str(error), "cogo migrate")
    if found.reason is not None:
        return note(
            "instance",
            f"AI columns, scheduled tasks and what came with a copy stand still: {found.reason}",
            "cogo adopt",
        )
    if found.hosts is None:
        return ok("instance", "the first agent that starts will adopt this database")
    return ok("instance", f"adopted at {', '.join(found.hosts)}")


async def check_spending(store: SpendingStore) -> Check:
    """Check that operators have not stopped spending."""
    try:
        stop = await store.fetch_spending_stop()
    except CogoError as error:
        return missing("spending", str(error), "cogo migrate")
    if stop is not None:
        return note("spending", f"no model is called: {stop.describe()}", "cogo resume-spending")
    return ok("spending", "calls to models may begin")


async def _check_realtime(connection: Connection) -> Check:
    joined = asyncio.Event()
    bus = build_bus(connection)
    try:
        async with (
            asyncio.timeout(_REALTIME_SECONDS),
            bus,
            bus.listen(TASKS, lambda _: None, on_ready=joined.set),
        ):
            await joined.wait()
    except TimeoutError:
        # Everything works without it, only slower.
        return note("realtime", "no channel could be joined; agents poll instead", None)
    except CogoError as error:
        return note("realtime", f"no channel could be joined: {error}", None)
    return ok("realtime", "a private channel was joined")


async def _check_agents(project: Project, store: QueueStore) -> Check:
    try:
        alive = [agent for agent in await store.fetch_agents() if agent.state == "alive"]
    except CogoError as error:
        return missing("agents", str(error), "cogo migrate")
    kinds = {agent.kind for agent in alive}
    if kinds < {"orchestrator", "executor"}:
        return note("agents", f"alive: {', '.join(sorted(kinds)) or 'none'}", "cogo up")
    names = f"alive: {', '.join(sorted(agent.id for agent in alive))}"
    if not are_all_simulated(alive):
        return ok("agents", names)
    with suppress(SettingInvalid):  # the check of models reports it
        if not await must_simulate(project):
            return note("agents", f"{SIMULATED_SYSTEM}; {names}", "cogo up")
    return ok("agents", f"{names}; their answers are simulated")
