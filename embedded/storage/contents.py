"""The contents of objects: one file for each version, below the state directory."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final
from uuid import UUID

_FOLDER: Final = "storage"


class ContentFolder:
    """A private folder of files, which are written whole and never changed."""

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory / _FOLDER
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def get_path(self, version: str | None) -> Path:
        """Return the path of a content, which may not exist."""
        try:
            return self._directory / str(UUID(version or ""))
        except ValueError:  # a row that was not made by an upload
            return self._directory / "none"

    async def write(self, version: str, content: bytes) -> None:
        """Write a content to the disk."""
        await asyncio.to_thread(self._write, self.get_path(version), content)

    def delete(self, versions: Collection[str | None]) -> None:
        """Delete contents; missing ones are ignored."""
        for version in versions:
            self.get_path(version).unlink(missing_ok=True)

    def delete_others(self, versions: Collection[str | None]) -> None:
        """Delete all files but these contents: what a killed server or a reset has left."""
        kept = {self.get_path(version) for version in versions}
        for path in self._directory.iterdir():
            if path not in kept:
                path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)


def delete_contents(state_directory: Path) -> None:
    """Delete all contents below a state directory, while no server runs on it."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(state_directory / _FOLDER)
