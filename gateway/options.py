"""Options of a gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.console.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """Limits and behaviour of one gateway process."""

    is_loopback: bool
    """Whether it listens on loopback only; it then checks Host and Origin."""
    is_keyless: bool = False
    """Whether requests without a key have all rights; on loopback, so for any local user."""
    cors_origins: tuple[str, ...] = ("http://localhost:3000",)
    allowed_hosts: tuple[str, ...] = ()
    """Host names that a loopback gateway accepts besides its own."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For and -Proto headers are trusted; `*`: all."""
    body_bytes: int = 4 * 1024 * 1024
    connections: int = 900
    """Concurrent requests, streams and sockets; below the 1,024 files that many systems allow."""
    share: int = 300
    """How many of `connections` one key, user, or address without either may hold."""
    requests_per_minute: int = 600
    """For each key, and for each address without one, in each process."""
    answer_timeout: timedelta = timedelta(minutes=10)
    """Timeout of requests that wait for a task."""
    cancels_on_disconnect: bool = True
    """Whether a task is cancelled when the client that waits for it disconnects."""
    heartbeat: timedelta = timedelta(seconds=5)
    recheck: timedelta = timedelta(seconds=5)
    """How often the credentials of open streams and sockets are rechecked."""
    header_timeout: timedelta = timedelta(seconds=10)
    """Time for a client to send the header of a request."""
    body_timeout: timedelta = timedelta(seconds=60)
    """Time for a client to send a body."""
    read_timeout: timedelta = timedelta(seconds=30)
    """Time for a client to read sent data, once the buffers are full."""
    public_url: str | None = None
    """Its address in links; None: that of the request."""
    console_parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    """Parts of the console by role, for roles that do not see all that they may use."""
    poll: timedelta = timedelta(seconds=1)
    """How often the rows of a watched task are read when no message arrives."""
