"""The identity and the options of an agent process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentIdentity:
    """One running agent process.

    `id` must be unique among running agents: leases are held under it, and a supervisor releases
    all leases of a dead agent by its id.
    """

    id: str
    kind: Literal["orchestrator", "executor"]
    host: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long rows are kept; None means forever."""

    tasks: timedelta | None = None
    """Finished tasks with everything that belongs to them; also the switches of models."""
    calls: timedelta | None = None
    """The audit log, of which the database keeps at least 30 days."""


KEEP_ALL: Final = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """Capacity, intervals and limits. The defaults suit one machine as well as a hosted project."""

    capacity: int = 8
    """Concurrent attempts, beside those of other steps."""
    check_capacity: int = 0
    """Concurrent checks in the sandbox."""
    tool_capacity: int = 0
    """Concurrent calls of tools."""
    embedding_capacity: int = 0
    """Concurrent steps of embeddings."""
    rerank_capacity: int = 0
    """Concurrent rankings of documents."""
    memory_capacity: int = 0
    """Concurrent steps that remember, or search memory by words."""
    lease: timedelta = timedelta(seconds=15)
    extend_every: timedelta = timedelta(seconds=5)
    stalled_after: timedelta = timedelta(seconds=60)
    """A claim loop that has not run for this long counts as dead; its leases then expire."""
    poll_idle: timedelta = timedelta(seconds=2)
    """Maximum wait between polls, and so the maximum delay after a lost notification."""
    poll_busy: timedelta = timedelta(milliseconds=250)
    """The first wait after work was found; it doubles up to `poll_idle`."""
    grace: timedelta = timedelta(seconds=20)
    """How long attempts in flight may continue after draining began."""
    progress_every: timedelta = timedelta(milliseconds=30)
    """Minimum time between two batches of progress. Hosted projects meter each delivery."""
    heartbeat_every: timedelta = timedelta(seconds=5)
    retention: Retention = KEEP_ALL
    """What orchestrators prune; by default nothing."""
    project_host: str | None = None
    """Host of the project's address, by which the database knows whether it is a copy."""
    simulated: bool = False
    """Whether the vendors are the simulator; shown in the list of agents."""
    health_url: str | None = None
    """Where health, readiness and metrics are served; shown in the list of agents."""
    sandbox: str | None = None
    """Backend in which generated code is run; shown in the list of agents."""
    memory_model: str | None = None
    """The embedding model of memory; None: the first one that is served."""
    workflows: tuple[str, ...] = ()
    """Types of the users' workflows that an orchestrator has loaded; `cogo submit` reads them."""
    list_tools: Callable[[], Sequence[str]] = list
    """Returns the names of the tools that can be called here now; heartbeats list them."""
    list_tool_problems: Callable[[], Mapping[str, str]] = dict
    """Returns what cannot be called here now, and why; heartbeats say it."""

    def __post_init__(self) -> None:
        """Raise ValueError for values with which leases could not be kept."""
        if self.capacity < 1:
            raise ValueError("capacity must be at least 1")
        if self.extend_every * 2 > self.lease:
            raise ValueError(
                "extend_every must be at most half of lease, or one lost call loses the lease"
            )
