"""The places of the data and programs of Postgres, for the account that runs it."""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.errors import CannotStart
from embedded.postgres.binaries import Installation
from embedded.postgres.system_data import (
    PROGRAMS,
    SYSTEM_ROOT,
    folder_name,
    remove_orphans,
    write_owner,
)
from embedded.postgres.unprivileged.account import Account, make_private

_READABLE: Final = stat.S_IRGRP | stat.S_IROTH
_ENTERABLE: Final = stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class DataLayout:
    """Data, programs and account of a cluster; account None is the current one."""

    data: Path
    installation: Installation
    account: Account | None


def choose_layout(
    directory: Path,
    installation: Installation,
    *,
    account: Account | None,
    token: str,
    system_root: Path = SYSTEM_ROOT,
) -> DataLayout:
    """Choose places that `account` can reach, without changing the mode of any folder.

    Args:
        directory: the state directory, which exists.
        installation: the programs as they were found.
        account: the account that runs Postgres; None for the current one.
        token: random text stored in the state directory, so that a recreated state directory
            gets new data in spite of its old path.
        system_root: created if needed, and only by root.
    """
    if account is None:
        return DataLayout(directory / "postgres", installation, None)
    reachable = account.can_traverse(directory)
    if not reachable or not _is_usable(installation, account):
        _create_root(system_root, account)
        remove_orphans(system_root)
    if not _is_usable(installation, account):
        installation = _copy_programs(installation, system_root)
    if reachable:
        return DataLayout(directory / "postgres", installation, account)
    folder = system_root / folder_name(directory, token)
    make_private(folder, account)
    write_owner(folder, directory)
    return DataLayout(folder / "postgres", installation, account)


def _is_usable(installation: Installation, account: Account) -> bool:
    needed = (installation.bin / "postgres", installation.prefix / "share")
    return all(account.can_traverse(path) for path in needed if path.exists())


def _create_root(system_root: Path, account: Account) -> None:
    try:
        if not system_root.exists():
            system_root.mkdir(parents=True)
            system_root.chmod(0o755)
    except OSError as error:
        raise CannotStart(
            f"Postgres runs as {account.name}, who cannot enter the state directory, and "
            f"{system_root} cannot be created ({error.strerror}): choose a --dir outside of "
            "private folders, or run as an ordinary user."
        ) from error
    if not account.can_traverse(system_root):
        raise CannotStart(
            f"Postgres runs as {account.name}, who cannot enter {system_root}: "
            "run as an ordinary user."
        )


def _copy_programs(installation: Installation, system_root: Path) -> Installation:
    """Return a copy of the programs that all accounts may run, made once per version."""
    target = system_root / f"{PROGRAMS}{installation.version()}"
    if not target.exists():
        # A draft is renamed, so that the target is always complete.
        draft = Path(tempfile.mkdtemp(dir=system_root, prefix="draft-"))
        installation.copy_to(draft)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                _open_for_reading(path)
        try:
            draft.rename(target)
        except OSError:  # another server has created it
            shutil.rmtree(draft)
    os.utime(target)  # marks it as in use
    return installation.relocate(target)


def _open_for_reading(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(stat.S_IMODE(mode) | _READABLE | (_ENTERABLE if mode & stat.S_IXUSR else 0))
