"""An MCP server as `cogo.toml` describes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from providers.catalogue.addresses import find_other_host

DEFAULT_MCP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """How to reach a server, and which of its tools may be used: by its command or its URL."""

    name: str
    command: tuple[str, ...] = ()
    """A program and its arguments."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All variables of the program."""
    cwd: Path | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tools: frozenset[str] | None = None
    """Those that may be used; None for all."""
    approval: frozenset[str] | bool = False
    """Tools that wait for a person before they run, or whether all do."""
    idempotent: frozenset[str] = frozenset()
    """Tools that may run again, whatever the server says."""
    is_read_only: bool = False
    """Whether only tools are used of which the server says that they change nothing."""
    seconds: float = DEFAULT_MCP_SECONDS
    """Maximum duration of a call."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that must not appear in logs and results."""

    @property
    def other_host(self) -> str | None:
        """The other machine on which it runs; None: it runs on this one."""
        return None if self.url is None else find_other_host(self.url)

    def allows(self, tool: str) -> bool:
        """Return whether the operator lets a tool be used."""
        return self.tools is None or tool in self.tools

    def needs_approval(self, tool: str) -> bool:
        """Return whether a tool waits for a person before it runs."""
        return self.approval if isinstance(self.approval, bool) else tool in self.approval


def list_mcp_secrets(servers: Iterable[McpServer]) -> list[str]:
    """Return the secrets of all servers."""
    return [secret for each in servers for secret in each.secrets]
