"""`cogo show` and `cogo tasks show`: results, failed attempts and histories of tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.tasks.result import (
    list_detail_lines,
    print_result,
    require_writable,
)
from cogo.config.context import Project
from cogo.config.lock import is_up_running
from cogo.terminal import print_json, print_line, print_text, shorten
from cogo.watch.calls import list_turn_lines
from cogo.watch.format import (
    format_cost,
    format_error,
    format_event,
    format_simulated_mark,
    shorten_id,
    sum_tokens,
)
from cogo.watch.why_waiting import explain_copy, explain_waiting
from protocol.lanes import is_model_lane
from protocol.records import (
    Attempt,
    AttemptOutput,
    Event,
    SelectionRow,
    Subtask,
    Task,
    TurnLine,
)
from protocol.store.gateway import GatewayStore

_MOST_FORKS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    """What `cogo tasks show` prints of a task."""

    task: Task
    events: Sequence[Event]
    selections: Sequence[SelectionRow]
    children: Sequence[Task]
    next_run: Task | None
    forks: Sequence[Task]
    waiting: list[str]


def show_result(
    *,
    task: TaskArgument,
    out: Annotated[Path | None, typer.Option(help="Write the result to this file.")] = None,
    turns: Annotated[
        bool,
        typer.Option(
            "--turns", help="Show instead what models said, called and got, turn by turn."
        ),
    ] = False,
    attempts: Annotated[
        bool,
        typer.Option("--attempts", help="Show instead what failed attempts had written, and why."),
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show the result of a task.

    The result goes to standard output, the status, the tools that were called and notes to standard
    error. The result of a task with a schema is its data, as JSON. Exit codes: 0 completed,
    1 failed, 3 not finished, 4 cancelled.

    Examples:
        cogo show last                    # the result, on standard output
        cogo show last | jq .name         # of a task with a schema
        cogo show 3f2a9c1e --out search.py
        cogo show 3f2a9c1e --turns        # of a task with tools
        cogo show 3f2a9c1e --attempts     # of a task that needed several
        cogo show 3f2a9c1e --json | jq .result
    """
    if out is not None:
        require_writable(out)
    project = Project.find(directory)
    if turns:
        _print_turns(project, task, as_json=as_json)
        return
    if attempts:
        _print_attempts(project, task, as_json=as_json)
        return

    async def fetch(store: GatewayStore) -> tuple[Task, Task | None, list[str]]:
        found = await store.fetch_task(task_id=await find_task_id(store, task))
        waiting = [] if as_json else await _explain_waiting(store, found, home=project.home)
        return found, await _find_next_run(store, found), waiting

    found, following, waiting = run_with_store(project, fetch)
    code = print_result(found, as_json=as_json, out=out)
    name = shorten_id(found.id)
    if following is not None and not as_json:
        print_text(f"{name}  {_describe_next_run(following)}", err=True, indent=10)
    if found.error and not as_json:
        print_text(f"{name}  {format_error(found.error)}", err=True, indent=10)
    for line in waiting:
        print_text(f"{name}  waiting: {line}", err=True, indent=10)
    if not found.status.is_final and not as_json:
        text = f"`cogo watch {name}` follows it, `cogo tasks show {name}` shows its history"
        print_text(f"{name}  {text}", err=True, indent=10)
    raise typer.Exit(code)


def _print_turns(project: Project, task: str, *, as_json: bool) -> None:
    async def fetch(store: GatewayStore) -> list[tuple[Subtask, list[TurnLine]]]:
        steps = await store.fetch_subtasks(task_id=await find_task_id(store, task))
        stored = [
            (each, await store.fetch_turn_lines(subtask_id=each.id))
            for each in steps
            if is_model_lane(each.lane)
        ]
        return [(step, lines) for step, lines in stored if lines]

    found = run_with_store(project, fetch)
    if as_json:
        print_json([
            {"subtask_id": step.id, "key": step.key, "output": step.output, "turns": lines}
            for step, lines in found
        ])  # fmt: skip
        return
    for step, lines in found:
        for line in list_turn_lines(step, lines):
            print_line(line)
    if not found:
        print_text("no step has turns: models have called no tools", err=True)


def _print_attempts(project: Project, task: str, *, as_json: bool) -> None:
    async def fetch(
        store: GatewayStore,
    ) -> tuple[list[Subtask], list[Attempt], list[AttemptOutput]]:
        task_id = await find_task_id(store, task)
        return (
            await store.fetch_subtasks(task_id=task_id),
            await store.fetch_attempts(task_id=task_id),
            await store.fetch_attempt_outputs(task_id=task_id),
        )

    steps, rows, outputs = run_with_store(project, fetch)
    keys = {each.id: each.key for each in steps}
    attempts = {(each.subtask_id, each.attempt): each for each in rows}
    found = [(attempts[ref], each) for each in outputs
             if (ref := (each.subtask_id, each.attempt)) in attempts]  # fmt: skip
    if as_json:
        print_json([
            {"key": keys.get(each.subtask_id)} | output.model_dump(mode="json")
            | each.model_dump(mode="json", include={"model_id", "outcome", "error"})
            for each, output in found
        ])  # fmt: skip
        return
    for each, output in found:
        why = format_error(each.error) if each.error else each.outcome
        name = f"{keys.get(each.subtask_id, 'step')}, attempt {each.attempt}"
        print_text(f"{name}  {each.model_id or each.lane}  {why}", indent=2)
        for line in (output.text or output.reasoning or "").splitlines():
            print_line(f"  {line}")
        if output.characters is not None:
            print_line(f"  (cut: {output.characters:,} characters)")
    if not found:
        print_text("no attempt that failed had written anything", err=True)


def show_task(*, task: TaskArgument, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show the history of a task.

    Prints every transition, each choice of a model with its reason, and what the task waits for.

    Examples:
        cogo tasks show 3f2a9c1e
        cogo tasks show last --json
    """
    project = Project.find(directory)
    history = run_with_store(project, lambda store: _fetch_history(store, task, home=project.home))
    if as_json:
        print_json({field.name: getattr(history, field.name) for field in fields(history)})
        return
    found = history.task
    print_line(f"{found.id}  {found.status}  {found.type}")
    print_text(f"  {shorten(found.prompt, 100)}")
    for event in history.events:
        print_text(f"  {event.at:%H:%M:%S.%f}  {format_event(event) or event.kind}", indent=30)
    for selection in history.selections:
        print_text(f"  model {selection.selected_model}: {selection.reason}", indent=2)
    print_line(
        f"  {sum_tokens(found)} tokens, {format_cost(found.cost_usd)}{format_simulated_mark(found)}"
    )
    for line in list_detail_lines(found):
        print_text(f"  {line}", indent=2)
    if found.error:
        print_text(f"  {format_error(found.error)}", indent=2)
    for column, why in found.unreadable.items():
        print_text(f"  {column} cannot be read: {why}", indent=2)
    for line in _list_relatives(history):
        print_text(f"  {line}", indent=2)
    for line in history.waiting:
        print_text(f"  waiting: {line}", indent=2)


async def _fetch_history(store: GatewayStore, task: str, *, home: Path) -> _History:
    task_id = await find_task_id(store, task)
    found = await store.fetch_task(task_id=task_id)
    return _History(
        task=found,
        events=await store.fetch_events(task_id=task_id),
        selections=await store.fetch_selections(task_id=task_id),
        children=await store.fetch_children(task_id=task_id),
        next_run=await _find_next_run(store, found),
        forks=await store.find_forks(task_id=task_id, limit=_MOST_FORKS),
        waiting=await _explain_waiting(store, found, home=home),
    )


async def _explain_waiting(store: GatewayStore, task: Task, *, home: Path) -> list[str]:
    """Return what a task that has not ended waits for."""
    if task.status.is_final:
        return []
    if held := explain_copy(await store.fetch_instance(), task):
        return [held]
    return list(
        explain_waiting(
            await store.fetch_subtasks(task_id=task.id),
            await store.fetch_attempts(task_id=task.id),
            await store.fetch_agents(),
            is_up_running=is_up_running(home),
            stop=await store.fetch_spending_stop(),
        )
    )


async def _find_next_run(store: GatewayStore, task: Task) -> Task | None:
    """Return the run that follows a task which repeats itself."""
    if "next_task_id" not in (task.result or {}):
        return None
    return await store.find_next_run(task_id=task.id)


def _describe_next_run(task: Task) -> str:
    when = f" at {task.run_at:%Y-%m-%d %H:%M:%S}" if task.run_at else ""
    end = "" if task.status.is_final else f"; `cogo tasks cancel {shorten_id(task.id)}` ends it"
    return f"next run: {shorten_id(task.id)}  {task.status}{when}{end}"


def _list_relatives(history: _History) -> Iterator[str]:
    """Yield a line for the parent, each child task, the previous run and the next one."""
    task = history.task
    if task.parent_task_id is not None:
        yield f"child task of {shorten_id(task.parent_task_id)}"
    for child in history.children:
        yield (
            f"child task {shorten_id(child.id)}  {child.status}  {child.type}  "
            f"{format_cost(child.cost_usd)}{format_simulated_mark(child)}"
        )
    if task.previous_task_id is not None:
        yield f"previous run: {shorten_id(task.previous_task_id)}"
    if history.next_run is not None:
        yield _describe_next_run(history.next_run)
    if task.forked_from is not None:
        yield f"forked from {shorten_id(task.forked_from)}"
    for fork in history.forks:
        yield f"forked as {shorten_id(fork.id)}  {fork.status}"
