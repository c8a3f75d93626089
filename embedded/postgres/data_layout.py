"""Where the data and the programs of Postgres lie, for the account that runs it."""

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
    """One answer: which data, which programs, which account (None: ourselves)."""

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
    """Choose places that `account` can reach, without opening a folder to anyone.

    Args:
        directory: the state directory, which exists.
        installation: the programs as they were found.
        account: whom Postgres runs as; None for ourselves.
        token: random text kept in the state directory. A state directory that was deleted and made
            anew gets new data, although its path is the old one.
        system_root: created when needed, and only by root.
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
    """The installation's copy that everybody may run, made once per version of the programs."""
    target = system_root / f"{PROGRAMS}{installation.version()}"
    if not target.exists():
        # Made aside and renamed: whoever sees the target sees all of it.
        draft = Path(tempfile.mkdtemp(dir=system_root, prefix="draft-"))
        installation.copy_to(draft)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                _open_for_reading(path)
        try:
            draft.rename(target)
        except OSError:  # another server was faster
            shutil.rmtree(draft)
    os.utime(target)  # it is in use from now on
    return installation.located_in(target)


def _open_for_reading(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(stat.S_IMODE(mode) | _READABLE | (_ENTERABLE if mode & stat.S_IXUSR else 0))
