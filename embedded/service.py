"""The whole embedded server: Postgres, keys, HTTP server and state file."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from embedded.binding import LOOPBACK, bind_port, build_url
from embedded.errors import DirectoryInUse, PortInUse
from embedded.faults.controller import FaultController
from embedded.faults.freeze import Freezer
from embedded.keys import Keys, load_keys
from embedded.postgres.bootstrap import build_default_privileges_sql
from embedded.postgres.cluster import Postgres
from embedded.postgres.database import Database, open_database
from embedded.realtime.hub import open_realtime
from embedded.realtime.limits import RealtimeLimits
from embedded.server import create_supabase_app, serve_app
from embedded.state import State, is_alive, mark_stopped, read_state, write_state
from embedded.storage.routes import open_contents


@contextlib.asynccontextmanager
async def run_server(
    directory: Path,
    *,
    port: int | None = None,
    host: str = LOOPBACK,
    with_faults: bool = False,
    limits: RealtimeLimits | None = None,
    legacy_grants: bool | None = None,
) -> AsyncIterator[State]:
    """Run everything on a state directory and yield the state that was written there.

    Without a port, that of the last run is used again if it is free. `with_faults` lets the holder
    of the secret key set faults. `legacy_grants` grants new tables and functions to the roles of
    the API, or ends that; None keeps the choice of the directory. Raise `CannotStart`.
    """
    async with contextlib.AsyncExitStack() as stack:
        with _report_running_server(directory):
            last = read_state(directory)
            preferred = None if last is None else urlsplit(last.url).port
            listener = stack.enter_context(bind_port(port, host, preferred=preferred))
            postgres = await stack.enter_async_context(Postgres(directory))
        keys = load_keys(directory)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        database = await stack.enter_async_context(
            open_database(
                requests_dsn=postgres.dsn("authenticator"),
                admin_dsn=postgres.dsn("supabase_admin"),
            )
        )
        grants = await _set_default_privileges(directory, database, legacy_grants)
        on_move = partial(_update_dsns, directory, database, postgres)
        keeper = group.create_task(postgres.keep_running(on_move), name="keep postgres running")
        stack.callback(keeper.cancel)
        realtime = await stack.enter_async_context(open_realtime(database, keys, limits))
        faults = None
        if with_faults:
            freezer = Freezer(lambda: postgres.pid)
            stack.callback(freezer.thaw)  # otherwise Postgres could not be stopped
            faults = FaultController(freezer, keys.token_cutoff)
        contents = await open_contents(directory, database)
        app = create_supabase_app(database, keys, realtime, contents, faults=faults)
        await stack.enter_async_context(serve_app(app, listener))
        version = await database.admin.fetchval("show server_version")
        url = build_url(host, listener.getsockname()[1])
        state = _build_state(url, postgres.dsn("postgres"), keys, version, legacy_grants=grants)
        write_state(directory, state)
        stack.callback(mark_stopped, directory)
        yield state


def _update_dsns(directory: Path, database: Database, postgres: Postgres) -> None:
    """Publish the new address of Postgres to the pools and, in the state file, to clients."""
    database.set_dsns(
        requests_dsn=postgres.dsn("authenticator"), admin_dsn=postgres.dsn("supabase_admin")
    )
    known = read_state(directory)
    if known is not None:
        write_state(directory, replace(known, db_url=postgres.dsn("postgres")))


@contextlib.contextmanager
def _report_running_server(directory: Path) -> Iterator[None]:
    """Raise `DirectoryInUse` with the URL of the server that holds the directory or the port."""
    try:
        yield
    except (DirectoryInUse, PortInUse) as error:
        other = read_state(directory)
        if other and is_alive(other):
            message = f"An embedded server already runs in {directory}: {other.url}"
            raise DirectoryInUse(message) from error
        raise


async def _set_default_privileges(
    directory: Path, database: Database, requested: bool | None
) -> bool:
    """Set the default privileges of `public`, and return whether they are the legacy ones."""
    before = read_state(directory)
    had = before is not None and before.legacy_grants
    grants = had if requested is None else requested
    # A reset database needs them again; a project's own default privileges are left alone.
    if grants or had:
        await database.admin.execute(build_default_privileges_sql(are_granted=grants))
    return grants


def _build_state(url: str, db_url: str, keys: Keys, version: str, *, legacy_grants: bool) -> State:
    return State(
        url=url,
        db_url=db_url,
        publishable_key=keys.publishable,
        secret_key=keys.secret,
        anon_key=keys.legacy_anon,
        service_role_key=keys.legacy_service_role,
        pid=os.getpid(),
        started_at=datetime.now(UTC).isoformat(),  # noqa: TID251 - the edge where time enters
        version=version,
        legacy_grants=legacy_grants,
    )
