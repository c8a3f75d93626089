"""The health of an agent: liveness, readiness and metrics.

Written by the agent's loop and its lease keeper, read from any thread.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from agents.runtime.metrics import AgentMetrics
from protocol.bus import Bus

ANSWERED_WITHIN: Final = timedelta(seconds=15)
"""Three heartbeats; a store that answered none of them is considered unreachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The result of a probe, and the reason."""

    ok: bool
    reason: str


@dataclass(slots=True, kw_only=True)
class Health:
    """The state that probes report. Times are monotonic seconds."""

    stalled_after: timedelta = timedelta(seconds=60)
    metrics: AgentMetrics = field(default_factory=AgentMetrics)
    bus: Bus | None = None
    alive_at: float = field(default_factory=time.monotonic)
    """When the claim loop last ran."""
    answered_at: float | None = None
    """When the store last answered."""
    writes_refused: str | None = None
    """Why the store refuses to write, if it does."""
    serves_nothing: str | None = None
    """Why an executor can serve no model, if it cannot."""
    is_draining: bool = False

    def __post_init__(self) -> None:
        """Add the bus to the metrics."""
        if self.bus is not None:
            self.metrics.register_bus(self.bus)

    def mark_alive(self) -> None:
        """Note that the claim loop runs."""
        self.alive_at = time.monotonic()

    def mark_answered(self) -> None:
        """Note that the store answered."""
        self.answered_at = time.monotonic()

    @property
    def is_stalled(self) -> bool:
        """Whether the claim loop has not run for too long."""
        return time.monotonic() - self.alive_at >= self.stalled_after.total_seconds()

    def check_liveness(self) -> ProbeResult:
        """Return whether the agent is alive; if not, it should be killed and restarted."""
        silent = time.monotonic() - self.alive_at
        if self.is_stalled:
            return ProbeResult(ok=False, reason=f"the claim loop has not run for {silent:.0f} s")
        return ProbeResult(ok=True, reason=f"the claim loop ran {silent:.0f} s ago")

    def check_readiness(self) -> ProbeResult:
        """Return whether the agent takes work.

        The store answers and writes, a model is served, and the agent is not draining.
        """
        if self.is_draining:
            return ProbeResult(ok=False, reason="draining: no new work is claimed")
        if self.answered_at is None:
            return ProbeResult(ok=False, reason="the store has not answered yet")
        silent = time.monotonic() - self.answered_at
        if silent > ANSWERED_WITHIN.total_seconds():
            return ProbeResult(ok=False, reason=f"the store has not answered for {silent:.0f} s")
        if reason := self.writes_refused or self.serves_nothing:
            return ProbeResult(ok=False, reason=reason)
        is_subscribed = self.bus is not None and self.bus.is_subscribed
        reason = "subscribed" if is_subscribed else "Realtime is unavailable; polling for work"
        return ProbeResult(ok=True, reason=reason)
