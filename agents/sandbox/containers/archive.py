"""Files on their way into a container and out of it."""

import io
import tarfile
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from agents.sandbox.containers.arguments import build_command_file
from agents.sandbox.isolation.directory import (
    MAX_COLLECTED_BYTES,
    MAX_COLLECTED_FILES,
    split_path,
)
from agents.sandbox.isolation.output import KeptOutput
from agents.sandbox.isolation.view import WORK
from agents.sandbox.job import MEBIBYTE, InvalidJob, Job

MAX_ARCHIVE_BYTES: Final = MAX_COLLECTED_BYTES + 4 * MEBIBYTE
"""With names and padding."""


def pack_job(job: Job) -> bytes:
    """Return a tar file of a job's command and of its files, which stand in a folder.

    Raises:
        InvalidJob: A path leads outside, or is both a file and a folder.
    """
    packed = {"/".join(split_path(path)): content for path, content in job.files.items()}
    if len(packed) < len(job.files):
        raise InvalidJob("two files have the same path")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "command", build_command_file(job).encode())
        folder = tarfile.TarInfo(PurePosixPath(WORK).name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        for path, content in packed.items():
            parts = path.split("/")
            for depth in range(1, len(parts)):
                if "/".join(parts[:depth]) in packed:
                    raise InvalidJob(f"{path[:200]!r} is below something that is a file")
            _add(archive, f"{folder.name}/{path}", content)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mode, member.mtime = len(content), 0o644, time.time()
    archive.addfile(member, io.BytesIO(content))


class SplitOutput(KeptOutput):
    """Output of a command, and after a mark what the script around it wrote.

    Whoever knows the mark can write it, too, as the code that runs can: what follows is as little
    to be trusted as the files that it holds.
    """

    def __init__(self, limit: int, mark: bytes) -> None:
        super().__init__(limit)
        self._mark = mark
        self._held = b""
        self._rest: bytearray | None = None

    def add(self, data: bytes) -> None:
        """Keep data of the command as usual, and what follows the mark as it is."""
        if self._rest is not None:
            self._rest += data[: MAX_ARCHIVE_BYTES - len(self._rest)]
            return
        output, mark, rest = (self._held + data).partition(self._mark)
        if mark:
            self._held = b""
            super().add(output)
            self._rest = bytearray(rest[:MAX_ARCHIVE_BYTES])
        else:
            held = min(len(output), len(self._mark) - 1)
            self._held = output[len(output) - held :]
            super().add(output[: len(output) - held])

    def join(self) -> bytes:
        """Return what was kept of the command's output."""
        super().add(self._held)
        self._held = b""
        return super().join()

    def read_files(self, patterns: Sequence[str]) -> tuple[dict[str, bytes], tuple[str, ...]]:
        """Return the regular files that match a pattern, and the names of those left out."""
        names, _, archive = bytes(self._rest or b"").partition(self._mark)
        left_out = [each.decode(errors="replace") for each in names.split(b"\0") if each]
        found: dict[str, bytes] = {}
        room = MAX_COLLECTED_BYTES
        try:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
                for member in opened:
                    path = member.name.removeprefix("./")
                    if not member.isreg() or not any(fnmatchcase(path, p) for p in patterns):
                        continue
                    content = opened.extractfile(member)
                    data = b"" if content is None else content.read(room + 1)
                    is_whole = len(data) == member.size and len(data) <= room
                    if not is_whole or len(found) == MAX_COLLECTED_FILES:
                        left_out.append(path)
                    else:
                        found[path] = data
                        room -= len(data)
        except (tarfile.TarError, ValueError, OverflowError):
            pass  # it ends here: the code or a limit ended the script, or there is no file
        shown = (each.removeprefix("./") for each in left_out[:MAX_COLLECTED_FILES])
        return found, tuple(shown)
