"""The state directory: where an installation keeps its keys, data and logs."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cogo.config.trust import STATE


def find_home(
    *,
    given: Path | None,
    configured: Path | None,
    start: Path,
    is_trusted: Callable[[Path], bool],
    fallback: Path | None = None,
) -> Path:
    """Choose the state directory: `--dir`, `$COGO_HOME`, the nearest `.cogo` upwards, `~/.cogo`.

    The directory need not exist yet. A `.cogo` on the way up counts only when it belongs to this
    user or to root, can be read and is trusted: its address, its keys and its database may be
    somebody else's.
    """
    if given is not None:
        return given.expanduser().resolve()
    if configured is not None:
        return configured.expanduser().resolve()
    usual = (fallback or Path.home()).resolve() / STATE
    for directory in (start.resolve(), *start.resolve().parents):
        candidate = directory / STATE
        if not candidate.is_dir() or candidate.stat().st_uid not in {os.geteuid(), 0}:
            continue
        with suppress(PermissionError):  # root's, who keeps it private
            if candidate == usual or is_trusted(candidate):
                return candidate
    return usual
