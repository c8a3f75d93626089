"""User ids for runs that root starts: each run has one that nobody else has."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FIRST_UID: Final = 1_879_048_192
"""The first above those of users, services and containers of systemd."""
RUNS_AT_ONCE: Final = 64
MAX_PID: Final = 2**22
"""Of Linux: with 64 ids for each process the last one is the largest that all tools know."""

_free = list(range(RUNS_AT_ONCE))
_lock = threading.Lock()


@contextmanager
def hold_uid() -> Iterator[int]:
    """Hold an id that no other run of any process of this machine holds."""
    with _lock:
        slot = _free.pop(0)
    try:
        yield FIRST_UID + (os.getpid() % MAX_PID) * RUNS_AT_ONCE + slot
    finally:
        with _lock:
            _free.append(slot)


def find_agent(uid: int) -> int | None:
    """Return the process that holds the id, or None if it is not for a run."""
    number = uid - FIRST_UID
    return number // RUNS_AT_ONCE if 0 <= number < MAX_PID * RUNS_AT_ONCE else None
