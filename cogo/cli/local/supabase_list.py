"""`cogo supabase list`: the embedded Supabases of this user, and where their data lie."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson
from cogo.config.context import Project
from cogo.config.settings import config_directory
from cogo.config.trust import TrustStore
from cogo.supervisor.embedded_server import find_server
from cogo.terminal import print_json, print_table, print_text
from embedded.postgres.system_data import SystemData, find_system_data, remove_orphans, size_of

EXAMPLES: Final = {
    "list": (
        "cogo supabase list",
        "cogo supabase list --prune       # removes the data of directories that are gone",
    )
}
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One embedded Supabase."""

    state_directory: str
    state: str
    """Where it answers, `stopped`, `gone` (the directory was deleted), or both of the latter."""
    bytes: int
    """On the disk, of its data."""
    data: str


def list_(
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove data whose state directory is gone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the embedded Supabases of this user: state directory, address, size, data.

    Data lie in the state directory, or in /var/lib/cogo if Postgres runs as another account
    that may not enter it. Starting and stopping prune too.
    """
    removed = remove_orphans() if prune else []
    found = list(_places(Project.find().home))
    if as_json:
        print_json([asdict(each) for each in found])
    elif not found:
        print_text("there is no embedded Supabase; `cogo supabase start` makes one")
    else:
        print_table(
            ("STATE", "SIZE", "STATE DIRECTORY", "DATA"),
            [(each.state, _size(each.bytes), each.state_directory, each.data) for each in found],
            drop=("DATA",),
        )
    for each in removed:
        print_text(f"removed {each.folder} ({_size(each.size)}) of {each.owner}", err=True)
    if not prune and any(each.state.startswith("gone") for each in found):
        print_text("`cogo supabase list --prune` removes the data of those that are gone", err=True)


def _places(home: Path) -> Iterator[Place]:
    data = find_system_data()
    apart = {each.owner: each for each in data if not each.is_orphan}
    known = dict.fromkeys([home, *map(Path, TrustStore.load(config_directory()).states), *apart])
    for directory in known:
        if (directory / "keys.json").exists():
            yield _place(directory, apart.get(directory))
    for each in data:
        if each.is_orphan or not each.owner.is_dir():
            state = "gone, running" if each.is_running else "gone"
            yield Place(
                state_directory=str(each.owner), state=state, bytes=each.size, data=str(each.folder)
            )


def _place(directory: Path, apart: SystemData | None) -> Place:
    server = find_server(directory)
    data = apart.folder if apart else directory / "postgres"
    return Place(
        state_directory=str(directory),
        state=server.url if server else "stopped",
        bytes=apart.size if apart else size_of(data),
        data=str(data),
    )


def _size(count: int) -> str:
    power = max(0, min(len(_UNITS) - 1, (len(str(count)) - 1) // 3))
    return f"{count / 1000**power:.0f} {_UNITS[power]}"
