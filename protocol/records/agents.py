"""Agents: who is alive, and what the reaper did."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field

from protocol.records.base import Row

SILENT_AFTER: Final = timedelta(seconds=30)
"""An agent whose heartbeat is older is not counted on."""

AgentState: TypeAlias = Literal["alive", "silent", "stopped"]


class AgentRecord(Row):
    """A row of `cogo_agents`. An agent sends no times: the clock is the database's."""

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

    def silence(self, now: datetime) -> timedelta:
        """For how long nothing was heard of it; the longest time there is when nothing ever was."""
        return now - self.heartbeat_at if self.heartbeat_at else timedelta.max

    def state(self, now: datetime) -> AgentState:
        """Judge it by its heartbeat."""
        if self.stopped_at is not None:
            return "stopped"
        return "alive" if self.silence(now) < SILENT_AFTER else "silent"

    def serves(self, now: datetime) -> bool:
        """Whether it is an executor that can be counted on."""
        return self.kind == "executor" and self.state(now) == "alive"


class SchemaVersion(Row):
    """The version of a migration that was applied."""

    version: str


class Reaped(Row):
    """How many subtasks one call of the reaper moved, and where."""

    reaped: int
    dead: int
    promoted: int
    cancelled: int
