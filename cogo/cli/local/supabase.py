"""`cogo supabase`: the embedded Supabase without agents."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import open_bar
from cogo.config.context import Project
from cogo.config.lock import hold_lock
from cogo.errors import CommandError, NotRunning, UsageError
from cogo.supervisor.embedded_server import find_server, require_server, start_server, stop_server
from cogo.terminal import neutralize, print_json, print_line
from embedded.binding import REMOTE_WARNING, is_loopback, require_loopback
from embedded.errors import CannotStart
from embedded.keys import load_keys, rotate_keys
from embedded.postgres.binaries import DEFAULT_MAJOR, find_installation
from embedded.postgres.cluster import drop_data
from embedded.postgres.system_data import find_data_folder, remove_orphans
from embedded.state import State


def start(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port (default: that of the last run, or a free one from 54321 on).",
            min=1,
            max=65535,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a --host that other machines can reach.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Allow fault injection, for tests.")
    ] = False,
    hosted_limits: Annotated[
        bool,
        typer.Option(
            "--hosted-limits", help="Apply the Realtime rate limits of the hosted Free plan."
        ),
    ] = False,
    legacy_grants: Annotated[
        bool | None,
        typer.Option(
            "--legacy-grants/--no-legacy-grants",
            help="Grant new tables and functions to the API's roles, as in projects from before"
            " October 2026. Remembered for later starts.",
        ),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Start the embedded Supabase.

    It applies the migrations, returns when the server is ready and leaves it running, without
    agents (`cogo serve` starts those). If it is running already, prints its addresses.

    Examples:
        cogo supabase start
        cogo supabase start --port 54400 --dir ./second
        cogo supabase start --faults          # see docs/reference/embedded.md
        cogo supabase start --legacy-grants   # new tables are open to the API's roles
    """
    project = Project.find(directory)
    home = project.home
    state = find_server(home)
    if state is None:
        options = _build_host_options(host, allow_remote=allow_remote)
        flags = {"--faults": faults, "--hosted-limits": hosted_limits}
        options += [name for name, is_set in flags.items() if is_set]
        if legacy_grants is not None:
            options.append("--legacy-grants" if legacy_grants else "--no-legacy-grants")
        if port is not None:
            options += ["--port", str(port)]
        with hold_lock(home):
            project.remember_home()
            with open_bar("start the embedded Supabase", is_hidden=as_json):
                state = start_server(home, options)
    _show(home, state, as_json=as_json)


def stop(*, directory: Dir = None) -> None:
    """Stop the embedded Supabase.

    Its data and keys are kept.

    Examples:
        cogo supabase stop
    """
    home = Project.find(directory).home
    state = require_server(home)
    with hold_lock(home):
        stop_server(home, state)
    remove_orphans()
    print_line(f"stopped; the data is kept in {find_data_folder(home)}")


def show_status(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show the server's addresses and keys.

    Exits with 1 if the embedded Supabase is not running.

    Examples:
        cogo supabase status
        cogo supabase status --json
    """
    home = Project.find(directory).home
    state = find_server(home)
    if state is None and as_json:
        print_json({"running": False, "home": str(home)})
        raise typer.Exit(1)
    _show(home, state or require_server(home), as_json=as_json)


def reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    directory: Dir = None,
) -> None:
    """Delete all data of the embedded database.

    Accounts are deleted too. The migrations are then applied again; the keys stay the same.

    Examples:
        cogo supabase reset
        cogo supabase reset --yes
    """
    home = Project.find(directory).home
    _require_installation(home)
    if not yes:
        typer.confirm(neutralize(f"Delete all data in {home}?"), abort=True)
    with hold_lock(home):
        _run_while_stopped(home, lambda: asyncio.run(drop_data(home)), restarts=True)
    print_line("all data deleted; the migrations are applied, the keys are the same")


def psql(
    *,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENT", help="Arguments and options for psql.")
    ] = None,
    directory: Dir = None,
) -> None:
    """Open psql on the embedded database.

    Connects as the role postgres.

    Examples:
        cogo supabase psql
        cogo supabase psql -c 'select count(*) from cogo_tasks'
    """
    state = require_server(Project.find(directory).home)
    program = shutil.which("psql") or _find_bundled_psql()
    address = urlsplit(state.db_url)
    # Not an argument: every user of the machine can read those.
    os.putenv("PGPASSWORD", address.password or "")
    target = {
        "--host": address.hostname or "",
        "--port": str(address.port),
        "--username": address.username or "",
        "--dbname": address.path.removeprefix("/"),
    }
    options = [f"{name}={value}" for name, value in target.items()]
    os.execv(program, [program, *options, *(arguments or [])])  # noqa: S606 - the user's request


def show_keys(
    *,
    rotate: Annotated[
        bool,
        typer.Option("--rotate", help="Replace them; old keys and all sessions become invalid."),
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show or replace the embedded API keys.

    A running server is restarted with new keys.

    Examples:
        cogo supabase keys
        cogo supabase keys --rotate
    """
    home = Project.find(directory).home
    _require_installation(home)
    if rotate:
        with hold_lock(home):
            _run_while_stopped(home, lambda: rotate_keys(home), restarts=False)
    known = load_keys(home)
    shown: dict[str, object] = {
        "publishable_key": known.publishable,
        "secret_key": known.secret,
        "anon_key": known.legacy_anon,
        "service_role_key": known.legacy_service_role,
    }
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        print_line(f"{name:<17}{value}")


def _show(home: Path, state: State, *, as_json: bool) -> None:
    if as_json:
        print_json({"running": True, "home": str(home), **asdict(state)})
        return
    for name, value in (
        ("API URL", state.url),
        ("REST", f"{state.url}/rest/v1"),
        ("Realtime", f"{state.url}/realtime/v1"),
        ("Auth", f"{state.url}/auth/v1"),
        ("DB URL", state.db_url),
        ("publishable key", state.publishable_key),
        ("secret key", state.secret_key),
        ("anon key", f"{state.anon_key} (legacy)"),
        ("service_role key", f"{state.service_role_key} (legacy)"),
        ("Postgres", state.version),
        *([("grants", "legacy: new tables are granted to the API")] if state.legacy_grants else []),
        ("state, logs", str(home)),
    ):
        print_line(f"{name:<18}{value}")


def _build_host_options(host: str, *, allow_remote: bool) -> list[str]:
    try:
        if not allow_remote:
            require_loopback(host)
        elif not is_loopback(host):
            print_line(f"warning: {REMOTE_WARNING}", err=True)
    except CannotStart as error:
        raise UsageError(str(error)) from error
    return ["--host", host, *(["--allow-remote"] if allow_remote else [])]


def _require_installation(home: Path) -> None:
    if not (home / "keys.json").exists():
        raise NotRunning(
            f"there is no embedded Supabase in {home}: create one with `cogo supabase start`"
        )


def _run_while_stopped(home: Path, work: Callable[[], object], *, restarts: bool) -> None:
    """Call `work` while no server runs, then start the server again if one ran.

    It gets the same port if that is still free. `restarts`: if none ran, one is started and
    stopped, to apply the migrations.
    """
    before = find_server(home)
    if before is not None:
        stop_server(home, before)
    try:
        work()
    except CannotStart as error:
        raise CommandError(str(error)) from error
    if before is not None:
        # Another program may have taken the port, and the data is already deleted.
        after = start_server(home)
        if after.url != before.url:
            print_line(f"another program took the port: now at {after.url}", err=True)
    elif restarts:
        stop_server(home, start_server(home))


def _find_bundled_psql() -> str:
    program = find_installation(DEFAULT_MAJOR).bin / "psql"
    if not program.exists():
        raise CommandError(
            "psql is not installed: `apt install postgresql-client`, or `brew install libpq`"
        )
    return str(program)
