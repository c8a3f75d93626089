"""The office: what the HTTP gateway and the command line need of the database beside the store."""

from typing import Protocol
from uuid import UUID

from protocol.lifecycle import TaskState
from protocol.records import ApiKey, Budget, ModelStats, NewApiKey, Task, TaskLine
from protocol.store.models import JudgementStore
from protocol.store.queue import Store


class Office(Store, JudgementStore, Protocol):
    """A store that also keeps the keys of the gateway. Raises what Store raises."""

    async def check_api_key(self, *, key_id: str, key_hash: str) -> ApiKey | None:
        """Give the key when it may be used now; its use is noted once a minute."""
        ...

    async def fetch_api_keys(self) -> list[ApiKey]:
        """Read all keys, the newest first."""
        ...

    async def create_api_key(self, key: NewApiKey) -> ApiKey:
        """Store a key. Raises NotFound when the one that it replaces is not there."""
        ...

    async def revoke_api_key(self, *, key_id: str) -> ApiKey:
        """End a key for good. Raises NotFound."""
        ...

    async def find_tasks(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        status: TaskState | None = None,
        task_type: str | None = None,
        before: int | None = None,
    ) -> list[Task]:
        """Read tasks of `owner` (None: of those without one), the newest first.

        `before` is the `seq` of the last task of the page before.
        """
        ...

    async def fetch_lines(
        self, *, limit: int, owner: UUID | None = None, every_owner: bool = False
    ) -> list[TaskLine]:
        """Read the newest tasks of `owner`, and the newest of those that are not over, as lines.

        The newest first, at most `limit` of each kind.
        """
        ...

    async def fetch_lines_between(self, *, first: UUID, last: UUID, limit: int) -> list[TaskLine]:
        """Read the tasks whose ids lie between two, both included, the newest first."""
        ...

    async def fetch_budgets(self) -> list[Budget]:
        """Read all caps on what may be spent, and how they stand."""
        ...

    async def fetch_model_stats(self) -> list[ModelStats]:
        """Read what was observed of each model over the last hour, day and week."""
        ...
