"""The queue: tasks, subtasks and leases, one method per RPC or read."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from protocol.records import (
    AgentRecord,
    Attempt,
    CallEnd,
    Claim,
    ClaimRequest,
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
    RoundTrip,
    SelectionRecord,
    SelectionRow,
    StoredTurn,
    Subtask,
    Task,
    TaskTurn,
    TurnAnswer,
    TurnBatch,
    TurnLine,
    WriteCheck,
)
from protocol.store.columns import ColumnRunStore
from protocol.store.instance import VerifyingStore
from protocol.store.memory import MemoryUseStore
from protocol.store.models import ModelStore
from protocol.store.sessions import SessionReadStore


class QueueStore(
    ModelStore, ColumnRunStore, MemoryUseStore, VerifyingStore, SessionReadStore, Protocol
):
    """The store of agents: the queue, AI columns, memory, and the statistics of models.

    Every call is idempotent and may be retried after StoreUnavailable. In addition to the errors
    in their docstrings, all methods raise StoreUnavailable, Unauthorized and MigrationMissing.
    """

    async def claim_subtasks(
        self,
        *,
        agent_id: str,
        lanes: Sequence[str],
        limit: int,
        lease: timedelta,
        request_id: UUID,
        lane_limits: Mapping[str, int] | None = None,
    ) -> Sequence[Claim]:
        """Lease up to `limit` queued subtasks; the same `request_id` returns the same leases.

        `lane_limits` limits how many of them are of one lane.
        """
        ...

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        """Extend leases; return one answer each."""
        ...

    async def complete_subtasks(
        self, *, agent_id: str, items: Sequence[Completion]
    ) -> list[CompletionAnswer]:
        """Store the results of subtasks; return one answer each, in order."""
        ...

    async def complete_and_claim(
        self,
        *,
        agent_id: str,
        items: Sequence[Completion],
        claim: ClaimRequest | None = None,
        calls: Sequence[CallEnd] = (),
    ) -> RoundTrip:
        """Record the ends of calls, store results, then claim, in one round trip.

        Whatever becomes of the claim, the results are kept.
        """
        ...

    async def fail_subtask(self, *, agent_id: str, failure: Failure) -> FailureAnswer:
        """Record a failed attempt; `failure.action` determines what follows."""
        ...

    async def release_subtasks(
        self, *, agent_id: str, leases: Sequence[LeaseRef] | None, reason: str, died: bool = False
    ) -> list[ReleaseAnswer]:
        """Release leases (None: all of the agent's). If the agent `died`, each counts as a reap."""
        ...

    async def record_agent(self, agent: AgentRecord) -> None:
        """Record a heartbeat of an agent."""
        ...

    async def reap(self, *, limit: int = 100) -> Reaped:
        """Process what is due: expired leases, delayed subtasks, passed deadlines."""
        ...

    async def prune(self, *, limit: int = 100, older_than: timedelta) -> int:
        """Delete up to `limit` tasks that finished earlier, oldest first; return how many."""
        ...

    async def prune_records(
        self,
        *,
        limit: int = 1000,
        switches_older_than: timedelta | None = None,
        calls_older_than: timedelta | None = None,
    ) -> int:
        """Delete old model switches and audited calls (those of 30 days and more); None keeps them.

        Return how many rows were deleted.
        """
        ...

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Read outputs of completed steps, by key, which the lease of their flow left out."""
        ...

    async def store_turns(self, *, agent_id: str, items: Sequence[TurnBatch]) -> list[TurnAnswer]:
        """Store turns of attempts that hold their leases; return one answer each, in order."""
        ...

    async def fetch_turns(self, *, subtask_id: UUID) -> list[StoredTurn]:
        """Read the stored turns of a subtask, in order. Raise OutOfRange if they are unreadable."""
        ...

    async def fetch_turn_lines(self, *, subtask_id: UUID, after: int = 0) -> list[TurnLine]:
        """Read what watchers see of the stored turns of a subtask after `seq` `after`, in order."""
        ...

    async def fetch_task_turns(
        self, *, task_ids: Sequence[UUID], owner: UUID | None
    ) -> list[TaskTurn]:
        """Read the answers and the results of an owner's tasks, those of a subtask in order.

        Of very much the newest are read.
        """
        ...

    async def may_read_object(self, *, owner: UUID | None, bucket: str, path: str) -> bool:
        """Return whether an owner (None: anyone) could read an object of Supabase Storage."""
        ...

    async def fetch_object(self, *, bucket: str, path: str, most: int) -> bytes:
        """Return the content of an object of at most `most` bytes, whoever may read it.

        Raise NotFound, TooLarge.
        """
        ...

    async def record_selection(self, selection: SelectionRecord) -> None:
        """Store and announce a model selection that belongs to no plan."""
        ...

    async def submit_task(self, task: NewTask) -> Task:
        """Insert a task. A known idempotency key returns the task of the first call."""
        ...

    async def cancel_task(self, *, task_id: UUID, reason: str | None = None) -> Task:
        """Cancel a task. Raise NotFound, MoveNotAllowed."""
        ...

    async def redrive_task(self, *, task_id: UUID) -> Task:
        """Redrive a failed task. Raise NotFound, MoveNotAllowed."""
        ...

    async def redrive_subtask(self, *, subtask_id: UUID) -> Subtask:
        """Redrive a dead-lettered subtask. Raise NotFound, MoveNotAllowed."""
        ...

    async def pause_task(self, *, task_id: UUID) -> Task:
        """Hold a task. Raise NotFound, MoveNotAllowed."""
        ...

    async def resume_task(self, *, task_id: UUID) -> Task:
        """Resume a held task. Raise NotFound, MoveNotAllowed."""
        ...

    async def approve_subtask(
        self, *, subtask_id: UUID, approved: bool = True, comment: str | None = None
    ) -> Subtask:
        """Approve or reject a subtask that waits for a person. Raise NotFound, MoveNotAllowed."""
        ...

    async def fetch_queue(self) -> list[QueueRow]:
        """Read the number of subtasks by lane, owner and state. SQL: `cogo_queue`."""
        ...

    async def set_lane(
        self,
        *,
        lane: str,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        """Pause, resume or limit a lane. None changes nothing, -1 removes a limit."""
        ...

    async def set_owner(
        self,
        *,
        owner: UUID | None,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        """Pause, resume or limit an owner, like `set_lane`. None: all tasks without an owner."""
        ...

    async def schema_versions(self) -> list[str]:
        """Return the versions of the applied migrations."""
        ...

    async def check_writes(self) -> WriteCheck:
        """Write something that needs disk space. Raise what any refused write raises."""
        ...

    async def fetch_task(self, *, task_id: UUID) -> Task:
        """Read a task. Raise NotFound."""
        ...

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        """Read the subtasks of a task, in order of creation."""
        ...

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        """Read all attempts of a task, oldest first."""
        ...

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        """Read the model selections of a task, oldest first."""
        ...

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        """Read the history of a task from `after` on, in order."""
        ...

    async def fetch_agents(self) -> list[AgentRecord]:
        """Read all agents, the latest heartbeat first."""
        ...
