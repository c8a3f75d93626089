"""Ports that outlive a process: the next life of an agent answers where the last one did."""

import socket
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = "127.0.0.1"
ANY: Final = 0


def free_port(url: str) -> int:
    """Give the port of `url` if nobody listens there now, else ANY."""
    port = urlsplit(url).port
    if port is None:
        return ANY
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return ANY
    return port
