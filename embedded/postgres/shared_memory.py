"""The shared memory that a killed postmaster leaves behind, on Linux.

Postgres keeps one System V segment for each data directory, and files in /dev/shm that the segment
leads to. A postmaster removes them when it ends, and those of a killed one when it starts on the
same data again. Whoever ends with a dead postmaster instead, or deletes its data, removes them
here: a machine has 4,096 segments, a container 64 MB of such files.

The structures are those of Postgres 15 to 18; others are left alone.
https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/port/sysv_shmem.c
https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/storage/ipc/dsm.c
"""

import asyncio
import ctypes
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.postgres.postmaster import is_serving

DETACH_SECONDS: Final = 2.0
"""The children of a killed postmaster end within milliseconds."""

_POLL_SECONDS: Final = 0.01
_SEGMENTS: Final = Path("/proc/sysvipc/shm")
_FILES: Final = Path("/dev/shm")  # noqa: S108 - where Postgres puts them
_KEY: Final = (1 << 32) - 1
_SHM_RDONLY: Final = 0o10000
_IPC_RMID: Final = 0

_HEADER: Final = struct.Struct("=iiQQI4xQQQ")
"""PGShmemHeader: magic, creator, two sizes, control file, index, device and inode of the data."""
_HEADER_MAGIC: Final = 679834894

_CONTROL: Final = struct.Struct("=III4x")
"""dsm_control_header: magic, used and possible number of items."""
_CONTROL_MAGIC: Final = 0x9A503D32
_ITEM: Final = struct.Struct("=II32x")
"""dsm_control_item: number of the file, and number of its users."""


@dataclass(frozen=True, slots=True)
class _Segment:
    id: int
    creator: int
    attached: int
    """How many processes use it."""


async def release_shared_memory(data: Path) -> None:
    """Remove what a killed postmaster of a data directory left, when its children have ended.

    The caller must hold the lock of the state directory.
    """
    try:
        async with asyncio.timeout(DETACH_SECONDS):
            while not remove_shared_memory(data):  # noqa: ASYNC110 - the kernel reports no detaching
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        pass  # the next start removes it


def remove_shared_memory(data: Path) -> bool:
    """Remove the shared memory of a data directory; return False if it is in use.

    Another cluster's segment is never touched: a segment names the inode of its data directory.
    """
    if sys.platform != "linux":
        return True
    try:
        status = data.stat()
    except OSError:
        return True
    is_free = True
    for segment in _find(status.st_ino & _KEY):
        if segment.attached or is_serving(segment.creator, data):
            is_free = False
            continue
        header = _read_header(segment.id)
        if header and header[0] == _HEADER_MAGIC and header[6:] == (status.st_dev, status.st_ino):
            _remove_files(control=header[4])
            _libc().shmctl(segment.id, _IPC_RMID, None)
    return is_free


def _find(key: int) -> Iterator[_Segment]:
    """Find the segments with a key, which Postgres derives from the inode of its data."""
    try:
        _, *lines = _SEGMENTS.read_text().splitlines()
    except (OSError, ValueError):  # a kernel without them
        return
    for line in lines:
        fields = [int(field) for field in line.split()]
        if fields[0] & _KEY == key and fields[3] == _HEADER.size:
            yield _Segment(id=fields[1], creator=fields[4], attached=fields[6])


def _read_header(segment: int) -> tuple[int, ...] | None:
    """Return the content of a segment, or None if it is gone or of another user."""
    libc = _libc()
    address = libc.shmat(segment, None, _SHM_RDONLY)
    if address in (None, ctypes.c_void_p(-1).value):
        return None
    try:
        return _HEADER.unpack(ctypes.string_at(address, _HEADER.size))
    finally:
        libc.shmdt(ctypes.c_void_p(address))


def _remove_files(*, control: int) -> None:
    """Remove a control file in /dev/shm and the files that it lists."""
    path = _FILES / f"PostgreSQL.{control}"
    try:
        content = path.read_bytes()
        magic, used, _ = _CONTROL.unpack_from(content)
        if magic != _CONTROL_MAGIC:
            return
        items = [_ITEM.unpack_from(content, _CONTROL.size + n * _ITEM.size) for n in range(used)]
    except (OSError, struct.error):
        return
    for number, users in items:
        if users:
            (_FILES / f"PostgreSQL.{number}").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    libc.shmat.restype = ctypes.c_void_p
    libc.shmdt.argtypes = [ctypes.c_void_p]
    libc.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    return libc
