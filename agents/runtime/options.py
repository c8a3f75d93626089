"""The numbers of an agent's life; the defaults suit one machine and a hosted project alike."""

from dataclasses import dataclass
from datetime import timedelta

from agents.orchestrator.retention import KEEP_ALL, Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """How much at once, how long a lease, how often to look."""

    capacity: int = 8
    """Attempts at the same time."""
    lease: timedelta = timedelta(seconds=15)
    extend_every: timedelta = timedelta(seconds=5)
    stalled_after: timedelta = timedelta(seconds=60)
    """A claim loop that was silent for so long counts as dead: its leases are left to expire."""
    poll_idle: timedelta = timedelta(seconds=2)
    """The longest wait for work when no doorbell rings; the price of a lost doorbell."""
    poll_busy: timedelta = timedelta(milliseconds=250)
    """The first wait after work was seen; it doubles up to `poll_idle`."""
    grace: timedelta = timedelta(seconds=20)
    """What attempts in flight are given when draining begins."""
    progress_every: timedelta = timedelta(milliseconds=30)
    """The least time between two batches of progress. Hosted projects meter each delivery."""
    heartbeat_every: timedelta = timedelta(seconds=5)
    retention: Retention = KEEP_ALL
    """What orchestrators forget: by default nothing, for answers are people's."""
    simulated: bool = False
    """The vendors behind this agent are the simulator; whoever asks for agents is told so."""

    health_url: str | None = None
    """Where health, readiness and metrics are answered; whoever asks for agents is told so."""

    def __post_init__(self) -> None:
        """Refuse numbers with which leases could not be kept."""
        if self.capacity < 1:
            raise ValueError("capacity must be at least 1")
        if self.extend_every * 2 > self.lease:
            raise ValueError(
                "extend_every must be at most half of lease, or one lost call loses the lease"
            )
