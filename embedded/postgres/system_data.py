"""What lies in the system directory: whose it is, and removing what belongs to nobody any more."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.postgres.postmaster import is_running
from embedded.private_files import read_json_object, write_private

SYSTEM_ROOT: Final = Path("/var/lib/cogo")
"""Where root puts what the unprivileged account cannot reach below the state directory."""

OWNER_FILE: Final = "state-directory"
"""Names, beside such data, the state directory that they belong to, and its file system."""

PROGRAMS: Final = "postgres-"
"""Begins the names of copies of Postgres, which all state directories share."""

_DRAFTS: Final = "draft-"
_IDLE_SECONDS: Final = 3600.0
"""Programs that nobody asked for or ran in this time are removed; the next start copies them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemData:
    """The data of one state directory."""

    folder: Path
    owner: Path
    """The state directory."""
    size: int
    """Bytes on the disk."""
    is_running: bool
    """Whether a Postgres serves them."""
    is_orphan: bool
    """Whether the state directory was deleted, or made anew since."""


def folder_name(directory: Path, token: str) -> str:
    """Return the name of the folder for a state directory's data."""
    return hashlib.sha256(f"{directory.resolve()}\n{token}".encode()).hexdigest()[:16]


def write_owner(folder: Path, directory: Path) -> None:
    """Note whose data the folder holds. An account may own it: no link in it is followed."""
    owner = {"path": str(directory.resolve()), "device": directory.stat().st_dev}
    write_private(folder / OWNER_FILE, json.dumps(owner) + "\n")


def find_system_data(system_root: Path = SYSTEM_ROOT) -> list[SystemData]:
    """Return the data of all state directories; none for those who may not read them."""
    return list(_find(system_root))


def find_data_folder(directory: Path, system_root: Path = SYSTEM_ROOT) -> Path:
    """Return the folder that holds the data of a state directory."""
    token = (read_json_object(directory / "passwords.json") or {}).get("token")
    apart = system_root / folder_name(directory, str(token))
    return apart if apart.is_dir() else directory


def remove_orphans(system_root: Path = SYSTEM_ROOT) -> list[SystemData]:
    """Remove the data of state directories that are gone, and programs that nobody uses.

    Data that a Postgres serves stay, and so do those of a file system that is not mounted now.
    """
    orphans = [each for each in _find(system_root) if each.is_orphan and not each.is_running]
    for each in orphans:
        shutil.rmtree(each.folder, ignore_errors=True)
    for folder in _folders(system_root):
        if folder.name.startswith((PROGRAMS, _DRAFTS)) and _is_idle(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return orphans


def measure_size(folder: Path) -> int:
    """Return the bytes that a folder takes on the disk."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(top) / name).lstat().st_blocks * 512
            except OSError:
                continue  # it is gone already
    return total


def _find(system_root: Path) -> Iterator[SystemData]:
    for folder in _folders(system_root):
        try:
            noted = read_json_object(folder / OWNER_FILE)
        except OSError:
            continue  # another user's
        if noted is None or not isinstance(noted.get("path"), str):
            continue
        owner = Path(noted["path"])
        yield SystemData(
            folder=folder,
            owner=owner,
            size=measure_size(folder),
            is_running=is_running(folder / "postgres"),
            is_orphan=_is_orphan(folder, owner, noted.get("device")),
        )


def _folders(system_root: Path) -> list[Path]:
    try:
        return sorted(path for path in system_root.iterdir() if path.is_dir())
    except OSError:
        return []


def _is_orphan(folder: Path, owner: Path, device: object) -> bool:
    if owner.is_dir():
        return find_data_folder(owner, folder.parent) != folder
    nearest = next(path for path in owner.parents if path.exists())
    return nearest.stat().st_dev == device


def _is_idle(folder: Path) -> bool:
    if time.time() - folder.stat().st_mtime < _IDLE_SECONDS:
        return False
    for program in Path("/proc").glob("[0-9]*/exe"):
        try:
            if program.readlink().is_relative_to(folder):
                return False
        except OSError:
            continue  # it has ended, or is not ours to see
    return True
