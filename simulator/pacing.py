"""The speed of a simulated model: time to its first token, then time per token."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

_FAST: Final = ("flash", "haiku", "mini", "nano", "fast", "luna", "lite")
_FEW_PARAMETERS: Final = re.compile(r"(?<![a-z\d])(?:[1-9]|[1-3]\d)b(?![a-z\d])")
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
    if is_small_model(model):
        first_token_seconds, tokens_per_second = 0.1, 340.0
    elif is_strong_model(model):
        first_token_seconds, tokens_per_second = 0.35, 120.0
    else:
        first_token_seconds, tokens_per_second = 0.2, 190.0
    spread = 0.8 + (seed % 1000) / 2500
    return Pace(
        first_token_seconds=first_token_seconds * spread / speed,
        seconds_per_token=spread / tokens_per_second / speed,
    )


def is_small_model(model: str) -> bool:
    """Return whether a model is small, fast and cheap, as its name tells."""
    name = model.lower()
    return any(word in name for word in _FAST) or _FEW_PARAMETERS.search(name) is not None


def is_strong_model(model: str) -> bool:
    """Return whether a model is large, slow and capable, as its name tells."""
    return not is_small_model(model) and any(word in model.lower() for word in _SLOW)


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
