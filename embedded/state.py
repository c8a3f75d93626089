"""The file in which a running server says where it is; any command reads it."""

import http.client
import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final

from embedded.private_files import read_json_object, write_private

FILE_NAME: Final = "state.json"
_HEALTH_SECONDS: Final = 10.0
"""A machine under load is no reason to take its server for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where the server of a state directory is, or was, and its keys."""

    url: str
    db_url: str
    """For the role `postgres`, as a project's owner has it."""
    publishable_key: str
    secret_key: str
    anon_key: str
    """Legacy."""
    service_role_key: str
    """Legacy."""
    pid: int | None
    """None after a stop in order."""
    started_at: str
    version: str
    """Of Postgres."""
    legacy_grants: bool = False
    """Whether new tables and functions of `public` are granted to the roles of the API."""

    def __repr__(self) -> str:
        """Nothing that a log could give away."""
        return f"State(url={self.url!r}, pid={self.pid})"


def read_state(directory: Path) -> State | None:
    """What the last server of this directory wrote; it may be gone: ask `is_alive`."""
    stored = read_json_object(directory / FILE_NAME)
    if stored is None:
        return None
    try:
        known = {field.name for field in fields(State)}
        return State(**{name: value for name, value in stored.items() if name in known})
    except TypeError:
        return None


def write_state(directory: Path, state: State) -> None:
    """Replace the file in one step, mode 0600."""
    write_private(directory / FILE_NAME, json.dumps(asdict(state), indent=2) + "\n")


def mark_stopped(directory: Path) -> None:
    """Take the pid out of the file; the URL and the keys stay for the next start."""
    state = read_state(directory)
    if state is not None:
        write_state(directory, replace(state, pid=None))


def is_alive(state: State) -> bool:
    """Whether that process runs and its server answers. Blocks for up to ten seconds."""
    if state.pid is None or not _exists(state.pid):
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


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
