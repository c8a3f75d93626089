"""The address and port of the server: only this machine can reach it unless its owner agrees."""

import errno
import ipaddress
import socket
from typing import Final

from embedded.errors import CannotStart, PortInUse

LOOPBACK: Final = "127.0.0.1"
FIRST_PORT: Final = 54321
REMOTE_WARNING: Final = (
    "The embedded server can be reached from other machines, without encryption. It is made for "
    "development: anyone who can read the traffic obtains the keys."
)

_DATABASE_PORT: Final = 54322
_PORTS_TRIED: Final = 200
_BACKLOG: Final = 2048


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address; raise `CannotStart` if it is none."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise CannotStart(
            f"{host} is not an IP address: use one of this machine, for example 0.0.0.0."
        ) from error


def require_loopback(host: str) -> None:
    """Raise `CannotStart` if other machines could reach the address."""
    if not is_loopback(host):
        raise CannotStart(
            f"{host} can be reached from other machines: add --allow-remote if you want that."
        )


def build_url(host: str, port: int) -> str:
    """Return the URL for clients; a wildcard address is reached through loopback."""
    address = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(host, host)  # noqa: S104 - a comparison
    if ":" in address and not address.startswith("["):
        address = f"[{address}]"
    return f"http://{address}:{port}"


def bind_port(
    port: int | None, host: str = LOOPBACK, *, preferred: int | None = None
) -> socket.socket:
    """Listen on `port`. Without one: on the preferred port, or the first free one from 54321 on.

    The port of the database is skipped. Raise `PortInUse` if `port` is in use, and `CannotStart` if
    no port is free.
    """
    if port is not None:
        if listener := _listen(host, port):
            return listener
        raise PortInUse(f"Port {port} is in use: use another --port, or none.")
    first = [] if preferred is None else [preferred]
    for candidate in (*first, *range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED)):
        if candidate != _DATABASE_PORT and (listener := _listen(host, candidate)):
            return listener
    raise CannotStart(f"No free port from {FIRST_PORT} on.")


def _listen(host: str, port: int) -> socket.socket | None:
    # asyncio disables Nagle's algorithm only for sockets that name their protocol; otherwise each
    # response waits 40 ms for an acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        reason = error.strerror or error
        raise CannotStart(f"Port {port} of {host} cannot be opened: {reason}.") from error
    return listener
