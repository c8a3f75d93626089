"""`cogo submit`: submit a task and follow it to its result."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import typer

from agents.selection.preferences import Preference
from cogo.cli.options import AsJson, Dir, SessionName, derive_session
from cogo.cli.request_options import AnswerSchema, Attach, Tools
from cogo.cli.session import run_with_client
from cogo.cli.task_options import (
    Budget,
    CodeFile,
    CodeTests,
    DataPolicy,
    Language,
    Model,
    OnBudgetOption,
    Params,
    Policy,
    Prefer,
    ProjectName,
    SourceRepo,
    Tags,
    TargetFile,
    TaskBranch,
    TaskType,
    add_repository,
    apply_default_project,
    build_labels,
    build_params,
    build_preferences,
    check_task,
    parse_budget,
    parse_deadline,
)
from cogo.cli.tasks.result import print_result, require_writable
from cogo.config.context import Project
from cogo.terminal import command_path, print_json, print_line, print_text, write_text
from cogo.watch.format import shorten_id
from cogo.watch.steps import follow_with_questions
from cogo.watch.view import Stream, TaskView
from cogo.watch.why_waiting import explain_stop
from cogo.wiring.stores import Client
from protocol.records import NewTask, Task
from protocol.transcript import TaskEnded


def submit(
    *,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="Text of the task; `-` reads standard input.")
    ],
    task_type: TaskType = "GENERATE_CODE",
    model: Model = None,
    prefer: Prefer = Preference.BALANCED,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    language: Language = None,
    target_file: TargetFile = None,
    file: CodeFile = None,
    test: CodeTests = None,
    repo: SourceRepo = None,
    branch: TaskBranch = None,
    tool: Tools = None,
    schema: AnswerSchema = None,
    attach: Attach = None,
    params: Params = None,
    session: SessionName = None,
    priority: Annotated[
        int, typer.Option(help="0 (first) to 9 (last) among tasks of the same owner.", min=0, max=9)
    ] = 5,
    budget: Budget = None,
    on_budget: OnBudgetOption = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds after which the task fails.")
    ] = None,
    project: ProjectName = None,
    tag: Tags = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key returns the same task.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Stream the result.")] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write the result to this file.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Submit a task and follow it to its result.

    The result goes to standard output, everything else to standard error; with --schema it is the
    data, as JSON. Ctrl-C stops following; the task continues, and `cogo show` shows its result.
    Exit codes: 0 completed, 1 failed, 4 cancelled.

    Examples:
        cogo submit "Write a Python function is_palindrome(text)"
        cogo submit "Write a binary search" --language python --out search.py
        cogo submit "Write a binary search" --test test_search.py
        cogo submit "Add a limit" --repo . --target-file src/search.py --branch feature/limit
        cogo submit "Is this safe?" --type ANALYZE_CODE --file retry.py --prefer quality
        cogo submit "Hello" --type CHAT --session greetings --data-policy eu
        cogo submit "Hello" --type CHAT --model claude-sonnet --no-wait --json
        cogo submit "Which orders of Ada are late?" --type CHAT --tool find_orders
        cogo submit "Name a city" --type CHAT --schema city.json | jq .name
        cogo submit "Hello" --type CHAT --project website --tag greeting --tag test
        cogo submit "What does this page say?" --type CHAT --attach scan.pdf --attach photo.jpg
    """
    if out is not None:
        require_writable(out)
    given = build_params(
        params, language=language, target_file=target_file, file=file, kind=task_type,
        tests=test, tools=tool, schema=schema, attach=attach, on_budget=on_budget,
    )  # fmt: skip
    task = NewTask(
        id=None if key else uuid4(),
        prompt=sys.stdin.read() if prompt == "-" else prompt,
        type=task_type,
        params=add_repository(given, repo, branch=branch),
        model=model,
        preferences=build_preferences(prefer, policy, data_policy),
        priority=priority,
        session_id=None if session is None else derive_session(session),
        budget_usd=parse_budget(budget),
        deadline=parse_deadline(deadline),
        idempotency_key=key,
        stream=stream,
        **build_labels(project, tag),
    )
    is_answer_live = out is None and schema is None
    view = _build_view("none" if as_json else _choose_stream(to_screen=is_answer_live))
    ended = _submit_or_leave(Project.find(directory), task, view, wait=wait)
    if wait:
        has_shown = view.has_shown(ended)
        raise typer.Exit(print_result(ended, as_json=as_json, has_shown=has_shown, out=out))
    if as_json:
        print_json(ended)
    else:
        print_line(str(ended.id))


def _submit_or_leave(project: Project, new: NewTask, view: TaskView, *, wait: bool) -> Task:
    """Submit the task and follow it if `wait`; after Ctrl-C say how to come back."""
    sent: list[UUID] = []
    try:
        return _submit(project, new, view if wait else None, sent)
    except KeyboardInterrupt:
        if sent:
            _print_left(view, sent[-1])
        raise


def _submit(project: Project, given: NewTask, view: TaskView | None, sent: list[UUID]) -> Task:
    """Insert the task and follow it if there is a view; append its id to `sent` once known."""
    new = apply_default_project(given, project.settings)

    async def run(client: Client) -> Task:
        await check_task(new, new.id or uuid4(), project=project, store=client.store)
        sent.extend([new.id] if new.id else [])
        task = await client.store.submit_task(new)
        sent.append(task.id)
        if stop := await client.store.fetch_spending_stop():
            print_text(f"{shorten_id(task.id)}  waiting: {explain_stop(stop)}", err=True, indent=10)
        if view is None:
            return task
        view.say(f"{shorten_id(task.id)}  submitted    {task.id}")
        return await _follow(client, task, view)

    return run_with_client(project, run)


async def _follow(client: Client, task: Task, view: TaskView) -> Task:
    async for update in follow_with_questions(task.id, store=client.store, bus=client.bus):
        view.show(update)
        if isinstance(update, TaskEnded):
            task = update.task
    return task


def _print_left(view: TaskView, task_id: UUID) -> None:
    """Print that the task continues, and how to show or cancel it."""
    view.leave()
    name, cogo = shorten_id(task_id), command_path()
    print_line(f"{name}  continues in the background", err=True)
    print_line(f"  {cogo} show {name}   # shows its result", err=True)
    print_line(f"  {cogo} tasks cancel {name}   # cancels it", err=True)


def _choose_stream(*, to_screen: bool) -> Stream:
    """Return where live text goes; on a terminal, the live text is the result.

    to_screen: False if the result goes to a file, or is data that is printed in its own form.
    """
    if sys.stdout.isatty() and to_screen:
        return "answer"
    return "aside" if sys.stderr.isatty() else "none"


def _build_view(stream: Stream) -> TaskView:
    def write(kind: str, text: str) -> None:
        aside = stream == "aside" or kind != "text"
        if not aside:
            write_text(text)
        elif sys.stderr.isatty():
            write_text(text, err=True, dim=True)

    return TaskView(
        stream=stream, say=lambda line: print_text(line, err=True, indent=23), write=write
    )
