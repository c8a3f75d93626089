"""`cogo tasks`: what was asked, by whom it was done, what it cost."""

import asyncio
from typing import Annotated, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.pages import Every, Limit, print_more, read_pages
from cogo.config.context import Project
from cogo.terminal import first_words, print_json, print_line, print_table, print_text
from cogo.watch.format import (
    cost_text,
    error_text,
    event_line,
    marked,
    short,
    simulated_mark,
    task_tokens,
)
from cogo.watch.why_waiting import waiting_lines
from cogo.wiring.stores import open_client
from protocol.lifecycle import TaskState
from protocol.records import Event, SelectionRow, Task

EXAMPLES: Final = {
    "list": ("cogo tasks list", "cogo tasks list --status failed --limit 50 --json"),
    "show": ("cogo tasks show 3f2a9c1e", "cogo tasks show last --json"),
}


def list_(
    *,
    status: Annotated[TaskState | None, typer.Option(help="Only tasks in this state.")] = None,
    limit: Limit = 20,
    every: Every = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List the latest tasks."""
    tasks, has_more = asyncio.run(_list(Project.find(directory), status, limit, every=every))
    if as_json:
        print_json([task.model_dump(mode="json") for task in tasks])
    elif not tasks:
        print_text('no tasks; try `cogo submit "Write a Python function is_palindrome(text)"`')
    else:
        print_table(
            ("TASK", "STATUS", "TYPE", "MODEL", "TOKENS", "COST", "PROMPT"),
            [_row(task) for task in tasks],
            drop=("TYPE", "TOKENS", "COST", "MODEL"),
            brief=True,
        )
    print_more(len(tasks), has_more=has_more)


def show(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Tell the life of a task: every transition, why which model, and what it waits for."""
    found, events, selections, waiting = asyncio.run(_show(Project.find(directory), task))
    if as_json:
        print_json(
            {
                "task": found.model_dump(mode="json"),
                "events": [event.model_dump(mode="json") for event in events],
                "selections": [selection.model_dump(mode="json") for selection in selections],
                "waiting": waiting,
            }
        )
        return
    print_line(f"{found.id}  {found.status}  {found.type}")
    print_text(f"  {first_words(found.prompt, 100)}")
    for event in events:
        print_text(f"  {event.at:%H:%M:%S.%f}  {event_line(event) or event.kind}", indent=30)
    for selection in selections:
        print_text(f"  model {selection.selected_model}: {selection.reason}", indent=2)
    print_line(f"  {task_tokens(found)} tokens, {cost_text(found.cost_usd)}{simulated_mark(found)}")
    if found.error:
        print_text(f"  {error_text(found.error)}", indent=2)
    for column, why in found.unreadable.items():
        print_text(f"  {column} cannot be read: {why}", indent=2)
    for line in waiting:
        print_text(f"  waiting: {line}", indent=2)


async def _list(
    project: Project, status: TaskState | None, limit: int, *, every: bool
) -> tuple[list[Task], bool]:
    async with open_client(project) as client:
        return await read_pages(
            lambda count, last: client.store.find_tasks(
                limit=count, every_owner=True, status=status, before=last.seq if last else None
            ),
            limit=limit,
            every=every,
        )


async def _show(
    project: Project, task: str
) -> tuple[Task, list[Event], list[SelectionRow], list[str]]:
    async with open_client(project) as client:
        store = client.store
        task_id = await find_task_id(store, task)
        found = await store.fetch_task(task_id=task_id)
        events = await store.fetch_events(task_id=task_id)
        selections = await store.fetch_selections(task_id=task_id)
        if found.status.is_final:
            return found, events, selections, []
        waiting = waiting_lines(
            await store.fetch_subtasks(task_id=task_id),
            await store.fetch_attempts(task_id=task_id),
            await store.fetch_agents(),
        )
        return found, events, selections, list(waiting)


def _row(task: Task) -> tuple[str, ...]:
    return (
        short(task.id),
        task.status,
        task.type,
        marked((task.result or {}).get("model_used", "-"), simulated=task.simulated),
        str(task_tokens(task)),
        cost_text(task.cost_usd),
        first_words(task.prompt, 60),
    )
