"""`cogo supabase list`: the embedded Supabases of this user."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson
from cogo.config.context import Project
from cogo.config.settings import config_directory
from cogo.config.trust import TrustStore
from cogo.supervisor.embedded_server import find_server
from cogo.terminal import print_json, print_table, print_text
from embedded.postgres.system_data import SystemData, find_system_data, measure_size, remove_orphans

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One embedded Supabase."""

    state_directory: str
    state: str
    """Its URL, `stopped`, `gone` (the directory was deleted) or `gone, running`."""
    bytes: int
    """Size of its data on disk."""
    data: str


def list_servers(
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove data whose state directory was deleted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List this user's embedded Supabases.

    Shows their addresses, sizes and directories. Data are in the state directory, or in
    /var/lib/cogo if Postgres runs as another user that cannot enter it. Starting and stopping a
    server prunes as well.

    Examples:
        cogo supabase list
        cogo supabase list --prune       # remove the data of deleted state directories
    """
    removed = remove_orphans() if prune else []
    found = list(_find_servers(Project.find().home))
    if as_json:
        print_json(found)
    elif not found:
        print_text("there is no embedded Supabase; `cogo supabase start` creates one")
    else:
        print_table(
            ("STATE", "SIZE", "STATE DIRECTORY", "DATA"),
            [
                (each.state, _format_size(each.bytes), each.state_directory, each.data)
                for each in found
            ],
            drop=("DATA",),
        )
    for each in removed:
        print_text(f"removed {each.folder} of {each.owner}", err=True)
    if not prune and any(each.state.startswith("gone") for each in found):
        print_text("`cogo supabase list --prune` removes the data of deleted directories", err=True)


def _find_servers(home: Path) -> Iterator[ServerRow]:
    data = find_system_data()
    apart = {each.owner: each for each in data if not each.is_orphan}
    known = dict.fromkeys([home, *map(Path, TrustStore.load(config_directory()).states), *apart])
    for directory in known:
        if (directory / "keys.json").exists():
            yield _build_row(directory, apart.get(directory))
    for each in data:
        if each.is_orphan or not each.owner.is_dir():
            state = "gone, running" if each.is_running else "gone"
            yield ServerRow(
                state_directory=str(each.owner),
                state=state,
                bytes=measure_size(each.folder),
                data=str(each.folder),
            )


def _build_row(directory: Path, apart: SystemData | None) -> ServerRow:
    server = find_server(directory)
    data = apart.folder if apart else directory / "postgres"
    return ServerRow(
        state_directory=str(directory),
        state=server.url if server else "stopped",
        bytes=measure_size(data),
        data=str(data),
    )


def _format_size(count: int) -> str:
    power = max(0, min(len(_UNITS) - 1, (len(str(count)) - 1) // 3))
    return f"{count / 1000**power:.0f} {_UNITS[power]}"
