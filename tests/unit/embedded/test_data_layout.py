"""The places of data and programs for an account with limited access."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.errors import CannotStart
from embedded.postgres.binaries import Installation
from embedded.postgres.data_layout import choose_layout
from embedded.postgres.system_data import OWNER_FILE, find_system_data
from embedded.postgres.unprivileged.account import Account, find_unprivileged_account
from tests.support.servers.postgres import state_directory

STRANGER = Account(name="stranger", uid=os.getuid() + 4242, gid=os.getgid() + 4242)
"""An account that can enter only folders that are open to all."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Create a folder that all users may enter, unlike those of pytest."""
    with state_directory() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def home(open_folder: Path) -> Path:
    """Create a private folder inside."""
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def installation(home: Path) -> Installation:
    """Create an imitation of the wheel in the private folder."""
    prefix = home / "site-packages" / "wheel" / "pginstall"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "share").mkdir()
    (prefix / "share/file").write_text("text")
    program = prefix / "bin/postgres"
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'\n")
    program.chmod(0o700)
    libraries = home / "site-packages" / "wheel.libs"
    libraries.mkdir()
    (libraries / "libpq.so").write_text("binary")
    return Installation(major=18, prefix=prefix, libraries=libraries)


def modes(*tops: Path) -> dict[Path, tuple[int, int, int]]:
    """Return mode, owner and group of all ancestors and descendants."""
    paths = {path for top in tops for path in (top, *top.parents, *top.rglob("*"))}
    statuses = {path: path.lstat() for path in paths}
    return {path: (s.st_mode, s.st_uid, s.st_gid) for path, s in statuses.items()}


def test_an_ordinary_user_keeps_everything_in_the_state_directory(
    home: Path, installation: Installation, open_folder: Path
) -> None:
    root = open_folder / "var"

    layout = choose_layout(home, installation, account=None, token="t", system_root=root)

    assert (layout.data, layout.installation) == (home / "postgres", installation)
    assert not root.exists()


def test_an_account_enters_what_owner_group_and_mode_allow(open_folder: Path) -> None:
    mine = Account(name="me", uid=os.getuid(), gid=os.getgid())
    folder = open_folder / "folder"
    folder.mkdir()

    folder.chmod(0o700)
    assert mine.can_traverse(folder)
    assert not STRANGER.can_traverse(folder)
    folder.chmod(0o077)
    assert not mine.can_traverse(folder)
    folder.chmod(0o701)
    assert STRANGER.can_traverse(folder)


def test_a_link_is_judged_by_its_target(home: Path, open_folder: Path) -> None:
    (open_folder / "link").symlink_to(home)

    assert not STRANGER.can_traverse(open_folder / "link")


def test_postgres_never_runs_as_root() -> None:
    account = find_unprivileged_account()

    assert (account is not None and account.uid != 0) == (os.geteuid() == 0)


@as_root
def test_unreachable_places_are_replaced_and_no_mode_changes(
    home: Path, installation: Installation, open_folder: Path
) -> None:
    before = modes(home)
    root = open_folder / "var"

    layout = choose_layout(home, installation, account=STRANGER, token="t", system_root=root)

    assert modes(home) == before
    folder = layout.data.parent
    assert folder.parent == root
    assert [each.owner for each in find_system_data(root)] == [home]
    assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, STRANGER.uid)
    program = layout.installation.bin / "postgres"
    assert program.is_relative_to(root / "postgres-18.4")
    assert STRANGER.can_traverse(program)
    assert layout.installation.libraries
    assert STRANGER.can_traverse(layout.installation.libraries)


@as_root
def test_root_follows_no_link_of_the_account(
    home: Path, installation: Installation, open_folder: Path
) -> None:
    root = open_folder / "var"
    precious = open_folder / "precious"
    precious.write_text("kept")
    folder = choose_layout(
        home, installation, account=STRANGER, token="t", system_root=root
    ).data.parent
    (folder / OWNER_FILE).unlink()
    (folder / OWNER_FILE).symlink_to(precious)

    choose_layout(home, installation, account=STRANGER, token="t", system_root=root)

    assert precious.read_text() == "kept"
    assert precious.stat().st_uid == os.getuid()


@as_root
def test_the_programs_are_copied_once(
    home: Path, installation: Installation, open_folder: Path
) -> None:
    root = open_folder / "var"

    first = choose_layout(home, installation, account=STRANGER, token="t", system_root=root)
    copied_at = (first.installation.bin / "postgres").stat().st_ctime_ns
    second = choose_layout(home, installation, account=STRANGER, token="t", system_root=root)

    assert second == first
    assert (second.installation.bin / "postgres").stat().st_ctime_ns == copied_at
    assert not list(root.glob("draft-*"))


@as_root
def test_a_recreated_state_directory_gets_new_data(
    home: Path, installation: Installation, open_folder: Path
) -> None:
    root = open_folder / "var"

    old = choose_layout(home, installation, account=STRANGER, token="old", system_root=root)
    new = choose_layout(home, installation, account=STRANGER, token="new", system_root=root)

    assert old.data != new.data


@as_root
def test_a_reachable_place_is_used(open_folder: Path, installation: Installation) -> None:
    for path in (open_folder / "home", installation.bin / "postgres"):
        path.chmod(0o755)
    root = open_folder / "var"

    layout = choose_layout(open_folder, installation, account=STRANGER, token="t", system_root=root)

    assert (layout.data, layout.installation) == (open_folder / "postgres", installation)
    assert not root.exists()


@as_root
def test_a_closed_system_folder_prevents_the_start(home: Path, installation: Installation) -> None:
    with pytest.raises(CannotStart, match="ordinary user"):
        choose_layout(home, installation, account=STRANGER, token="t", system_root=home / "var")
