"""The account that runs Postgres, which refuses to run as root, and starting it there."""

import asyncio
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.errors import CannotStart

_CANDIDATES: Final = ("postgres", "nobody")
_LAUNCHER: Final = Path(__file__).with_name("main.py")
_ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
"""Without our variables and keys, and with the language of the messages that are parsed."""


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int

    def can_traverse(self, path: Path) -> bool:
        """Return whether the account may enter (or run) `path` and enter all its parents.

        The result is based on owner, group and mode; access lists are not considered.
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
    """Return the account for Postgres if this process is root, else None."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise CannotStart(
        "Postgres does not run as root, and this machine has no account "
        f"{' or '.join(_CANDIDATES)}: run as an ordinary user, or add one with `useradd postgres`."
    )


def make_private(directory: Path, account: Account | None) -> None:
    """Create a directory for one account; leave an existing one unchanged."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    change_owner(directory, account)


def change_owner(path: Path, account: Account | None) -> None:
    """Make `account` the owner of a file that was just created."""
    if account:
        # The account may own the folder and replace `path` by a link.
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


async def launch(
    program: Path,
    *arguments: str,
    account: Account | None,
    folder: Path,
    output: int,
) -> asyncio.subprocess.Process:
    """Start a program that ends with the calling process (see main.py).

    Args:
        program: its full path.
        arguments: passed unchanged.
        account: the account to switch to; None for the current one.
        folder: working directory; `account` can enter it.
        output: file descriptor for stdout and stderr.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(os.getpid()),
        str(account.uid if account else -1),
        str(account.gid if account else -1),
        str(folder),
        str(program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_ENVIRONMENT,
    )
