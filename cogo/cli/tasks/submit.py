"""`cogo submit`: ask for something and follow it to the answer."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID, uuid4

import typer

from agents.selection.preferences import Preference
from cogo.cli.options import AsJson, Dir
from cogo.cli.task_options import (
    Budget,
    CodeFile,
    DataPolicy,
    Kind,
    Language,
    Model,
    Params,
    Policy,
    Prefer,
    TargetFile,
    deadline_of,
    dollars_of,
    params_of,
    preferences_of,
    refuse_invalid,
)
from cogo.cli.tasks.result import print_end, require_writable
from cogo.config.context import Project
from cogo.terminal import command_path, print_json, print_line, print_text, write_text
from cogo.watch.follow import Finished, follow
from cogo.watch.format import short
from cogo.watch.view import Stream, TaskView
from cogo.wiring.stores import Client, open_client
from protocol.records import NewTask, Task

EXAMPLES: Final = (
    'cogo submit "Write a Python function is_palindrome(text)"',
    'cogo submit "Write a binary search" --language python --out search.py',
    'cogo submit "Is this safe?" --type ANALYZE_CODE --file retry.py --prefer quality',
    'cogo submit "Hello" --type CHAT --session greetings --data-policy eu',
    'cogo submit "Hello" --type CHAT --model claude-sonnet --no-wait --json',
)


def submit(
    *,
    prompt: Annotated[str, typer.Argument(help="What you want; `-` reads it from standard input.")],
    task_type: Kind = "GENERATE_CODE",
    model: Model = None,
    prefer: Prefer = Preference.BALANCED,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    language: Language = None,
    target_file: TargetFile = None,
    file: CodeFile = None,
    params: Params = None,
    session: Annotated[
        str | None, typer.Option(help="A conversation, by a name of yours or its uuid.")
    ] = None,
    priority: Annotated[
        int, typer.Option(help="0 (first) to 9, among your own tasks.", min=0, max=9)
    ] = 5,
    budget: Budget = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds after which the answer is of no use.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key gives the same task.")
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Take the answer as it comes.")
    ] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow to the answer.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write the answer to a file.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask for something and follow it to the answer.

    The answer goes to standard output, everything else to standard error. Ctrl-C stops following;
    the task goes on, and `cogo show` gives its answer. Exit code 0: completed, 1: failed,
    4: cancelled.
    """
    if out is not None:
        require_writable(out)
    task = NewTask(
        id=None if key else uuid4(),
        prompt=sys.stdin.read() if prompt == "-" else prompt,
        type=task_type,
        params=params_of(
            params, language=language, target_file=target_file, file=file, kind=task_type
        ),
        model=model,
        preferences=preferences_of(prefer, policy, data_policy),
        priority=priority,
        session_id=_session(session),
        budget_usd=dollars_of(budget),
        deadline=deadline_of(deadline),
        idempotency_key=key,
        stream=stream,
    )
    view = _view("none" if as_json else _where(to_file=out is not None))
    sent: list[UUID] = []
    try:
        ended = asyncio.run(_submit(Project.find(directory), task, view if wait else None, sent))
    except KeyboardInterrupt:
        if sent:
            _leave(view, sent[-1])
        raise
    if wait:
        has_shown = view.has_shown(ended)
        raise typer.Exit(print_end(ended, as_json=as_json, has_shown=has_shown, out=out))
    if as_json:
        print_json(ended.model_dump(mode="json"))
    else:
        print_line(str(ended.id))


async def _submit(project: Project, new: NewTask, view: TaskView | None, sent: list[UUID]) -> Task:
    """Insert the task and follow it if there is a view; `sent` gets its id, early if possible."""
    async with open_client(project) as client:
        await refuse_invalid(new, new.id or uuid4(), project=project, store=client.store)
        sent += [new.id] if new.id else []
        task = await client.store.submit_task(new)
        sent.append(task.id)
        if view is None:
            return task
        view.say(f"{short(task.id)}  submitted    {task.id}")
        return await _followed(client, task, view)


async def _followed(client: Client, task: Task, view: TaskView) -> Task:
    async for happening in follow([task.id], store=client.store, bus=client.bus):
        view.show(happening)
        if isinstance(happening, Finished):
            task = happening.task
    return task


def _leave(view: TaskView, task_id: UUID) -> None:
    """Print that the task goes on, and how to see or cancel it."""
    view.leave()
    name, cogo = short(task_id), command_path()
    print_line(f"{name}  goes on without you", err=True)
    print_line(f"  {cogo} show {name}   # its answer", err=True)
    print_line(f"  {cogo} tasks cancel {name}   # cancels it", err=True)


def _where(*, to_file: bool) -> Stream:
    """Return where live text goes: text that is read on a terminal is the answer already."""
    if sys.stdout.isatty() and not to_file:
        return "answer"
    return "aside" if sys.stderr.isatty() else "none"


def _view(stream: Stream) -> TaskView:
    def write(kind: str, text: str) -> None:
        aside = stream == "aside" or kind != "text"
        if not aside:
            write_text(text)
        elif sys.stderr.isatty():
            write_text(text, err=True, dim=True)

    return TaskView(
        stream=stream, say=lambda line: print_text(line, err=True, indent=23), write=write
    )


def _session(name: str | None) -> UUID | None:
    from gateway.auth.principal import LOCAL  # noqa: PLC0415
    from gateway.tasks.task_run import session_of  # noqa: PLC0415 - only who names one pays for it

    return None if name is None else session_of(name, LOCAL)
