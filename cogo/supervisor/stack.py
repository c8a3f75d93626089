"""What `cogo up` can start, and what it has started."""

from collections.abc import Mapping
from dataclasses import dataclass

from cogo.config.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What to start."""

    executors: int
    capacity: int
    """Attempts at the same time, for each executor."""
    port: int | None = None
    """Of the embedded server. None: 54321 or the next free one."""
    has_gateway: bool = True
    gateway_port: int | None = None
    """None: 8000 or the next free one."""
    needs_key: bool = True
    """Whether the gateway refuses requests without a key."""
    opens_console: bool = False
    """Create an address of the console that admits one browser."""
    simulate: bool = False
    """Use the vendor simulator even if a model can be reached."""
    shows_logs: bool = False
    """Write the logs of the processes to our standard error instead of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInfo:
    """What runs, once everything is ready."""

    connection: Connection
    db_url: str | None
    simulator_url: str | None
    """Of the vendor simulator, when it answers instead of models."""
    gateway_url: str | None
    console_url: str | None
    """Admits one browser when a key is needed: for a person's eyes only."""
    needs_key: bool
    """Whether the gateway refuses requests without a key."""
    pids: Mapping[str, int]
    health_urls: Mapping[str, str]
    """Where each agent answers /health, /ready and /metrics."""

    @property
    def is_simulated(self) -> bool:
        """Whether no model is called."""
        return self.simulator_url is not None
