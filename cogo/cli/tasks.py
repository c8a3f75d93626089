"""`cogo tasks`: what was asked, by whom it was done, what it cost."""

import asyncio
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.output import print_json, print_line, print_table
from cogo.live.lines import cost_text, error_text, event_line, task_tokens
from cogo.live.waiting import waiting_lines
from cogo.project import Project
from cogo.wiring import open_client
from protocol.ids import parse_task_id, utc_now
from protocol.lifecycle import TaskState
from protocol.records import Event, SelectionRow, Task

EXAMPLES: Final = {
    "list": ("cogo tasks list", "cogo tasks list --status failed --limit 50 --json"),
    "show": ("cogo tasks show 3f2a9c1e-...",),
    "cancel": ('cogo tasks cancel 3f2a9c1e-... --reason "asked twice"',),
    "redrive": ("cogo tasks redrive 3f2a9c1e-...",),
    "retry": ("cogo tasks retry 3f2a9c1e-...",),
}

TaskArgument = Annotated[str, typer.Argument(help="The task's id.")]


def list_(
    *,
    status: Annotated[TaskState | None, typer.Option(help="Only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(help="The latest so many.", min=1, max=1000)] = 20,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List the latest tasks."""
    tasks = asyncio.run(_list(Project.find(directory), limit, status))
    if as_json:
        print_json([task.model_dump(mode="json") for task in tasks])
    elif not tasks:
        print_line('no tasks yet; try: cogo submit "Write a Python function is_palindrome(text)"')
    else:
        print_table(
            ("TASK", "STATUS", "TYPE", "MODEL", "TOKENS", "COST", "PROMPT"),
            [_row(task) for task in tasks],
        )


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
    print_line(f"  {found.prompt.strip().splitlines()[0][:100] if found.prompt.strip() else ''}")
    for event in events:
        print_line(f"  {event.at:%H:%M:%S.%f}  {event_line(event) or event.kind}")
    for selection in selections:
        print_line(f"  model {selection.selected_model}: {selection.reason}")
    print_line(f"  {task_tokens(found)} tokens, {cost_text(found.cost_usd)}")
    if found.error:
        print_line(f"  {error_text(found.error)}")
    for line in waiting:
        print_line(f"  waiting: {line}")


def cancel(
    *,
    task: TaskArgument,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks later.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a task; a model's call under way is ended too."""
    _print_moved(asyncio.run(_cancel(Project.find(directory), task, reason)), as_json=as_json)


def redrive(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Put a failed task back to work."""
    _print_moved(asyncio.run(_redrive(Project.find(directory), task)), as_json=as_json)


async def _list(project: Project, limit: int, status: TaskState | None) -> list[Task]:
    async with open_client(project) as client:
        return await client.store.fetch_tasks(limit=limit, status=status)


async def _show(
    project: Project, task: str
) -> tuple[Task, list[Event], list[SelectionRow], list[str]]:
    task_id = parse_task_id(task)
    async with open_client(project) as client:
        store = client.store
        found = await store.fetch_task(task_id=task_id)
        events = await store.fetch_events(task_id=task_id)
        selections = await store.fetch_selections(task_id=task_id)
        if found.status.is_final:
            return found, events, selections, []
        waiting = waiting_lines(
            await store.fetch_subtasks(task_id=task_id),
            await store.fetch_attempts(task_id=task_id),
            await store.fetch_agents(),
            now=utc_now(),
        )
        return found, events, selections, list(waiting)


async def _cancel(project: Project, task: str, reason: str | None) -> Task:
    async with open_client(project) as client:
        return await client.store.cancel_task(task_id=parse_task_id(task), reason=reason)


async def _redrive(project: Project, task: str) -> Task:
    async with open_client(project) as client:
        return await client.store.redrive_task(task_id=parse_task_id(task))


def _print_moved(task: Task, *, as_json: bool) -> None:
    if as_json:
        print_json(task.model_dump(mode="json"))
    else:
        print_line(f"{task.id}  {task.status}")


def _row(task: Task) -> tuple[str, ...]:
    words = " ".join(task.prompt.split())
    return (
        str(task.id),
        task.status,
        task.type[:20],
        str((task.result or {}).get("model_used", "-")),
        str(task_tokens(task)),
        cost_text(task.cost_usd),
        words[:60] + ("..." if len(words) > 60 else ""),
    )
