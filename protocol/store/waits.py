"""Answers of people, events for tasks, and the tasks around a task."""

from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from protocol.records import ApprovalRow, SentEvent, Task, Visibility
from protocol.records.tasks import TaskChanges


class WaitStore(Protocol):
    """What tasks wait for. Raises what QueueStore raises."""

    async def find_approvals(
        self,
        *,
        limit: int,
        visible: Visibility,
        task_id: UUID | None = None,
        only_open: bool = True,
        only_answerable: bool = False,
        before: int | None = None,
    ) -> list[ApprovalRow]:
        """Read questions of the tasks that are visible, newest first.

        Includes those of other tasks that only this person may answer; `only_answerable` leaves
        out those that somebody else has to answer. `before` is the `seq` of the last one of the
        previous page.
        """
        ...

    async def fetch_approval(self, *, approval_id: UUID) -> ApprovalRow:
        """Read a question. Raise NotFound."""
        ...

    async def answer_approval(
        self,
        *,
        approval_id: UUID,
        approved: bool,
        comment: str | None = None,
        person: UUID | None = None,
        via: str | None = None,
    ) -> ApprovalRow:
        """Answer a question for `person` (None: as an operator). The first answer counts.

        `via` is recorded as `answered_via`, such as `cli`. Raise NotFound, and MoveNotAllowed if
        the answer was another one, nobody waits for it, or somebody else has to answer.
        """
        ...

    async def send_event(
        self,
        *,
        task_id: UUID,
        name: str,
        payload: JsonValue = None,
        idempotency_key: str | None = None,
        person: UUID | None = None,
    ) -> SentEvent:
        """Send an event to an open task. Raise NotFound, MoveNotAllowed, InvalidArgument, TooLarge.

        A known idempotency key returns the first event.
        """
        ...

    async def fetch_children(self, *, task_id: UUID) -> list[Task]:
        """Read the child tasks of a task, in order, shortened as in lists."""
        ...

    async def find_next_run(self, *, task_id: UUID) -> Task | None:
        """Read the task that repeats this one, if any."""
        ...

    async def fork_task(
        self,
        *,
        task_id: UUID,
        from_step: str | None = None,
        changes: TaskChanges,
        owner: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Submit a task again with what is set in `changes`.

        It belongs to `owner`: None is that of the original, `NOBODY` is without one. With
        `from_step` the steps are reused that do not depend on it, and the prompt and the model are
        those of the step. Raise NotFound, MoveNotAllowed, InvalidArgument, TooLarge.
        """
        ...

    async def find_forks(self, *, task_id: UUID, limit: int) -> list[Task]:
        """Read the newest tasks that were forked from this one, shortened as in lists."""
        ...
