"""The local model that `cogo up --local-model` runs: its address in the state directory."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from embedded.private_files import read_json_object, write_private

PROVIDER: Final = "local-model"
"""Its provider in the catalogue."""
STATE_FILE: Final = "local-model.json"


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A running server."""

    url: str
    pid: int


def write_local_model(path: Path, found: LocalModel) -> None:
    """Write the address of the server that runs."""
    write_private(path, json.dumps(asdict(found)) + "\n")


def read_local_model(home: Path) -> LocalModel | None:
    """Return the server that runs for a state directory, or None."""
    stored = read_json_object(home / STATE_FILE) or {}
    url, pid = stored.get("url"), stored.get("pid")
    if not isinstance(url, str) or not isinstance(pid, int) or not _is_running(pid):
        return None
    return LocalModel(url, pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0
