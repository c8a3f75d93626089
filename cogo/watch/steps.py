"""Follow the steps of a task's workflow: its decisions, and what each step is, costs and gives."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import JsonValue

from cogo.watch.follow import POLL_SECONDS, follow
from protocol.bus import Bus
from protocol.errors import NotFound, StoreUnavailable
from protocol.lifecycle import SubtaskState
from protocol.records import EVERYTHING, ApprovalRow, Event, SelectionRow, Subtask
from protocol.store.gateway import GatewayStore
from protocol.transcript import ChildBegan, PartReader, TaskEnded, TaskUpdate

_T = TypeVar("_T")
_ENDS: Final = frozenset({SubtaskState.COMPLETED, SubtaskState.FAILED, SubtaskState.CANCELLED})
_UNASKED: Final = frozenset({"event", "task"})
"""Kinds of steps that wait for something else than a person."""
_MOST_APPROVALS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpdate:
    """A change of a step, with its row, which may be newer than the change."""

    event: Event
    row: Subtask
    reason: str | None = None
    """Why the step has its model."""
    spent: Decimal | None = None
    """What the task has cost; only at the end of a step, and None if it is not known."""
    approvals: tuple[ApprovalRow, ...] = ()
    """The open questions of a step that waits for people."""
    agent: str = ""
    """Its name in the task that is followed: its key, after those of the child tasks above it."""
    cost: Decimal | None = None
    """What a step that has ended has cost; None if it is not known, or no parts are followed."""

    @property
    def name(self) -> str:
        """The name of the step in the task that is followed."""
        return self.agent or self.row.key

    @property
    def status(self) -> str:
        """The new status of the step."""
        return self.event.kind.partition(".")[2]

    @property
    def role(self) -> str | None:
        """The role of the step in its workflow."""
        role = self.row.metadata.get("role")
        return role if isinstance(role, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionUpdate:
    """Decisions that the workflow has taken since the last update."""

    task_id: UUID
    at: datetime
    decisions: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionsUpdate:
    """A step waits for people, with the open questions, the oldest first."""

    event: Event
    approvals: tuple[ApprovalRow, ...]


RunUpdate: TypeAlias = TaskUpdate | StepUpdate | DecisionUpdate
"""An update about a task whose steps are followed."""


async def follow_steps(
    task_id: UUID,
    *,
    store: GatewayStore,
    bus: Bus,
    poll: float = POLL_SECONDS,
    with_parts: bool = False,
) -> AsyncGenerator[RunUpdate, None]:
    """Yield the updates of a task until it has ended; what concerns steps with their rows.

    Rows are read at changes only, and one by one. A store that is unavailable is asked again. With
    parts the updates of child tasks are among them, and ends of steps say what the step has cost.
    """
    names, readers = PartReader(), dict[UUID, _StepReader]()
    updates = follow([task_id], store=store, bus=bus, poll=poll, with_parts=with_parts)
    async with aclosing(updates):
        async for update in updates:
            if isinstance(update, ChildBegan):
                list(names.apply(update))
            own = task_id if isinstance(update, TaskEnded) else update.task_id or task_id
            root = task_id if with_parts else None
            reader = readers.setdefault(own, _StepReader(own, store, poll, root))
            match update:
                case Event(subtask_id=UUID()) if update.detail.get("kind") == "flow":
                    if (decided := await reader.read_decisions(update)) is not None:
                        yield decided
                case Event(subtask_id=UUID()) if update.kind.startswith("subtask."):
                    step = await reader.read_step(update)
                    yield replace(step, agent=names.get_agent(own, step.row.key))
                case SelectionRow():
                    reader.keep_reason(update)
                case _:
                    yield update


async def follow_with_questions(
    task_id: UUID, *, store: GatewayStore, bus: Bus, poll: float = POLL_SECONDS
) -> AsyncGenerator[TaskUpdate | QuestionsUpdate, None]:
    """Yield the updates of a task and its child tasks until it has ended.

    In place of the event that people are asked comes what they are asked.
    """
    updates = follow([task_id], store=store, bus=bus, poll=poll, with_parts=True)
    async with aclosing(updates):
        async for update in updates:
            asked = await _find_questions(store, update, poll) if isinstance(update, Event) else ()
            if isinstance(update, Event) and asked:
                yield QuestionsUpdate(event=update, approvals=asked)
            else:
                yield update


async def _find_questions(
    store: GatewayStore, event: Event, poll: float
) -> tuple[ApprovalRow, ...]:
    subtask_id = event.subtask_id
    if event.kind != "subtask.waiting" or subtask_id is None:
        return ()
    if event.detail.get("kind") in _UNASKED:
        return ()
    return await _retry(lambda: _read_approvals(store, event.task_id, subtask_id), poll)


async def _read_approvals(
    store: GatewayStore, task_id: UUID, subtask_id: UUID
) -> tuple[ApprovalRow, ...]:
    asked = await store.find_approvals(limit=_MOST_APPROVALS, visible=EVERYTHING, task_id=task_id)
    return tuple(each for each in reversed(asked) if each.subtask_id == subtask_id)


async def _retry(read: Callable[[], Awaitable[_T]], poll: float) -> _T:
    while True:
        try:
            return await read()
        except StoreUnavailable:
            await asyncio.sleep(poll)


class _StepReader:
    """Reads what the events of one task do not say."""

    def __init__(self, task_id: UUID, store: GatewayStore, poll: float, root: UUID | None) -> None:
        self._task_id = task_id
        self._root = root
        """The task that is followed with its parts; None: this one without."""
        self._store = store
        self._poll = poll
        self._rows: dict[UUID, Subtask] = {}
        self._reasons: dict[UUID, str] = {}
        self._decided: set[str] = set()

    def keep_reason(self, selection: SelectionRow) -> None:
        """Keep the reason for the model of a step, which comes before the step begins."""
        if selection.subtask_id is not None and selection.reason is not None:
            self._reasons[selection.subtask_id] = selection.reason

    async def read_decisions(self, event: Event) -> DecisionUpdate | None:
        """Return the new decisions of a flow that suspends or ends; None if there are none."""
        if event.kind in {"subtask.running", "subtask.queued"}:
            return None
        row = await self._read_row(event)
        decided = row.decisions or {}
        new = {key: value for key, value in decided.items() if key not in self._decided}
        self._decided |= new.keys()
        return DecisionUpdate(task_id=self._task_id, at=event.at, decisions=new) if new else None

    async def read_step(self, event: Event) -> StepUpdate:
        """Return what an event means for its step."""
        row = await self._read_row(event)
        status = event.kind.partition(".")[2]
        has_ended = status in {"completed", "failed"}
        is_asked = status == "waiting" and row.kind not in _UNASKED and row.status not in _ENDS
        return StepUpdate(
            event=event,
            row=row,
            reason=self._reasons.get(row.id),
            spent=await self._retry(self._read_spent) if has_ended else None,
            cost=await self._retry(lambda: self._read_cost(row)) if has_ended else None,
            approvals=await self._retry(lambda: self._read_approvals(row.id)) if is_asked else (),
        )

    async def _read_row(self, event: Event) -> Subtask:
        ids = [event.subtask_id] if event.subtask_id else []
        known = self._rows.get(ids[0])
        if known is not None and (event.kind == "subtask.running" or _is_at_least(known, event)):
            return known
        rows = await self._retry(lambda: self._store.find_subtasks(task_id=self._task_id, ids=ids))
        if not rows:
            raise NotFound(f"task {self._task_id} was deleted")
        self._rows[rows[0].id] = rows[0]
        return rows[0]

    async def _read_spent(self) -> Decimal | None:
        return await self._read_cost_of_task(self._root or self._task_id)

    async def _read_cost_of_task(self, task_id: UUID) -> Decimal | None:
        lines = await self._store.fetch_lines_between(first=task_id, last=task_id, limit=1)
        return lines[0].cost_usd if lines else None

    async def _read_cost(self, row: Subtask) -> Decimal | None:
        if self._root is None:
            return None
        if row.child_task_id is not None:
            return await self._read_cost_of_task(row.child_task_id)
        attempts = await self._store.fetch_attempts(task_id=row.task_id)
        return sum_costs([each.cost_usd for each in attempts if each.subtask_id == row.id])

    async def _read_approvals(self, subtask_id: UUID) -> tuple[ApprovalRow, ...]:
        return await _read_approvals(self._store, self._task_id, subtask_id)

    async def _retry(self, read: Callable[[], Awaitable[_T]]) -> _T:
        return await _retry(read, self._poll)


def sum_costs(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Return what attempts have cost together; None if the cost of one is not known."""
    return None if None in costs else sum((each for each in costs if each), Decimal())


def _is_at_least(row: Subtask, event: Event) -> bool:
    """Return whether a row has ended, and its end is the event or came after it."""
    return row.status in _ENDS and row.finished_at is not None and event.at <= row.finished_at
