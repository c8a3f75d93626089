"""The vital signs of an agent: whether it lives, whether it can work, what it has counted.

Written by the agent's loop and its lease keeper, read from any thread.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from agents.runtime.metrics import Metrics
from protocol.bus import Bus

ANSWERED_WITHIN: Final = timedelta(seconds=15)
"""Three heartbeats: a store that answered none of them cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """An answer to a probe, and why."""

    is_well: bool
    reason: str


@dataclass(slots=True, kw_only=True)
class Vitals:
    """What an agent knows about itself. Times are monotonic seconds."""

    stalled_after: timedelta = timedelta(seconds=60)
    metrics: Metrics = field(default_factory=Metrics)
    bus: Bus | None = None
    beaten_at: float = field(default_factory=time.monotonic)
    """When the claim loop last went round."""
    answered_at: float | None = None
    """When the store last answered."""
    writes_refused: str | None = None
    """Why the store refuses to write, as far as is known."""
    serves_nothing: str | None = None
    """What an executor lacks that can serve no model."""
    is_draining: bool = False

    def __post_init__(self) -> None:
        """Count the bus among what is measured."""
        if self.bus is not None:
            self.metrics.watch(self.bus)

    def beat(self) -> None:
        """Say that the claim loop is alive."""
        self.beaten_at = time.monotonic()

    def store_answered(self) -> None:
        """Say that the store can be reached."""
        self.answered_at = time.monotonic()

    @property
    def is_stalled(self) -> bool:
        """Whether the claim loop has been silent for too long."""
        return time.monotonic() - self.beaten_at >= self.stalled_after.total_seconds()

    def health(self) -> Sign:
        """Whether it is alive; one that is not should be killed and started again."""
        silent = time.monotonic() - self.beaten_at
        if self.is_stalled:
            return Sign(is_well=False, reason=f"the claim loop is silent for {silent:.0f} s")
        return Sign(is_well=True, reason=f"the claim loop went round {silent:.0f} s ago")

    def readiness(self) -> Sign:
        """Return whether it takes work.

        The store answers and writes, some model is served, and it is not about to stop.
        """
        if self.is_draining:
            return Sign(is_well=False, reason="draining: nothing new is claimed")
        if self.answered_at is None:
            return Sign(is_well=False, reason="the store has not answered yet")
        silent = time.monotonic() - self.answered_at
        if silent > ANSWERED_WITHIN.total_seconds():
            return Sign(is_well=False, reason=f"the store did not answer for {silent:.0f} s")
        if reason := self.writes_refused or self.serves_nothing:
            return Sign(is_well=False, reason=reason)
        heard = self.bus is not None and self.bus.is_subscribed
        return Sign(is_well=True, reason="subscribed" if heard else "polling: Realtime is away")
