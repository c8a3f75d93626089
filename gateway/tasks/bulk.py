"""One action on many tasks: each is acted on by itself, as if it had been asked for alone."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.auth.principal import Principal
from gateway.problems import Problem
from gateway.tasks.approvals import answer_approval_for
from protocol.errors import CogoError, MoveNotAllowed
from protocol.lifecycle import TaskState
from protocol.records import TaskFilter, TaskLine
from protocol.store.gateway import GatewayStore

MAX_TASKS: Final = 1_000
"""Tasks of one call."""
_PAGE: Final = 200
_AT_ONCE: Final = 8
_MAX_APPROVALS: Final = 100
_OPEN: Final = frozenset({TaskState.PENDING, TaskState.RUNNING, TaskState.HELD})


class BulkAction(StrEnum):
    """What is done with tasks."""

    CANCEL = "cancel"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    """Answers their open questions to people, as `refuse` does."""
    REFUSE = "refuse"

    @property
    def is_answer(self) -> bool:
        """True if it answers questions."""
        return self in {BulkAction.APPROVE, BulkAction.REFUSE}


_STATUSES: Final[Mapping[BulkAction, frozenset[TaskState]]] = {
    BulkAction.CANCEL: _OPEN,
    BulkAction.RETRY: frozenset({TaskState.FAILED}),
    BulkAction.PAUSE: _OPEN - {TaskState.HELD},
    BulkAction.RESUME: frozenset({TaskState.HELD}),
    BulkAction.APPROVE: _OPEN,
    BulkAction.REFUSE: _OPEN,
}


class SkippedTask(BaseModel):
    """A task with which nothing was done."""

    id: UUID
    reason: str


@dataclass(slots=True)
class BulkOutcome:
    """What became of the tasks, in the order in which they ended."""

    done: list[UUID] = field(default_factory=list)
    skipped: list[SkippedTask] = field(default_factory=list)


class BulkTasks(BaseModel):
    """Ids of tasks that an action is for, newest first, and before which to go on."""

    ids: list[UUID] = Field(default_factory=list)
    next: int | None = None


def narrow_filter(wanted: TaskFilter, action: BulkAction) -> TaskFilter | None:
    """Return the filter for the tasks with which an action can be done; None: there are none."""
    statuses = [
        each
        for each in TaskState
        if each in _STATUSES[action] and (not wanted.status or each in wanted.status)
    ]
    if not statuses:
        return None
    asking = wanted.asking or action.is_answer
    return wanted.model_copy(update={"status": statuses, "asking": asking})


async def find_bulk_tasks(
    store: GatewayStore,
    principal: Principal,
    action: BulkAction,
    wanted: TaskFilter,
    *,
    before: int | None = None,
    limit: int = MAX_TASKS,
) -> BulkTasks:
    """Find tasks with which an action can be done, and which the principal may change."""
    narrowed = narrow_filter(wanted, action)
    found: list[UUID] = []
    if narrowed is None:
        return BulkTasks()
    while True:
        page = await store.find_tasks(
            limit=min(_PAGE, limit - len(found)),
            visible=principal.editable,
            wanted=narrowed,
            before=before,
        )
        found += [each.id for each in page.tasks]
        before = page.next
        if before is None or len(found) >= limit:
            return BulkTasks(ids=found, next=before)


async def run_bulk(
    store: GatewayStore,
    principal: Principal,
    action: BulkAction,
    task_ids: Sequence[UUID],
    *,
    reason: str | None = None,
    via: str,
    dry_run: bool = False,
    outcome: BulkOutcome | None = None,
    on_task: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> BulkOutcome:
    """Do something with tasks, a few at once; `dry_run` only says with which it would be done.

    A task with which it cannot be done is skipped. `outcome` has what is known if this is
    cancelled, and `on_task` is called after each task. No task is begun after `stop` is set.
    """
    result = BulkOutcome() if outcome is None else outcome
    lines = {each.id: each for each in await store.fetch_lines_by_id(task_ids=task_ids)}
    waiting = iter(dict.fromkeys(task_ids))

    async def work() -> None:
        for task_id in waiting:
            if stop is not None and stop.is_set():
                return
            skipped = _find_obstacle(principal, action, task_id, lines.get(task_id))
            if skipped is None:
                skipped = await _act(
                    store, principal, action, task_id, reason=reason, via=via, dry_run=dry_run
                )
            if skipped is None:
                result.done.append(task_id)
            else:
                result.skipped.append(SkippedTask(id=task_id, reason=skipped))
            on_task()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(task_ids))):
            group.create_task(work())
    return result


def _find_obstacle(
    principal: Principal, action: BulkAction, task_id: UUID, line: TaskLine | None
) -> str | None:
    """Return why an action cannot be done with a task, as far as its row shows."""
    if line is None or not principal.sees(line):
        return f"there is no task {task_id}, or it is not yours"
    if not principal.may_change(line):
        return f"you may only read the tasks of the project {line.project}"
    if line.status not in _STATUSES[action]:
        return f"it is {line.status}"
    return None


async def _act(
    store: GatewayStore,
    principal: Principal,
    action: BulkAction,
    task_id: UUID,
    *,
    reason: str | None,
    via: str,
    dry_run: bool,
) -> str | None:
    """Do something with a task; return why not."""
    try:
        if action.is_answer:
            await _answer(
                store, principal, action, task_id, comment=reason, via=via, dry_run=dry_run
            )
        elif not dry_run:
            await _choose_call(store, action, task_id, reason)
    except CogoError as error:
        return str(error)
    except Problem as problem:
        return problem.detail
    return None


def _choose_call(
    store: GatewayStore, action: BulkAction, task_id: UUID, reason: str | None
) -> Awaitable[object]:
    match action:
        case BulkAction.CANCEL:
            return store.cancel_task(task_id=task_id, reason=reason)
        case BulkAction.RETRY:
            return store.redrive_task(task_id=task_id)
        case BulkAction.PAUSE:
            return store.pause_task(task_id=task_id)
        case _:
            return store.resume_task(task_id=task_id)


async def _answer(
    store: GatewayStore,
    principal: Principal,
    action: BulkAction,
    task_id: UUID,
    *,
    comment: str | None,
    via: str,
    dry_run: bool,
) -> None:
    """Answer the open questions of a task. Raise CogoError if one cannot be answered so."""
    asked = await store.find_approvals(
        limit=_MAX_APPROVALS, visible=principal.editable, task_id=task_id, only_answerable=True
    )
    if not asked:
        raise MoveNotAllowed("it has no question that you may answer")
    if action is BulkAction.APPROVE and any(each.is_text_question for each in asked):
        raise MoveNotAllowed("a model asks for a text: answer that question by itself")
    for each in asked if not dry_run else ():
        await answer_approval_for(
            store,
            principal,
            each.id,
            approved=action is BulkAction.APPROVE,
            comment=comment,
            via=via,
        )
