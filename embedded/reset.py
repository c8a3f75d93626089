"""Dropping all data of a state directory; its keys and passwords stay."""

import secrets
import shutil
from pathlib import Path

from embedded.lock import hold_lock
from embedded.postgres.binaries import DEFAULT_MAJOR, find_installation
from embedded.postgres.data_layout import choose_layout
from embedded.postgres.postmaster import stop_orphan
from embedded.postgres.role_passwords import load_passwords
from embedded.postgres.unprivileged.account import find_unprivileged_account


async def drop_data(directory: Path) -> None:
    """Make the next server on this directory start with an empty database.

    Raises DirectoryInUse while a server runs on it, and CannotStart.
    """
    with hold_lock(directory):
        layout = choose_layout(
            directory,
            find_installation(DEFAULT_MAJOR),
            account=find_unprivileged_account(),
            token=load_passwords(directory).token,
        )
        data = layout.data
        await stop_orphan(data)
        if data.exists():
            # Out of the way in one step, under a name that the next initialisation clears: a
            # reset that is killed leaves no half of a database.
            dropped = data.with_name(f"{data.name}.new-{secrets.token_hex(4)}")
            data.rename(dropped)
            shutil.rmtree(dropped)
        data.with_name(f"{data.name}.bootstrap").unlink(missing_ok=True)
