"""The state directory: where an installation keeps its keys, data and logs."""

import os
from pathlib import Path
from typing import Final

NAME: Final = ".cogo"


def find_home(
    *, given: Path | None, configured: Path | None, start: Path, fallback: Path | None = None
) -> Path:
    """Choose the state directory: `--dir`, `$COGO_HOME`, the nearest `.cogo` upwards, `~/.cogo`.

    The directory need not exist yet. A `.cogo` on the way up counts only when it belongs to this
    user or to root: keys and an address that somebody else left there are not ours to follow.
    """
    if given is not None:
        return given.expanduser().resolve()
    if configured is not None:
        return configured.expanduser().resolve()
    for directory in (start.resolve(), *start.resolve().parents):
        candidate = directory / NAME
        if candidate.is_dir() and candidate.stat().st_uid in {os.geteuid(), 0}:
            return candidate
    return (fallback or Path.home()) / NAME
