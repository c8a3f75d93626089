"""The models that COGO serves on this machine: one file for each, in the user's cache directory.

The process that starts a server reserves memory by writing its file; the server adds its address.
All systems of this user find them there, and no two servers reserve the same memory. The port of a
server is kept beside the file, so that the model has the same one the next time.
"""

import asyncio
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from cogo.config.settings import cache_directory
from embedded.private_files import (
    make_private_folder,
    open_private,
    read_json_object,
    write_private,
)

PROVIDER: Final = "local-model"
"""Their provider in the catalogue."""
ALIAS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names of models, which are names of files, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedModel:
    """A model that is served, or about to be."""

    alias: str
    """What its server calls it."""
    supervisor: int
    """Id of the process that started the server and restarts it."""
    pid: int | None = None
    """Id of the server's process; None until it is ready."""
    url: str | None = None
    """Base URL of its server; None until it is ready."""
    memory: int
    """Bytes that it may use."""
    context: int
    """Tokens of one conversation."""
    parallel: int
    threads: int
    idle_seconds: int
    """After so long without a request it is unloaded; 0: never."""
    file: str
    sha256: str | None = None


_SERVED: Final = TypeAdapter(HostedModel)
_LOOK_EVERY: Final = timedelta(milliseconds=100)
_HIGHEST_PORT: Final = 65_535


def get_served_directory() -> Path:
    """Return the folder with the files of served models."""
    return cache_directory() / "served-models"


def write_served_model(folder: Path, served: HostedModel) -> None:
    """Write the file of a model, and keep the port of its server."""
    write_private(folder / f"{served.alias}.json", json.dumps(asdict(served)) + "\n")
    if served.url is not None:
        _keep_port(folder, served.alias, urlsplit(served.url).port)


def remove_served_model(folder: Path, alias: str) -> None:
    """Remove the file of a model, if there is one."""
    (folder / f"{alias}.json").unlink(missing_ok=True)


def _keep_port(folder: Path, alias: str, port: int | None) -> None:
    """Keep the port of a model, which no other model keeps any longer: both may start at once."""
    own = folder / f"{alias}.port"
    for path in folder.glob("*.port"):
        if path != own and _read_port(path) == port:
            path.unlink(missing_ok=True)
    if port is not None:
        write_private(own, f"{port}\n")


def find_last_port(alias: str) -> int | None:
    """Return the port that the server of a model had last, or None."""
    return _read_port(get_served_directory() / f"{alias}.port")


def forget_port(alias: str) -> None:
    """Forget the port of a model, which has been removed."""
    (get_served_directory() / f"{alias}.port").unlink(missing_ok=True)


def _read_port(path: Path) -> int | None:
    try:
        port = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if 0 < port <= _HIGHEST_PORT else None


def read_served_models(folder: Path | None = None) -> list[HostedModel]:
    """Return the models whose supervisor is alive, by alias; what cannot be read is left out.

    The address of a server that has ended is left out, too.
    """
    found = []
    for path in sorted((folder or get_served_directory()).glob("*.json")):
        try:
            served = _SERVED.validate_python(read_json_object(path) or {})
        except (OSError, ValidationError):
            continue
        if not is_process_running(served.supervisor) or served.alias != path.stem:
            continue
        found.append(served)
    return found


def find_served_model(alias: str) -> HostedModel | None:
    """Return a model that is served, or about to be."""
    return next((each for each in read_served_models() if each.alias == alias), None)


def list_starting() -> list[str]:
    """Return the aliases of models whose memory is reserved and whose server is not ready."""
    return [each.alias for each in read_served_models() if each.url is None]


async def wait_until_served(*, within: timedelta) -> bool:
    """Wait for the first of the models that are starting; return whether a model is served."""
    for _ in range(within // _LOOK_EVERY):
        if list_served_urls() or not list_starting():
            break
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
    return bool(list_served_urls())


def list_served_urls() -> list[str]:
    """Return the base URLs of the servers that run."""
    return [
        each.url
        for each in read_served_models()
        if each.url is not None and each.pid is not None and is_process_running(each.pid)
    ]


@contextmanager
def hold_reservations() -> Iterator[Path]:
    """Hold the lock under which memory is reserved; yield the folder. Waits for its turn."""
    folder = get_served_directory()
    make_private_folder(folder)
    with os.fdopen(open_private(folder / ".lock")) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def is_process_running(pid: int) -> bool:
    """Return whether a process with this id exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
