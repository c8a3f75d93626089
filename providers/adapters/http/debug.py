"""What vendors stream, as it comes: for whoever debugs an adapter or a vendor."""

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["RawEvents", "print_raw_events", "raw_events"]

RawEvents: TypeAlias = Callable[[str, str], None]
"""Given the vendor and one event's data. They are the model's words: never a key."""

_listener: RawEvents | None = None


def print_raw_events(listener: RawEvents | None) -> None:
    """Show every event of every stream of this process from now on; None ends that."""
    global _listener  # noqa: PLW0603  a switch of the process, as a log level is
    _listener = listener


def raw_events() -> RawEvents | None:
    """Who wants to see them; asked once for each stream."""
    return _listener
