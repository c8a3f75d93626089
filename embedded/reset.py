"""Dropping all data of a state directory; its keys and passwords stay."""

import secrets
import shutil
from pathlib import Path

from embedded.lock import hold
from embedded.postgres.binaries import DEFAULT_MAJOR, find_installation
from embedded.postgres.data_layout import place
from embedded.postgres.postmaster import stop_orphan
from embedded.postgres.role_passwords import load_passwords
from embedded.postgres.unprivileged.account import account_to_drop_to


async def drop_data(directory: Path) -> None:
    """Make the next server on this directory start with an empty database.

    Raises DirectoryInUse while a server runs on it, and CannotStart.
    """
    with hold(directory):
        placement = place(
            directory,
            find_installation(DEFAULT_MAJOR),
            account=account_to_drop_to(),
            token=load_passwords(directory).token,
        )
        data = placement.data
        await stop_orphan(data)
        if data.exists():
            # Out of the way in one step, under a name that the next initialisation clears: a
            # reset that is killed leaves no half of a database.
            dropped = data.with_name(f"{data.name}.new-{secrets.token_hex(4)}")
            data.rename(dropped)
            shutil.rmtree(dropped)
        data.with_name(f"{data.name}.bootstrap").unlink(missing_ok=True)
