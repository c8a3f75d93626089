"""API keys, lists of tasks and the log of actions, for the gateway and the command line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from protocol.records import (
    EVERYTHING,
    ActionRow,
    ApiKey,
    AttemptOutput,
    DeadLetter,
    DeadLetterFilter,
    DeadLetterGroup,
    ErasedBatch,
    ExportedRow,
    Member,
    ModelStats,
    NewApiKey,
    ProjectRole,
    ProjectRow,
    QueueHistory,
    Subtask,
    TaskCall,
    TaskCount,
    TaskFacets,
    TaskFilter,
    TaskLine,
    TaskPage,
    ToolTurn,
    UsageQuery,
    UsageReport,
    Visibility,
)
from protocol.records.models import DeploymentRow
from protocol.store.columns import ColumnStore
from protocol.store.instance import InstanceStore
from protocol.store.memory import MemoryStore
from protocol.store.models import ModelStore
from protocol.store.queue import QueueStore
from protocol.store.sessions import SessionStore
from protocol.store.spending import SpendingStore
from protocol.store.waits import WaitStore


class GatewayStore(
    QueueStore,
    ModelStore,
    WaitStore,
    ColumnStore,
    MemoryStore,
    InstanceStore,
    SessionStore,
    SpendingStore,
    Protocol,
):
    """The queue with API keys, lists and figures. Raises what QueueStore raises."""

    async def check_api_key(self, *, key_id: str, key_hash: str) -> ApiKey | None:
        """Return the key if it may be used now. Its use is recorded at most once a minute."""
        ...

    async def fetch_api_keys(self) -> list[ApiKey]:
        """Read all keys, newest first."""
        ...

    async def create_api_key(self, key: NewApiKey) -> ApiKey:
        """Store a key. Raise NotFound if the key that it replaces does not exist."""
        ...

    async def revoke_api_key(self, *, key_id: str) -> ApiKey:
        """Revoke a key for good. Raise NotFound."""
        ...

    async def fetch_projects(self, *, names: Sequence[str] | None = None) -> list[ProjectRow]:
        """Read projects of these names (None: all) with their members, by name."""
        ...

    async def fetch_memberships(self, *, user_id: UUID) -> list[Member]:
        """Read of which projects a user is a member."""
        ...

    async def set_member(self, *, project: str, user_id: UUID, role: ProjectRole) -> Member:
        """Make a user a member of a project, or change their role. Raise InvalidArgument."""
        ...

    async def remove_member(self, *, project: str, user_id: UUID) -> bool:
        """Remove a member of a project; return whether there was one."""
        ...

    async def find_tasks(
        self,
        *,
        limit: int,
        visible: Visibility,
        wanted: TaskFilter | None = None,
        before: int | None = None,
        after: int | None = None,
    ) -> TaskPage:
        """Read the newest tasks before `before`, which is `next` of the previous page.

        Or those just newer than `after`, which is its `newer`. Raise InvalidArgument.
        """
        ...

    async def count_tasks(
        self, *, visible: Visibility, wanted: TaskFilter | None = None
    ) -> TaskCount:
        """Count tasks, for a second at most. Raise InvalidArgument."""
        ...

    async def fetch_task_facets(self, *, visible: Visibility) -> TaskFacets:
        """Return what the newest tasks can be filtered by."""
        ...

    async def fetch_lines_by_id(self, *, task_ids: Sequence[UUID]) -> list[TaskLine]:
        """Read short rows of tasks, without those that do not exist, in any order."""
        ...

    async def delete_task(self, *, task_id: UUID) -> None:
        """Delete an ended task and all that belongs to it. It is no error if there is none."""
        ...

    async def fetch_lines(self, *, limit: int, visible: Visibility) -> list[TaskLine]:
        """Read short rows of the newest tasks, and of the newest unfinished ones.

        Newest first, at most `limit` of each kind, without child tasks.
        """
        ...

    async def fetch_lines_between(self, *, first: UUID, last: UUID, limit: int) -> list[TaskLine]:
        """Read short rows of the tasks whose ids are in a range, ends included, newest first."""
        ...

    async def find_subtasks(self, *, task_id: UUID, ids: Sequence[UUID]) -> list[Subtask]:
        """Read some subtasks of a task, in the order of their insertion."""
        ...

    async def fetch_task_calls(self, *, task_id: UUID) -> list[TaskCall]:
        """Read the calls to models of a task that have ended, oldest first."""
        ...

    async def fetch_attempt_outputs(self, *, task_id: UUID) -> list[AttemptOutput]:
        """Read what attempts had written whose output was not accepted, oldest first."""
        ...

    async def fetch_tool_turns(self, *, task_id: UUID) -> list[ToolTurn]:
        """Read when the tool calls of a task began and ended, those of a subtask in order."""
        ...

    async def erase_owner(
        self,
        *,
        owner: UUID,
        limit: int,
        requested_by: str | None = None,
        dry_run: bool = False,
    ) -> ErasedBatch:
        """Erase a batch of all that belongs to an owner; `dry_run` only counts.

        Call it until `is_done`. Raise InvalidArgument.
        """
        ...

    async def erase_project(
        self,
        *,
        project: str,
        limit: int,
        requested_by: str | None = None,
        dry_run: bool = False,
    ) -> ErasedBatch:
        """Erase a batch of all that belongs to a project, as `erase_owner`."""
        ...

    async def export_tables(self, *, of_project: bool = False) -> list[str]:
        """Return the tables that `export_owner` reads, or `export_project`."""
        ...

    async def export_project(
        self, *, project: str, table: str, limit: int, after: dict[str, JsonValue] | None = None
    ) -> list[ExportedRow]:
        """Read rows of a project, as `export_owner`."""
        ...

    async def export_owner(
        self, *, owner: UUID, table: str, limit: int, after: dict[str, JsonValue] | None = None
    ) -> list[ExportedRow]:
        """Read rows of an owner, after the `place` of the last one. Raise InvalidArgument."""
        ...

    async def find_actions(
        self,
        *,
        limit: int,
        before: int | None = None,
        who: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
    ) -> list[ActionRow]:
        """Read what operators did, newest first. `before` is the last id of the previous page."""
        ...

    async def find_dead_letters(
        self,
        *,
        limit: int,
        wanted: DeadLetterFilter | None = None,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[DeadLetter]:
        """Read dead letters, newest first, after the `dead_at` and `subtask_id` of another one."""
        ...

    async def fetch_dead_letter_groups(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[DeadLetterGroup]:
        """Count the dead letters of a time by class of error, lane and type, 500 at most."""
        ...

    async def fetch_deployments(self) -> list[DeploymentRow]:
        """Read the health of all deployments, learned from calls."""
        ...

    async def fetch_usage(
        self, query: UsageQuery, *, visible: Visibility = EVERYTHING
    ) -> UsageReport:
        """Sum the calls of the audit log that somebody may see. Raise InvalidArgument."""
        ...

    async def fetch_queue_history(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        lane: str | None = None,
    ) -> QueueHistory:
        """Read how many subtasks lanes held, over the last day by default.

        `lane`: only this one; empty for all lanes together. Raise InvalidArgument.
        """
        ...

    async def fetch_model_stats(self) -> list[ModelStats]:
        """Read the figures of each model over the last hour, day and week."""
        ...
