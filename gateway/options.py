"""What a gateway is told when it starts."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """Limits and manners of one gateway process."""

    is_loopback: bool
    """It listens on loopback only, and therefore checks Host and Origin."""
    is_keyless: bool = False
    """On loopback, a request without a key has all rights: every user of the machine has them."""
    cors_origins: tuple[str, ...] = ("http://localhost:3000",)
    allowed_hosts: tuple[str, ...] = ()
    """Host names by which a loopback gateway may be called besides its own."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed; `*`: all."""
    body_bytes: int = 4 * 1024 * 1024
    connections: int = 900
    """Requests, streams and sockets at once; below the 1,024 files that many systems allow."""
    share: int = 300
    """How many of `connections` one key or user, or one address without either, may hold."""
    requests_per_minute: int = 600
    """For each key, and for each address without one, in each process."""
    answer_within: timedelta = timedelta(minutes=10)
    """How long a request that waits for a whole answer waits."""
    cancels_on_disconnect: bool = True
    """Nobody waits for the answer any more: the task is cancelled, so that it costs no more."""
    heartbeat: timedelta = timedelta(seconds=15)
    recheck: timedelta = timedelta(seconds=5)
    """How often the credentials of open streams and sockets are checked again."""
    header_within: timedelta = timedelta(seconds=10)
    """How long a client may take to send the header of a request."""
    body_within: timedelta = timedelta(seconds=60)
    """How long a client may take to send a body."""
    read_within: timedelta = timedelta(seconds=30)
    """How long a client may leave sent data unread once the buffers are full."""
    poll: timedelta = timedelta(seconds=1)
    """How often the rows of a watched task are read when no message comes."""
