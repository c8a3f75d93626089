"""Wait for a task, and tell the client what it does meanwhile."""

import asyncio
from typing import Final
from uuid import UUID

from gateway.mcp.backend import ReportProgress, ToolCaller
from gateway.mcp.progress import TaskProgress
from gateway.streams.task_trees import watch_tree
from gateway.tasks.task_run import load_visible_task
from protocol.records import ApprovalRow, Event, Task
from protocol.transcript import TaskEnded, TaskUpdate

REPORT_SECONDS: Final = 1.0
"""Minimum time between two reports: a model writes many pieces a second."""
ALIVE_SECONDS: Final = 10.0
"""A report comes at least this often: some clients give a call up that is silent."""
MAX_APPROVALS: Final = 100


async def wait_for_task(
    caller: ToolCaller, task_id: UUID, *, seconds: float, stops_at_question: bool = False
) -> Task:
    """Return the task when it has ended, or as it is after `seconds`.

    `stops_at_question`: also when a person has to answer something. Raise NotFound.
    """
    task = await load_visible_task(caller.services, caller.principal, task_id)
    if task.status.is_final or seconds <= 0:
        return task
    if stops_at_question and await find_open_approvals(caller, task_id):
        return task
    reporter = _Reporter(task_id, caller.report)
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    async with watch_tree(caller.services.feeds, task_id) as watcher:
        while (left := deadline - clock()) > 0:
            updates = await watcher.next_updates(within=min(left, reporter.get_pause()))
            for update in updates:
                reporter.apply(update)
            await reporter.report_if_due()
            if any(isinstance(each, TaskEnded) and each.task.id == task_id for each in updates):
                break
            if (
                stops_at_question
                and any(map(_may_ask, updates))
                and await find_open_approvals(caller, task_id)
            ):
                break
        await reporter.report_if_new()
    return await load_visible_task(caller.services, caller.principal, task_id)


async def find_open_approvals(caller: ToolCaller, task_id: UUID) -> list[ApprovalRow]:
    """Return the questions of a task that wait for an answer."""
    return await caller.services.store.find_approvals(
        limit=MAX_APPROVALS, visible=caller.principal.visibility, task_id=task_id
    )


def _may_ask(update: TaskUpdate) -> bool:
    return isinstance(update, Event) and update.kind in {"subtask.waiting", "subtask.held"}


class _Reporter:
    """Reports what has changed, neither too often nor too seldom."""

    def __init__(self, task_id: UUID, report: ReportProgress) -> None:
        self._report = report
        self._progress = TaskProgress(task_id)
        self._clock = asyncio.get_running_loop().time
        self._said = ""
        self._said_at = -ALIVE_SECONDS + self._clock()

    def apply(self, update: TaskUpdate) -> None:
        self._progress.apply(update)

    def get_pause(self) -> float:
        """Return for how long nothing needs to be reported."""
        least = ALIVE_SECONDS if self._progress.describe() == self._said else REPORT_SECONDS
        return max(0.05, self._said_at + least - self._clock())

    async def report_if_due(self) -> None:
        line = self._progress.describe()
        since = self._clock() - self._said_at
        if since >= (ALIVE_SECONDS if line == self._said else REPORT_SECONDS):
            await self._say(line)

    async def report_if_new(self) -> None:
        if (line := self._progress.describe()) != self._said:
            await self._say(line)

    async def _say(self, line: str) -> None:
        self._said, self._said_at = line, self._clock()
        await self._report(line)
