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
    silent_ms: int | None = None
    """Since its last heartbeat, when it was read, by the database's clock; None: never heard of."""

    @property
    def silence(self) -> timedelta:
        """For how long nothing was heard of it; the longest time there is when nothing ever was."""
        if self.silent_ms is None:
            return timedelta.max
        return timedelta(milliseconds=self.silent_ms)

    @property
    def state(self) -> AgentState:
        """Judge it by its heartbeat."""
        if self.stopped_at is not None:
            return "stopped"
        return "alive" if self.silence < SILENT_AFTER else "silent"

    @property
    def serves(self) -> bool:
        """Whether it is an executor that can be counted on."""
        return self.kind == "executor" and self.state == "alive"


class SchemaVersion(Row):
    """The version of a migration that was applied."""

    version: str


class WriteCheck(Row):
    """When the database was last found to be able to write."""

    at: datetime


class Reaped(Row):
    """How many subtasks one call of the reaper moved, and where."""

    reaped: int
    dead: int
    promoted: int
    cancelled: int
