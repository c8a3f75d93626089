"""The state directory of a server: its lock, and the file with its address and keys."""

import fcntl
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final

from embedded.errors import DirectoryInUse
from embedded.private_files import read_json_object, write_private

FILE_NAME: Final = "state.json"
_PLACE: Final = "place"
"""In the file: the directory's inode, which a copy has not."""
_HEALTH_SECONDS: Final = 10.0
"""Long enough for a server on a machine under load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Address and keys of the server of a state directory, which may have stopped."""

    url: str
    db_url: str
    """For the role `postgres`, the owner of a project."""
    publishable_key: str
    secret_key: str
    anon_key: str
    """Legacy."""
    service_role_key: str
    """Legacy."""
    pid: int | None
    """None after an orderly stop."""
    started_at: str
    version: str
    """Of Postgres."""
    legacy_grants: bool = False
    """Whether new tables and functions of `public` are granted to the roles of the API."""

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return f"State(url={self.url!r}, pid={self.pid})"


@contextmanager
def hold_directory_lock(directory: Path) -> Iterator[None]:
    """Hold the lock of a state directory, which the kernel releases if the process dies.

    Raise `DirectoryInUse` if another server holds it.
    """
    with (directory / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DirectoryInUse(f"Another embedded server already runs in {directory}.") from error
        yield


def read_state(directory: Path) -> State | None:
    """Return the state that the last server wrote, or None; see `is_alive`.

    In a copy of the directory it has no pid: the server that runs is that of the origin.
    """
    stored = read_json_object(directory / FILE_NAME)
    if stored is None:
        return None
    try:
        known = {field.name for field in fields(State)}
        state = State(**{name: value for name, value in stored.items() if name in known})
    except TypeError:
        return None
    is_copy = stored.get(_PLACE, place := _find_place(directory)) != place
    return replace(state, pid=None) if is_copy else state


def write_state(directory: Path, state: State) -> None:
    """Replace the file atomically, with mode 0600."""
    stored = asdict(state) | {_PLACE: _find_place(directory)}
    write_private(directory / FILE_NAME, json.dumps(stored, indent=2) + "\n")


def _find_place(directory: Path) -> int:
    return directory.stat().st_ino


def mark_stopped(directory: Path) -> None:
    """Remove the pid from the file; URL and keys stay for the next start."""
    state = read_state(directory)
    if state is not None:
        write_state(directory, replace(state, pid=None))


def is_alive(state: State) -> bool:
    """Return whether the process runs and its server answers; block for up to ten seconds."""
    if state.pid is None or not _process_exists(state.pid):
        return False
    host = state.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and answer.get("pid") == state.pid


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
