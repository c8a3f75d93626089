"""Downloads of weights into the folder of models.

A file grows under the name of its checksum, so that an interrupted download goes on where it
stopped, and two versions never mix. It becomes a model only after its checksum was verified.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import httpx2

from cogo.errors import CommandError
from cogo.local_model.fit import find_disk_shortage
from cogo.local_model.gguf import NotGguf, read_gguf
from cogo.local_model.library import (
    InstalledModel,
    find_installed_model,
    get_models_directory,
    keep_file,
)
from cogo.local_model.sources import Order
from embedded.private_files import make_private_folder, open_private
from providers.adapters.weights.body import open_body
from providers.adapters.weights.client import WeightsUnavailable

ShowProgress = Callable[[int, int | None], None]
_ATTEMPTS: Final = 5
"""Connections in a row that bring nothing before the download is given up."""
_PAUSE: Final = 1.0
_LOCK_POLL: Final = 0.2
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CHECK_DISK: Final = 64 * 1024 * 1024
_BLOCK: Final = 4 * 1024 * 1024


def count_partial(sha256: str) -> int:
    """Return how many bytes of a file an interrupted download has left."""
    try:
        return _get_partial(sha256).lstat().st_size
    except OSError:
        return 0


def get_partial_directory() -> Path:
    """Return the folder of files that are not complete."""
    return get_models_directory() / ".partial"


def count_all_partials() -> int:
    """Return how many bytes all interrupted downloads have left."""
    return sum(each.lstat().st_size for each in get_partial_directory().glob("*"))


def check_disk(order: Order) -> None:
    """Raise CommandError if the disk has no room for the rest of a download."""
    folder = get_models_directory()
    make_private_folder(folder)
    free = shutil.disk_usage(folder).free
    have = count_partial(order.sha256)
    lacking = find_disk_shortage(order.size or 0, have=have, free=free)
    if lacking is not None:
        raise CommandError(
            f"{folder} has {free / 1e6:,.0f} MB of free disk; {lacking / 1e6:,.0f} MB more are "
            "needed: free some, or set XDG_CACHE_HOME to a folder on another disk"
        )


async def download(
    http: httpx2.AsyncClient,
    order: Order,
    *,
    at: datetime,
    show: ShowProgress,
    on_wait: Callable[[], None],
    pause: float = _PAUSE,
) -> InstalledModel:
    """Download and verify a file, and make it a model.

    If another process downloads it, `on_wait` is called, and its result is used. Raises
    CommandError and WeightsUnavailable.
    """
    async with _lock_file(order.sha256, on_wait):
        found = find_installed_model(order.alias)
        if found is not None and found.sha256 == order.sha256 and found.check_file() == "verified":
            return found
        check_disk(order)
        partial = _get_partial(order.sha256)
        try:
            await _fetch(http, order, partial, show=show, pause=pause)
            return keep_file(
                partial, alias=order.alias, source=order.source, sha256=order.sha256, at=at
            )
        except OSError as error:
            if error.errno not in _FULL:
                raise
            kept = count_partial(order.sha256) / 1e6
            raise CommandError(
                f"the disk of {partial.parent} is full; {kept:,.0f} MB are kept: free some space "
                "and run the command again to go on"
            ) from error


async def _fetch(
    http: httpx2.AsyncClient, order: Order, partial: Path, *, show: ShowProgress, pause: float
) -> None:
    digest = hashlib.sha256()
    with os.fdopen(_open_own(partial), "r+b") as file:
        await asyncio.to_thread(_hash_present, file, digest)
        tries = 0
        while order.size is None or file.tell() < order.size:
            before = file.tell()
            try:
                await _append(http, order, file, digest, show)
                if order.size is None:
                    break
            except WeightsUnavailable as error:
                tries = 0 if file.tell() > before else tries + 1
                if not error.is_cut or tries >= _ATTEMPTS:
                    raise _say_kept(error, file.tell()) from error
                await asyncio.sleep(pause * max(1, tries))
        file.flush()
        os.fsync(file.fileno())
    _verify(order, partial, digest.hexdigest())


async def _append(
    http: httpx2.AsyncClient,
    order: Order,
    file: BinaryIO,
    digest: "hashlib._Hash",
    show: ShowProgress,
) -> None:
    """Append what a server sends, up to the size that is known. Raises WeightsUnavailable."""
    begin = file.tell()
    async with open_body(http, order.url, offset=begin, token=order.token) as body:
        if body.size is not None and order.size is not None and body.size != order.size:
            raise WeightsUnavailable(
                f"{body.where} has a file of {body.size:,} bytes instead of {order.size:,}"
            )
        skip = begin - body.offset  # a server without ranges sends all of it again
        since_check = 0
        async for chunk in body.iter_chunks():
            new, skip = chunk[skip:], max(0, skip - len(chunk))
            if not new:
                continue
            if order.size is not None and file.tell() + len(new) > order.size:
                raise WeightsUnavailable(f"{body.where} sends more than the file has")
            file.write(new)
            digest.update(new)
            since_check += len(new)
            if order.size is None and since_check > _CHECK_DISK:
                since_check = 0
                check_disk(order)
            show(file.tell(), order.size)
    file.flush()
    if order.size is not None and file.tell() < order.size:
        raise WeightsUnavailable("the connection was cut", is_cut=True)


def _verify(order: Order, partial: Path, found: str) -> None:
    if found != order.sha256:
        partial.unlink()
        raise CommandError(
            f"{order.source} has another checksum than expected, and was deleted: it is {found} "
            f"instead of {order.sha256}; if it has a new version, its checksum must be new, too"
        )
    try:
        read_gguf(partial)
    except NotGguf as error:
        partial.unlink()
        raise CommandError(f"{order.source} is not a model for llama.cpp: {error}") from error


def _say_kept(error: WeightsUnavailable, have: int) -> WeightsUnavailable:
    kept = f"; {have / 1e6:,.0f} MB are kept: run the command again to go on" if have else ""
    return WeightsUnavailable(f"{error}{kept}", status=error.status)


def _hash_present(file: BinaryIO, digest: "hashlib._Hash") -> None:
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)


def _get_partial(sha256: str) -> Path:
    return get_partial_directory() / sha256


def _open_own(path: Path) -> int:
    try:
        return open_private(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be opened: {error.strerror}") from error


@asynccontextmanager
async def _lock_file(sha256: str, on_wait: Callable[[], None]) -> AsyncIterator[None]:
    folder = _get_partial(sha256).parent
    make_private_folder(folder)
    with os.fdopen(_open_own(folder / f"{sha256}.lock")) as file:
        waits = False
        while not _try_lock(file):
            if not waits:
                on_wait()
            waits = True
            await asyncio.sleep(_LOCK_POLL)
        yield


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
