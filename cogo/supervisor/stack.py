"""Options of `cogo up`, and information about the running stack."""

from collections.abc import Mapping
from dataclasses import dataclass

from cogo.config.connection import Connection
from cogo.local_model.serving import Hosting


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Options of a stack."""

    executors: int
    capacity: int
    """Maximum number of concurrent attempts per executor."""
    port: int | None = None
    """Of the embedded server. None: that of the last run, or a free one from 54321 on."""
    has_gateway: bool = True
    gateway_port: int | None = None
    """None: 8000 or the next free one."""
    needs_key: bool = True
    """Whether the gateway refuses requests without a key."""
    opens_console: bool = False
    """Create a sign-in link for the console."""
    simulate: bool = False
    """Use the vendor simulator even if a model can be reached."""
    local_model: Hosting | None = None
    """The local model, if it is to run."""
    shows_logs: bool = False
    """Write the logs of the processes to our standard error instead of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInfo:
    """Addresses and processes of a stack that is ready."""

    connection: Connection
    db_url: str | None
    simulator_url: str | None
    """Of the vendor simulator, when it answers instead of models."""
    local_model_url: str | None = None
    """Of the local model's server, if it runs."""
    gateway_url: str | None
    console_url: str | None
    """Signs in one browser if a key is needed, so it must be kept secret."""
    needs_key: bool
    """Whether the gateway refuses requests without a key."""
    copy_reason: str | None = None
    """Why AI columns and scheduled tasks stand still, if they do."""
    sandbox: str | None = None
    """The backend in which executors run generated code, if there is one."""
    pids: Mapping[str, int]
    health_urls: Mapping[str, str]
    """By agent, the base URL of /health, /ready and /metrics."""

    @property
    def is_simulated(self) -> bool:
        """Whether no model is called."""
        return self.simulator_url is not None
