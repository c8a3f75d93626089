"""The embedded server of `cogo supabase`, which outlives the command that starts it."""

import asyncio
import http.client
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from loguru import logger

from cogo.errors import AlreadyRunning, ChildFailed, CommandError, MigrationFailed, NotRunning
from cogo.migrations import load_migrations, load_schema, migrate
from cogo.supervisor.child import build_module_arguments
from cogo.supervisor.logfiles import open_log, prepare_logs, read_last_line
from embedded.errors import DirectoryInUse
from embedded.state import State, hold_directory_lock, is_alive, read_state

_START: Final = timedelta(seconds=90)
_STOP: Final = timedelta(seconds=40)
_POLL_SECONDS: Final = 0.05
_ANSWER_SECONDS: Final = 5.0


def find_server(home: Path) -> State | None:
    """Return the state of the server that runs on this directory, or None if there is none."""
    state = read_state(home)
    return state if state is not None and is_alive(state) else None


def require_server(home: Path) -> State:
    """Return the state of the server that runs on this directory. Raises NotRunning."""
    state = find_server(home)
    if state is None:
        raise NotRunning(
            f"no embedded Supabase runs for {home}: start one with `cogo supabase start`"
        )
    return state


def require_port(state: State, port: int | None) -> None:
    """Raise AlreadyRunning if `port` differs from that of the running server."""
    if port is not None and port != urlsplit(state.url).port:
        raise AlreadyRunning(
            f"an embedded Supabase already runs at {state.url}: leave --port out to use it, "
            "or stop it first with `cogo supabase stop`"
        )


async def migrate_server(home: Path) -> State:
    """Migrate the server that runs on this directory; return its state."""
    state = require_server(home)
    done = await migrate(state.db_url, load_migrations(), schema=load_schema(), home=home)
    logger.debug("migrated", applied=len(done.applied))
    return state


def start_server(home: Path, options: Sequence[str] = ()) -> State:
    """Start a server that outlives this process, wait until it answers, and migrate it.

    Raises ChildFailed, with the last line of its log, if it does not start, and MigrationFailed if
    its schema cannot be upgraded; the server is stopped then.
    """
    log = prepare_logs(home) / "server.log"
    reading, writing = os.pipe()
    with os.fdopen(reading) as ready, open_log(log) as output:
        begin = output.tell()
        # In its own session, neither Ctrl-C nor a closed terminal reaches it.
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [
                sys.executable,
                *build_module_arguments(
                    "embedded", "--dir", str(home), "--ready-fd", str(writing), *options
                ),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        try:
            is_ready, _, _ = select.select([ready], [], [], _START.total_seconds())
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        if not is_ready:
            process.kill()
        if not is_ready or not ready.readline():
            process.wait()
            last = read_last_line(log, begin=begin)
            raise ChildFailed(f"{last or 'the server did not start, and wrote nothing'} ({log})")
    try:
        state = asyncio.run(migrate_server(home))
    except MigrationFailed:
        stop_server(home, require_server(home))
        raise
    # The Data API reloads its schema shortly after the migrations are committed.
    deadline = time.monotonic() + _START.total_seconds()
    while not _knows_migrations(state):
        if time.monotonic() > deadline:
            raise ChildFailed(f"the Data API does not see the migrations ({log})")
        time.sleep(_POLL_SECONDS)
    return state


def stop_server(home: Path, state: State) -> None:
    """Stop the server; return when it has released its directory. Raises CommandError."""
    if state.pid is None:
        return
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP.total_seconds()
    while time.monotonic() < deadline:
        try:
            # The kernel releases the lock when the process ends, even if it stays a zombie.
            with hold_directory_lock(home):
                return
        except DirectoryInUse:
            time.sleep(_POLL_SECONDS)
    raise CommandError(
        f"the server did not stop within {_STOP.seconds} s: kill it with `kill -9 {state.pid}`; "
        "no data is lost"
    )


def _knows_migrations(state: State) -> bool:
    connection = http.client.HTTPConnection(
        state.url.removeprefix("http://"), timeout=_ANSWER_SECONDS
    )
    try:
        headers = {"apikey": state.secret_key}
        connection.request("HEAD", "/rest/v1/cogo_tasks?limit=1", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
