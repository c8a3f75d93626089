"""The account that Postgres runs as; Postgres refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.errors import CannotStart

_CANDIDATES: Final = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int

    def can_traverse(self, path: Path) -> bool:
        """Whether this account may enter (or run) `path`, and enter every folder above it.

        Read from owner, group and mode; an access list may forbid more.
        """
        real = path.resolve()
        return all(self._may_enter(folder.stat()) for folder in (real, *real.parents))

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def find_unprivileged_account() -> Account | None:
    """The account for Postgres when we are root; None when we may run it as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise CannotStart(
        "Postgres does not run as root and this machine has no account "
        f"{' or '.join(_CANDIDATES)}: run as an ordinary user, or add one with `useradd postgres`."
    )


def make_private(directory: Path, account: Account | None) -> None:
    """Create `directory` for this account alone; one that already exists stays as it is."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    change_owner(directory, account)


def change_owner(path: Path, account: Account | None) -> None:
    """Make `account` the owner of something that we just created."""
    if account:
        # The account may own the folder: a link that it puts in place of `path` is not followed.
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
