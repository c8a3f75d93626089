"""Agents and their heartbeats."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field

from protocol.records.base import Row

SILENT_AFTER: Final = timedelta(seconds=30)
"""An agent with an older heartbeat counts as silent."""


class SandboxChoice(StrEnum):
    """Which sandbox runs generated code."""

    AUTO = "auto"
    """The strongest that works."""
    BUBBLEWRAP = "bubblewrap"
    SANDLOCK = "sandlock"
    OFF = "off"
    """None: no generated code is run."""


AgentState: TypeAlias = Literal["alive", "silent", "stopped"]


class AgentRecord(Row):
    """A row of `cogo_agents`. Agents send no times: the database's clock sets them."""

    id: str
    kind: Literal["orchestrator", "executor"]
    lanes: list[str] = Field(default_factory=list)
    capacity: int
    running: int = 0
    version: str | None = None
    host: str | None = None
    pid: int | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None
    stopped_at: datetime | None = None
    silent_ms: int | None = None
    """Time since its last heartbeat when the row was read, by the database's clock; None: none."""

    @property
    def silence(self) -> timedelta:
        """Time since the last heartbeat; `timedelta.max` if there was none."""
        if self.silent_ms is None:
            return timedelta.max
        return timedelta(milliseconds=self.silent_ms)

    @property
    def state(self) -> AgentState:
        """State, judged by the heartbeat."""
        if self.stopped_at is not None:
            return "stopped"
        return "alive" if self.silence < SILENT_AFTER else "silent"

    @property
    def serves(self) -> bool:
        """True if it is an executor that is alive."""
        return self.kind == "executor" and self.state == "alive"
