"""The system directory: the data that root keeps there, their owners, and orphans."""

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
from embedded.postgres.shared_memory import remove_shared_memory
from embedded.private_files import read_json_object, write_private

SYSTEM_ROOT: Final = Path("/var/lib/cogo")
"""Place for files that the unprivileged account cannot reach in the state directory."""

OWNER_FILE: Final = "state-directory"
"""File beside the data that names their state directory and its file system."""

PROGRAMS: Final = "postgres-"
"""Prefix of copies of Postgres, which all state directories share."""

_DRAFTS: Final = "draft-"
_IDLE_SECONDS: Final = 3600.0
"""Unused programs are removed after this time; the next start copies them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemData:
    """The data of one state directory."""

    folder: Path
    owner: Path
    """The state directory."""
    is_running: bool
    """Whether a Postgres uses them."""
    is_orphan: bool
    """Whether the state directory was deleted or recreated."""


def folder_name(directory: Path, token: str) -> str:
    """Return the name of the folder for the data of a state directory."""
    return hashlib.sha256(f"{directory.resolve()}\n{token}".encode()).hexdigest()[:16]


def write_owner(folder: Path, directory: Path) -> None:
    """Record the owner of a folder of data, without following links that its account made."""
    owner = {"path": str(directory.resolve()), "device": directory.stat().st_dev}
    write_private(folder / OWNER_FILE, json.dumps(owner) + "\n")


def find_system_data(system_root: Path = SYSTEM_ROOT) -> list[SystemData]:
    """Return the data of all state directories that the current account may read."""
    return list(_find(system_root))


def find_data_folder(directory: Path, system_root: Path = SYSTEM_ROOT) -> Path:
    """Return the folder that holds the data of a state directory."""
    token = (read_json_object(directory / "passwords.json") or {}).get("token")
    apart = system_root / folder_name(directory, str(token))
    return apart if apart.is_dir() else directory


def remove_orphans(system_root: Path = SYSTEM_ROOT) -> list[SystemData]:
    """Remove the data of deleted state directories, and unused programs.

    Data that a Postgres uses stay, and data of file systems that are not mounted.
    """
    orphans = [each for each in _find(system_root) if each.is_orphan and not each.is_running]
    for each in orphans:
        for data in each.folder.glob("postgres*/"):
            remove_shared_memory(data)
        shutil.rmtree(each.folder, ignore_errors=True)
    for folder in _folders(system_root):
        if folder.name.startswith((PROGRAMS, _DRAFTS)) and _is_idle(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return orphans


def measure_size(folder: Path) -> int:
    """Return the size of a folder on the disk in bytes."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(top) / name).lstat().st_blocks * 512
            except OSError:
                continue  # removed meanwhile
    return total


def _find(system_root: Path) -> Iterator[SystemData]:
    for folder in _folders(system_root):
        try:
            noted = read_json_object(folder / OWNER_FILE)
        except OSError:
            continue  # of another user
        if noted is None or not isinstance(noted.get("path"), str):
            continue
        owner = Path(noted["path"])
        yield SystemData(
            folder=folder,
            owner=owner,
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
            continue  # ended, or of another user
    return True
