"""Agents: who is alive, and what the reaper did."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from protocol.records.base import Row


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


class SchemaVersion(Row):
    """The version of a migration that was applied."""

    version: str


class Reaped(Row):
    """How many subtasks one call of the reaper moved, and where."""

    reaped: int
    dead: int
    promoted: int
    cancelled: int
