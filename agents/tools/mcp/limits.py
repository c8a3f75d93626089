"""What a server may send: beyond it, it is ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class McpLimits:
    """Sizes and times. The messages and bytes that a server may send at once grow back."""

    message_bytes: int = 16 * MIB
    messages: int = 5_000
    messages_per_second: float = 500
    bytes: int = 64 * MIB
    bytes_per_second: float = 8 * MIB
    start_seconds: float = 60.0
    """For a server to start and to list its tools: npx may have to download it."""
    write_seconds: float = 60.0
    """For a server to read what is sent to it."""
    end_seconds: float = 2.0
    """For a program to end after its input was closed, before it is killed."""
    listing_seconds: float = 60.0
    """After it, tools are listed again before the next call."""
    idle_seconds: float = 300.0
    """After it, a connection that nobody uses is closed."""
    shortest_wait: float = 1.0
    """Between two attempts to reach a server; it doubles up to `longest_wait`."""
    longest_wait: float = 60.0
    patience: float = 2.0
    """A call waits for the next attempt if it is not longer than this."""


class TooMuch(Exception):
    """A server sends more than it may."""


class Allowance:
    """Counts what a server sends."""

    def __init__(self, limits: McpLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._at = clock()
        self._messages: float = limits.messages
        self._bytes: float = limits.bytes

    def take(self, *, messages: int = 0, size: int = 0) -> None:
        """Count messages and bytes. Raises TooMuch."""
        limits, now = self._limits, self._clock()
        passed, self._at = now - self._at, now
        self._messages += passed * limits.messages_per_second
        self._bytes += passed * limits.bytes_per_second
        self._messages = min(self._messages, limits.messages) - messages
        self._bytes = min(self._bytes, limits.bytes) - size
        if self._messages < 0:
            raise TooMuch(f"it sends more than {limits.messages} messages at once")
        if self._bytes < 0:
            raise TooMuch(f"it sends more than {limits.bytes / MIB:g} MiB at once")
