"""Ports of child processes, which keep theirs when they are restarted."""

import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

ANY_PORT: Final = 0
_LOOPBACK: Final = "127.0.0.1"


def find_port(last: Mapping[str, JsonValue], key: str) -> int | None:
    """Return the port of an address in the last report of a process."""
    return urlsplit(str(last.get(key, ""))).port


def find_free_port(preferred: int | None) -> int:
    """Return `preferred` if it is free on loopback, else ANY_PORT."""
    if preferred is None:
        return ANY_PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, preferred))
        except OSError:
            return ANY_PORT
    return preferred
