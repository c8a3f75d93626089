"""A port for a server that will be restarted on it."""

import os
import socket
from itertools import count
from typing import Final

_FIRST: Final = 20_000
_MANY: Final = 12_000
"""Up to 32 000: below what kernels hand out, and below where servers look by themselves."""
_NEXT: Final = count(os.getpid() * 97)


def a_port() -> int:
    """Return a free port that no other test gets while its server is down."""
    while True:
        port = _FIRST + next(_NEXT) % _MANY
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
