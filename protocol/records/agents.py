"""Agents and the queue as operators see them, and the results of maintenance."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from protocol.lanes import read_embedding_lane, read_rerank_lane
from protocol.records.base import Row
from protocol.records.tasks import Task

SILENT_AFTER: Final = timedelta(seconds=30)
"""An agent with an older heartbeat counts as silent."""

MEMORY_MODEL_DETAIL: Final = "memory_model"
"""The detail of orchestrators that names their model of memory."""


class SandboxChoice(StrEnum):
    """Which sandbox runs generated code."""

    AUTO = "auto"
    """The strongest that works."""
    BUBBLEWRAP = "bubblewrap"
    SANDLOCK = "sandlock"
    PODMAN = "podman"
    DOCKER = "docker"
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


def are_all_simulated(agents: Iterable[AgentRecord]) -> bool:
    """Return whether there are running executors, and all of them call the vendor simulator."""
    running = [bool(agent.details.get("simulated")) for agent in agents if agent.serves]
    return bool(running) and all(running)


def list_offered_tools(agents: Iterable[AgentRecord]) -> list[str]:
    """Return the full names of the tools that running executors offer, sorted."""
    found: set[str] = set()
    for agent in agents:
        stated = agent.details.get("tools")
        if agent.serves and isinstance(stated, list):
            found.update(each for each in stated if isinstance(each, str))
    return sorted(found)


def list_embedding_models(agents: Iterable[AgentRecord]) -> dict[str, bool]:
    """Return the embedding models of running executors, and whether only simulators serve each."""
    return _list_models(agents, read_embedding_lane)


def list_memory_models(agents: Iterable[AgentRecord]) -> dict[str, str]:
    """Return by which model each running orchestrator embeds memory."""
    return {
        each.id: str(model)
        for each in agents
        if each.kind == "orchestrator" and each.state == "alive"
        if (model := each.details.get(MEMORY_MODEL_DETAIL))
    }


def list_rerank_models(agents: Iterable[AgentRecord]) -> dict[str, bool]:
    """Return the rerank models of running executors, and whether only simulators serve each."""
    return _list_models(agents, read_rerank_lane)


def _list_models(
    agents: Iterable[AgentRecord], read_lane: Callable[[str], str | None]
) -> dict[str, bool]:
    simulated: dict[str, bool] = {}
    for agent in agents:
        is_simulated = bool(agent.details.get("simulated"))
        for lane in agent.lanes if agent.serves else ():
            if model := read_lane(lane):
                simulated[model] = simulated.get(model, True) and is_simulated
    return dict(sorted(simulated.items()))


class QueueRow(Row):
    """The subtasks of one owner in one lane. `owner` is None for tasks without one."""

    lane: str
    owner: UUID | None = None
    queued: int
    blocked: int
    delayed: int
    waiting: int
    held: int
    running: int
    dead: int
    oldest_at: datetime | None = None
    """When the oldest queued subtask was created."""
    oldest_ms: int | None = None
    """Its age, by the database's clock."""
    completed_per_minute: float
    """Attempts, over the last five minutes, like the next field."""
    failed_per_minute: float
    lane_paused: bool
    lane_max_running: int | None = None
    lane_per_minute: int | None = None
    owner_paused: bool
    owner_max_running: int | None = None
    owner_per_minute: int | None = None


class QueueSample(Row):
    """How many subtasks a lane held, at most, within one step of a `QueueHistory`."""

    at: datetime
    """The beginning of the step."""
    lane: str | None
    """None: all lanes together."""
    queued: int
    running: int
    waiting: int
    """Waiting or held."""
    delayed: int
    dead: int


class QueueHistory(Row):
    """Samples of the queue in steps of equal length; a lane is missing where it held nothing.

    Only the lanes with the most work are sampled. No sample of all lanes: nothing ran then.
    """

    since: datetime
    until: datetime
    seconds: int
    """The length of a step."""
    samples: list[QueueSample]


class Limits(Row):
    """The limits of a lane or an owner, and how many of its subtasks are running."""

    paused: bool
    max_running: int | None = None
    per_minute: int | None = None
    running: int


class Pruned(Row):
    """The number of rows that were deleted."""

    pruned: int


class Verdict(Row):
    """Whether a database is the one that was adopted at an address."""

    is_own: bool
    reason: str | None = None
    """Why not, as a sentence that says what to do."""


class WaitingColumn(Row):
    """An AI column that begins to run with the adoption of a copy."""

    name: str
    pending: int
    yesterday_usd: Decimal


class Instance(Row):
    """Where a database was adopted; if nothing runs by itself there, why, and what waits."""

    reason: str | None = None
    hosts: list[str] | None = None
    """The known hosts; None if no agent was ever started."""
    adopted_at: datetime | None = None
    adopted_by: str | None = None
    verified_until: datetime | None = None
    inherited_to: int | None = None
    """The `seq` of the last task that came with a copy; None if this is none."""
    waiting_tasks: int | None = None
    """Open tasks that came with a copy."""
    scheduled_tasks: int | None = None
    due_tasks: int | None = None
    """Scheduled tasks whose time has passed."""
    yesterday_usd: Decimal | None = None
    """What calls cost yesterday (UTC)."""
    columns: list[WaitingColumn] | None = None

    def must_hold(self, task: Task) -> bool:
        """Return whether a task waits until the database is adopted."""
        if self.inherited_to is None or task.status.is_final:
            return False
        is_scheduled = task.run_at is not None and task.run_at > task.created_at
        is_next_run = task.previous_task_id is not None
        return task.seq <= self.inherited_to or is_scheduled or is_next_run


class Adopted(Row):
    """The hosts at which a database runs by itself, and whether one was added."""

    hosts: list[str]
    is_new: bool


class Reaped(Row):
    """How many subtasks one call of the reaper moved, and where."""

    reaped: int
    dead: int
    promoted: int
    cancelled: int


class SchemaVersion(Row):
    """The version of an applied migration."""

    version: str


class WriteCheck(Row):
    """When the database last proved that it can write."""

    at: datetime
