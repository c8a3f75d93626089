"""The speed of a simulated model: time to its first token, then time per token."""

import asyncio
from dataclasses import dataclass
from typing import Final

_FAST: Final = ("flash", "haiku", "mini", "nano", "fast", "luna", "lite")
_SLOW: Final = ("opus", "fable", "mythos", "astra", "max", "pro", "reason", "r1", "kimi")


@dataclass(frozen=True, slots=True)
class Pace:
    """Wall-clock times, already divided by the speed factor."""

    first_token_seconds: float
    seconds_per_token: float


INSTANT: Final = Pace(first_token_seconds=0.0, seconds_per_token=0.0)


def choose_pace(model: str, *, seed: int, speed: float) -> Pace:
    """Return the pace of a model; speed 2 is twice as fast as a typical vendor, 0 never waits.

    The seed changes the times by up to a fifth, so that two prompts do not take the same time.
    """
    if speed == 0:
        return INSTANT
    name = model.lower()
    if any(word in name for word in _FAST):
        first_token_seconds, tokens_per_second = 0.18, 170.0
    elif any(word in name for word in _SLOW):
        first_token_seconds, tokens_per_second = 0.7, 60.0
    else:
        first_token_seconds, tokens_per_second = 0.35, 95.0
    spread = 0.8 + (seed % 1000) / 2500
    return Pace(
        first_token_seconds=first_token_seconds * spread / speed,
        seconds_per_token=spread / tokens_per_second / speed,
    )


class Pacer:
    """Waits until each token is due, counted from its creation, so that delays do not add up."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._started_at = asyncio.get_running_loop().time()
        self._tokens = 0.0

    async def wait(self, tokens: float) -> None:
        """Wait until this many more tokens are due; always yield to other tasks."""
        self._tokens += tokens
        due = self._pace.first_token_seconds + self._tokens * self._pace.seconds_per_token
        elapsed = asyncio.get_running_loop().time() - self._started_at
        await asyncio.sleep(max(0.0, due - elapsed))
