"""The store: what agents and tools need of the database, one method per RPC."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from protocol.records import (
    AgentRecord,
    Attempt,
    Claim,
    Completion,
    CompletionAnswer,
    Event,
    Extension,
    Failure,
    FailureAnswer,
    LeaseAnswer,
    LeaseRef,
    Limits,
    NewTask,
    QueueRow,
    Reaped,
    ReleaseAnswer,
    SelectionRecord,
    SelectionRow,
    SessionMessage,
    Subtask,
    Task,
    WriteCheck,
)
from protocol.store.models import JudgementStore


class Store(JudgementStore, Protocol):
    """Every call is idempotent and may be repeated after StoreUnavailable.

    All methods raise StoreUnavailable, Unauthorized and MigrationMissing besides what they name.
    """

    async def claim_subtasks(
        self, *, agent_id: str, lanes: Sequence[str], limit: int, lease: timedelta, request_id: UUID
    ) -> Sequence[Claim]:
        """Take up to `limit` queued subtasks; the same `request_id` gives the same leases again."""
        ...

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        """Keep leases; one answer each."""
        ...

    async def complete_subtasks(
        self, *, agent_id: str, items: Sequence[Completion]
    ) -> list[CompletionAnswer]:
        """Store what was done; one answer each, in order."""
        ...

    async def fail_subtask(self, *, agent_id: str, failure: Failure) -> FailureAnswer:
        """Say that an attempt failed and who may try again."""
        ...

    async def release_subtasks(
        self, *, agent_id: str, leases: Sequence[LeaseRef] | None, reason: str, died: bool = False
    ) -> list[ReleaseAnswer]:
        """Give leases back (None: all of the agent's). `died` counts, a drain spends nothing."""
        ...

    async def record_agent(self, agent: AgentRecord) -> None:
        """Say that an agent is alive."""
        ...

    async def reap(self, *, limit: int = 100) -> Reaped:
        """Move what is due: expired leases, delayed subtasks, passed deadlines."""
        ...

    async def prune(self, *, limit: int = 100, older_than: timedelta) -> int:
        """Forget tasks that finished before that, the oldest first; says how many."""
        ...

    async def prune_records(
        self,
        *,
        limit: int = 1000,
        switches_older_than: timedelta | None = None,
        calls_older_than: timedelta | None = None,
    ) -> int:
        """Forget switches of models, and calls in the audit of 30 days and more; None keeps."""
        ...

    async def record_selection(self, selection: SelectionRecord) -> None:
        """Store and announce a choice that belongs to no plan."""
        ...

    async def submit_task(self, task: NewTask) -> Task:
        """Ask for something; a known idempotency key gives the task of the first call."""
        ...

    async def cancel_task(self, *, task_id: UUID, reason: str | None = None) -> Task:
        """Stop a task. Raises NotFound, MoveNotAllowed."""
        ...

    async def redrive_task(self, *, task_id: UUID) -> Task:
        """Put a failed task back to work. Raises NotFound, MoveNotAllowed."""
        ...

    async def redrive_subtask(self, *, subtask_id: UUID) -> Subtask:
        """Put a dead letter back to work. Raises NotFound, MoveNotAllowed."""
        ...

    async def pause_task(self, *, task_id: UUID) -> Task:
        """Hold a task. Raises NotFound, MoveNotAllowed."""
        ...

    async def resume_task(self, *, task_id: UUID) -> Task:
        """Go on with a held task. Raises NotFound, MoveNotAllowed."""
        ...

    async def approve_subtask(
        self, *, subtask_id: UUID, approved: bool = True, comment: str | None = None
    ) -> Subtask:
        """Decide on a subtask that waits for a person. Raises NotFound, MoveNotAllowed."""
        ...

    async def fetch_queue(self) -> list[QueueRow]:
        """Read how much stands where, by lane and owner. SQL: `cogo_queue`."""
        ...

    async def set_lane(
        self,
        *,
        lane: str,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        """Pause, resume or limit a lane. None leaves as it is, -1 takes a limit away."""
        ...

    async def set_owner(
        self,
        *,
        owner: UUID | None,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        """Pause, resume or limit an owner, in the same way; None is whoever has no owner."""
        ...

    async def schema_versions(self) -> list[str]:
        """Give the versions of the migrations that were applied."""
        ...

    async def check_writes(self) -> WriteCheck:
        """Write something that needs room on the disk. Raises what any refused write raises."""
        ...

    async def fetch_task(self, *, task_id: UUID) -> Task:
        """Read a task. Raises NotFound."""
        ...

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        """Read the subtasks of a task, in the order of their making."""
        ...

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        """Read all attempts of a task, the oldest first."""
        ...

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        """Read which models were chosen for a task, the oldest first."""
        ...

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        """Read the history of a task from `after` on, in order."""
        ...

    async def fetch_agents(self) -> list[AgentRecord]:
        """Read who is or was alive."""
        ...

    async def fetch_messages(
        self, *, owner: UUID | None, session_id: UUID, limit: int
    ) -> list[SessionMessage]:
        """Read the latest messages of an owner's conversation, the oldest of them first."""
        ...
