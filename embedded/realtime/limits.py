"""How much one client may ask for."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Defaults are those of a hosted project, unless the field says otherwise."""

    channels_per_socket: int = 100
    payload_bytes: int = 3_000_500
    """Of one message; larger ones are dropped."""
    joins_per_second: float | None = None
    """Of all sockets together. Hosted: 100; here a fleet may start at once."""
    messages_per_second: float | None = None
    """That all clients send together. Hosted: 100 and more, by plan."""
    rate_window_seconds: float = 10.0
    """The mean over this time is what counts. Hosted: 60."""
    presence_calls: int = 5
    presence_window_seconds: float = 30.0
    idle_seconds: float = 60.0
    """Without a frame from the client; pings of the websocket protocol do not count."""
    refusal_seconds: float = 0.5
    """How long a refusal is held back, against hot loops. Hosted: 5 s, and 2 s for a socket."""
    queued_frames: int = 10_000
    """That wait for one socket; a client that falls further behind is disconnected."""
    queued_bytes: int = 32_000_000


HOSTED: Final = Limits(
    joins_per_second=100, messages_per_second=100, rate_window_seconds=60, refusal_seconds=5
)
"""Those of a project on the Free plan, https://supabase.com/docs/guides/realtime/limits."""
