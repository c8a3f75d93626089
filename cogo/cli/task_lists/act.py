"""Commands that change tasks: cancel, retry, hold, resume and approve one, several or many."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.ids import find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import open_bar
from cogo.cli.session import confirm_action, run_with_store
from cogo.cli.task_lists.filters import takes_filters
from cogo.errors import UsageError
from cogo.process.shutdown import shut_down_on_signals
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.format import shorten_id
from gateway.auth.principal import LOCAL
from gateway.tasks.bulk import BulkAction, BulkOutcome, find_bulk_tasks, run_bulk
from protocol.errors import MoveNotAllowed
from protocol.lifecycle import TaskState
from protocol.records import Task, TaskFilter
from protocol.store.gateway import GatewayStore

_MOST_RUNS: Final = 100
_PART: Final = 500
_INTERRUPTED: Final = 130
_SHOWN: Final = 5
_WORDS: Final[Mapping[BulkAction, tuple[str, str]]] = {
    BulkAction.CANCEL: ("Cancel", "cancelled"),
    BulkAction.RETRY: ("Retry", "retried"),
    BulkAction.PAUSE: ("Pause", "paused"),
    BulkAction.RESUME: ("Resume", "resumed"),
    BulkAction.APPROVE: ("Approve what is asked by", "approved"),
    BulkAction.REFUSE: ("Refuse what is asked by", "refused"),
}

Tasks = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TASK", help="Ids of tasks, their beginnings, or `last`; or name filters."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say with how many it would be done.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is to be done, and how."""

    action: BulkAction
    reason: str | None
    yes: bool
    dry_run: bool
    as_json: bool


@takes_filters
def cancel_tasks(
    *,
    tasks: Tasks = None,
    wanted: TaskFilter,
    reason: Annotated[str | None, typer.Option(help="Why, for the history of the task.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Cancel tasks: those that are named, or all open ones that filters find.

    Calls to models that are in progress are stopped. A workflow that repeats itself ends with its
    next run: cancel that one. Ctrl-C stops after the tasks that are being cancelled.

    Examples:
        cogo tasks cancel 3f2a9c1e --reason "asked twice"
        cogo tasks cancel last
        cogo tasks cancel --project website --since 2h --dry-run
        cogo tasks cancel --search palindrome --yes
    """

    async def cancel(store: GatewayStore, task_id: UUID) -> Task:
        try:
            return await store.cancel_task(task_id=task_id, reason=reason)
        except MoveNotAllowed as error:
            following = await _find_open_run(store, task_id)
            if following is None:
                raise
            name = shorten_id(following.id)
            raise MoveNotAllowed(
                f"{error}; its next run is {name} ({following.status}): `cogo tasks cancel {name}`"
            ) from error

    order = _Order(
        action=BulkAction.CANCEL, reason=reason, yes=yes, dry_run=dry_run, as_json=as_json
    )
    _act(directory, order, tasks, wanted, cancel)


async def _find_open_run(store: GatewayStore, task_id: UUID) -> Task | None:
    """Return the run that has not ended, of a task that repeats itself."""
    found = await store.find_next_run(task_id=task_id)
    for _ in range(_MOST_RUNS):
        if found is None or not found.status.is_final:
            return found
        found = await store.find_next_run(task_id=found.id)
    return None


@takes_filters
def retry_tasks(
    *,
    tasks: Tasks = None,
    wanted: TaskFilter,
    yes: Yes = False,
    dry_run: DryRun = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Retry failed tasks: those that are named, or all that filters find.

    `cogo tasks redrive` and `cogo tasks retry` are the same command.

    Examples:
        cogo tasks retry 3f2a9c1e
        cogo tasks redrive 3f2a9c1e
        cogo tasks retry --since yesterday --type GENERATE_CODE
        cogo tasks retry --search "rate limit" --dry-run
    """
    order = _Order(action=BulkAction.RETRY, reason=None, yes=yes, dry_run=dry_run, as_json=as_json)
    _act(directory, order, tasks, wanted, lambda store, task: store.redrive_task(task_id=task))


@takes_filters
def hold_tasks(
    *,
    tasks: Tasks = None,
    wanted: TaskFilter,
    yes: Yes = False,
    dry_run: DryRun = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Pause tasks: those that are named, or all that filters find.

    Subtasks that are running finish; no other starts until `cogo resume`.

    Examples:
        cogo hold 3f2a9c1e
        cogo hold last --json
        cogo tasks hold --status pending --project website
    """
    order = _Order(action=BulkAction.PAUSE, reason=None, yes=yes, dry_run=dry_run, as_json=as_json)
    _act(directory, order, tasks, wanted, lambda store, task: store.pause_task(task_id=task))


@takes_filters
def resume_tasks(
    *,
    tasks: Tasks = None,
    wanted: TaskFilter,
    yes: Yes = False,
    dry_run: DryRun = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Resume paused tasks: those that are named, or all that filters find.

    Examples:
        cogo resume 3f2a9c1e
        cogo tasks resume --project website --yes
    """
    order = _Order(action=BulkAction.RESUME, reason=None, yes=yes, dry_run=dry_run, as_json=as_json)
    _act(directory, order, tasks, wanted, lambda store, task: store.resume_task(task_id=task))


@takes_filters
def answer_tasks(
    *,
    tasks: Tasks = None,
    wanted: TaskFilter,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse instead.")] = False,
    comment: Annotated[
        str | None, typer.Option(help="Why, for the tasks and their histories.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Approve or refuse all that tasks ask people: those that are named, or that filters find.

    Questions that need a text are left: `cogo approvals answer` answers one of them.

    Examples:
        cogo tasks approve 3f2a9c1e 8b04d7aa
        cogo tasks approve --type DEPLOY --since 2h --dry-run
        cogo tasks approve --project website --refuse --comment "not on a Friday"
    """
    action = BulkAction.REFUSE if refuse else BulkAction.APPROVE
    order = _Order(action=action, reason=comment, yes=yes, dry_run=dry_run, as_json=as_json)
    _act(directory, order, tasks, wanted, None)


def _act(
    directory: Path | None,
    order: _Order,
    names: list[str] | None,
    wanted: TaskFilter,
    change: Callable[[GatewayStore, UUID], Awaitable[Task]] | None,
) -> None:
    """Do something with tasks; `change` is how it is done with one that is named alone."""
    if names and wanted != TaskFilter():
        raise UsageError("name either tasks or filters")
    if not names and wanted.model_copy(update={"children": False}) == TaskFilter():
        raise UsageError("nothing is selected", hint="name a task, or filters: --status pending")
    ids = run_with_store(directory, lambda store: _find_tasks(store, order, names, wanted))
    if names and len(names) == 1 and change is not None and not order.dry_run:
        _print_changed(run_with_store(directory, lambda store: change(store, ids[0])), order)
        return
    verb, _ = _WORDS[order.action]
    if ids and not order.dry_run and not names:
        question = f"{verb} {_count(len(ids))}?"
        confirm_action(question, yes=order.yes, as_json=order.as_json)
    outcome = run_with_store(directory, lambda store: _run(store, order, ids))
    _print_outcome(order, outcome, len(ids))


async def _find_tasks(
    store: GatewayStore, order: _Order, names: list[str] | None, wanted: TaskFilter
) -> list[UUID]:
    if names:
        return [*dict.fromkeys([await find_task_id(store, each) for each in names])]
    found: list[UUID] = []
    before = None
    with open_bar("find tasks", is_hidden=order.as_json) as bar:
        while True:
            page = await find_bulk_tasks(store, LOCAL, order.action, wanted, before=before)
            found += page.ids
            bar.show(len(found))
            before = page.next
            if before is None:
                return found


async def _run(store: GatewayStore, order: _Order, ids: list[UUID]) -> BulkOutcome:
    """Do it, a part of the tasks after the other.

    After the first Ctrl-C no task is begun; after the second those in progress are left.
    """
    outcome = BulkOutcome()
    verb, _ = _WORDS[order.action]
    with (
        shut_down_on_signals() as shutdown,
        open_bar(verb.lower(), len(ids), is_hidden=order.as_json) as bar,
    ):

        async def work() -> None:
            for first in range(0, len(ids), _PART):
                await run_bulk(
                    store,
                    LOCAL,
                    order.action,
                    ids[first : first + _PART],
                    reason=order.reason,
                    via="cli",
                    dry_run=order.dry_run,
                    outcome=outcome,
                    on_task=bar.advance,
                    stop=shutdown.drain,
                )

        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            leaving = group.create_task(shutdown.cancel.wait())
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            leaving.cancel()
    return outcome


def _print_changed(changed: Task, order: _Order) -> None:
    if order.as_json:
        print_json(changed)
        return
    print_line(f"{changed.id}  {changed.status}")
    if changed.status is TaskState.HELD:
        resume = f"`cogo resume {shorten_id(changed.id)}`"
        print_text(f"running subtasks finish; no other starts until {resume}", err=True)


def _print_outcome(order: _Order, outcome: BulkOutcome, total: int) -> None:
    left = total - len(outcome.done) - len(outcome.skipped)
    if order.as_json:
        print_json({
            "action": order.action,
            "dry_run": order.dry_run,
            "done": outcome.done,
            "skipped": outcome.skipped,
            "left": left,
        })  # fmt: skip
    else:
        _, participle = _WORDS[order.action]
        how = f"would be {participle}" if order.dry_run else participle
        print_line(f"{_count(len(outcome.done))} {how}")
        reasons: dict[str, list[UUID]] = defaultdict(list)
        for each in outcome.skipped:
            reasons[each.reason].append(each.id)
        for reason, ids in reasons.items():
            names = ", ".join(map(shorten_id, ids[:_SHOWN])) + ", ..." * (len(ids) > _SHOWN)
            print_text(f"{_count(len(ids))} skipped ({names}): {reason}", err=True, indent=2)
        if left:
            print_text(f"interrupted: {_count(left)} are left; the same command goes on", err=True)
    if left:
        raise typer.Exit(_INTERRUPTED)
    if outcome.skipped:
        raise typer.Exit(1)


def _count(number: int) -> str:
    return "1 task" if number == 1 else f"{number:,} tasks"
