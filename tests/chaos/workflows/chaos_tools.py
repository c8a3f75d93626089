"""Tools for runs of chaos: each writes down that it runs, before it does."""

import os
import time
from pathlib import Path

from cogo.workflows import tool

LOG = "COGO_CHAOS_RUNS"
"""The variable with the path of the file."""


def _note(line: str) -> str:
    with Path(os.environ[LOG]).open("a", encoding="utf-8") as log:  # noqa: TID251
        log.write(f"{line}\n")
    time.sleep(0.05)  # so that some die meanwhile
    return line


@tool(idempotent=True)
def look(n: str) -> str:
    """Look at something."""
    return _note(f"look {n}")


@tool
def pay(n: str) -> str:
    """Pay something."""
    return _note(f"pay {n}")


@tool(approval=True)
def ship(n: str) -> str:
    """Ship something, if a person agrees."""
    return _note(f"ship {n}")
