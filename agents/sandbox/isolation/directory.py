"""The directory of a run: written before the command starts, read after it and all else has ended.

Every path is walked from an open directory, one component at a time and following no link, so that
nothing in the directory can point outside.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from agents.sandbox.job import InvalidJob

MAX_COLLECTED_BYTES: Final = 8 * 1024 * 1024
MAX_COLLECTED_FILES: Final = 1_000
MAX_ENTRIES: Final = 20_000
MAX_DEPTH: Final = 32
MAX_NAME_BYTES: Final = 255
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def split_path(path: str) -> tuple[str, ...]:
    """Return the components of a path of a job's file.

    Raises:
        InvalidJob: It is absolute, empty, too deep, or leads out of the directory.
    """
    parts = PurePosixPath(path).parts
    shown = path[:200]
    if not parts or path.endswith("/") or PurePosixPath(path).is_absolute():
        raise InvalidJob(f"the path of a file is relative to its directory, not {shown!r}")
    if ".." in parts:
        raise InvalidJob(f"the path of a file stays in its directory, unlike {shown!r}")
    if len(parts) > MAX_DEPTH or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts):
        raise InvalidJob(f"the path of a file is too deep or too long: {shown!r}")
    return parts


def write_files(directory: int, files: Mapping[str, bytes], *, owner: int | None) -> None:
    """Write files below an open directory, and give all to `owner` if there is one."""
    for path, content in files.items():
        *folders, name = split_path(path)
        here = os.dup(directory)
        try:
            for folder in folders:
                here = _enter(here, folder, owner, path)
            _write_file(here, name, content, owner, path)
        finally:
            os.close(here)


def _enter(here: int, folder: str, owner: int | None, path: str) -> int:
    """Open a folder, made if it is missing, and close the one above."""
    try:
        os.mkdir(folder, 0o755, dir_fd=here)
        is_new = True
    except FileExistsError:
        is_new = False
    try:
        below = os.open(folder, DIRECTORY, dir_fd=here)
    except NotADirectoryError:
        raise InvalidJob(f"{path[:200]!r} is below something that is a file") from None
    os.close(here)
    if is_new and owner is not None:
        os.fchown(below, owner, owner)
    return below


def _write_file(here: int, name: str, content: bytes, owner: int | None, path: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        opened = os.open(name, flags, 0o644, dir_fd=here)
    except FileExistsError:
        raise InvalidJob(f"{path[:200]!r} is named twice, or is a folder too") from None
    with os.fdopen(opened, "wb") as file:
        if owner is not None:
            os.fchown(opened, owner, owner)
        file.write(content)


def read_files(directory: int, patterns: Sequence[str]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return the regular files that match a pattern, and the names of those left out."""
    found: dict[str, bytes] = {}
    left_out: list[str] = []
    room = MAX_COLLECTED_BYTES
    for path, here, name in _walk(directory):
        if not any(fnmatchcase(path, pattern) for pattern in patterns):
            continue
        content = _read_file(here, name, room) if len(found) < MAX_COLLECTED_FILES else None
        if content is None:
            left_out.append(path)
        else:
            found[path] = content
            room -= len(content)
    return found, tuple(left_out[:MAX_COLLECTED_FILES])


def _walk(directory: int) -> Iterator[tuple[str, int, str]]:
    """Yield the path, the open folder and the name of each entry that is no folder."""
    todo: list[tuple[str, ...]] = [()]
    entries = 0
    while todo:
        folders = todo.pop()
        here = os.dup(directory)
        try:
            for folder in folders:
                below = os.open(folder, DIRECTORY, dir_fd=here)
                os.close(here)
                here = below
            for name in sorted(os.listdir(here)):  # noqa: PTH208 - pathlib lists no open folder
                entries += 1
                if entries > MAX_ENTRIES:
                    return
                mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
                if not stat.S_ISDIR(mode):
                    yield "/".join((*folders, name)), here, name
                elif len(folders) < MAX_DEPTH:
                    todo.append((*folders, name))
        except OSError:
            continue  # such as a folder whose owner may not read it
        finally:
            os.close(here)


def _read_file(here: int, name: str, room: int) -> bytes | None:
    """Return a file's content, or None if it is no regular file or larger than `room`."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.open(name, flags, dir_fd=here)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode) or status.st_size > room:
            return None
        return file.read(room)
