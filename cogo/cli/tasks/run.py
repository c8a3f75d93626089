"""`cogo run`: a task from its plan to its verdict, live in one terminal."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from agents.selection.preferences import Preference
from cogo.cli.ids import find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.request_options import AnswerSchema, Attach, Tools
from cogo.cli.session import run_with_client
from cogo.cli.task_options import (
    CodeFile,
    CodeTests,
    DataPolicy,
    Language,
    Model,
    Params,
    Policy,
    Prefer,
    SourceRepo,
    TargetFile,
    TaskBranch,
    TaskType,
    add_repository,
    build_params,
    build_preferences,
    check_task,
    describe_missing_files,
    parse_budget,
    parse_deadline,
)
from cogo.cli.tasks.apply import commit_result, describe_commit
from cogo.cli.tasks.result import require_writable, write_answer
from cogo.cli.tasks.run_control import catch_interrupts, run_attached
from cogo.cli.tasks.run_outcome import (
    DETACHED,
    VERIFIED,
    Accepted,
    find_exit_code,
    has_answer,
    print_outcome,
)
from cogo.config.context import Project
from cogo.terminal import command_path, print_json, print_line, print_text
from cogo.watch.format import get_answer, shorten_id
from cogo.watch.run_lines import RunProgress
from cogo.wiring.stores import Client
from protocol.records import NewTask, Task


def run_live(
    *,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help="Text of the task; `-` reads standard input."),
    ] = None,
    follow: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="Show this task instead of a new one; `last`."),
    ] = None,
    test: CodeTests = None,
    max_usd: Annotated[
        str | None, typer.Option("--max-usd", "--budget", help="Maximum cost in US dollars.")
    ] = None,
    repo: SourceRepo = None,
    target_file: TargetFile = None,
    branch: TaskBranch = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Commit the result in --repo if it is accepted.")
    ] = False,
    accept: Annotated[
        Accepted, typer.Option(help="The least that counts as success.")
    ] = Accepted.VERIFIED,
    task_type: TaskType = "GENERATE_CODE",
    model: Model = None,
    prefer: Prefer = Preference.BALANCED,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    language: Language = None,
    file: CodeFile = None,
    tool: Tools = None,
    schema: AnswerSchema = None,
    attach: Attach = None,
    params: Params = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds after which the task fails.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "--output", help="Write the result to this file.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Run a task live, to a verdict.

    Shows the plan, what is written, the checks and what they found, repairs, changes of model and
    the cost, then the verdict, the receipt and the next commands. The result goes to standard
    output, everything else to standard error. With --json, each event is a line of JSON on
    standard output, at the end the result. Ctrl-C leaves the task running, twice cancels
    it. On a terminal, questions of a workflow are answered with y or n.

    Exit codes: 0 verified, or completed without code; 1 failed; 2 unverified or only self-tested,
    which --accept changes; 3 the budget was spent first; 4 cancelled; 64 wrong usage; 130 left
    running.

    Examples:
        cogo run "Write a Python function is_palindrome(text)"
        cogo run "Write a binary search" --test test_search.py --max-usd 0.20
        cogo run "Add a limit" --repo . --target-file src/search.py --test "pytest -q" --apply
        cogo run "Which orders of Ada are late?" --type CHAT --tool find_orders
        cogo run "What is wrong here?" --type CHAT --attach error.png --schema answer.json
        cogo run --follow last
    """
    if (prompt is None) == (follow is None):
        raise typer.BadParameter("give a PROMPT or --follow TASK, one of the two")
    if out is not None:
        require_writable(out)
    new: NewTask | None = None
    if prompt is not None:
        given = build_params(
            params, language=language, target_file=target_file, file=file, kind=task_type,
            tests=test, tools=tool, schema=schema, attach=attach,
        )  # fmt: skip
        if repo is None and (missing := describe_missing_files(given)):
            print_text(missing, err=True)
        new = NewTask(
            id=uuid4(),
            prompt=sys.stdin.read() if prompt == "-" else prompt,
            type=task_type,
            params=add_repository(given, repo, branch=branch),
            model=model,
            preferences=build_preferences(prefer, policy, data_policy),
            budget_usd=parse_budget(max_usd, option="--max-usd"),
            deadline=parse_deadline(deadline),
        )
    progress, has_ended = _run(Project.find(directory), new, follow or "", as_json=as_json)
    if not has_ended:
        _print_left(progress.task, as_json=as_json)
        raise typer.Exit(DETACHED)
    code = _conclude(progress, out, accept, as_json=as_json)
    if apply and code == VERIFIED:
        _apply(progress.task, repo or Path(), target_file, as_json=as_json)
    raise typer.Exit(code)


def _apply(task: Task, repo: Path, target_file: str | None, *, as_json: bool) -> None:
    done = commit_result(task, repo, target_file=target_file)
    if as_json:
        print_json({"event": "commit", "task_id": task.id, "branch": done.branch,
                    "commit": done.commit, "files": done.files})  # fmt: skip
        return
    for line in describe_commit(task, done):
        print_text(line, err=True, indent=13)


def _run(
    project: Project, new: NewTask | None, attached: str, *, as_json: bool
) -> tuple[RunProgress, bool]:
    """Insert the task, or find the attached one, and show it; return whether it has ended."""

    async def run(client: Client) -> tuple[RunProgress, bool]:
        async with catch_interrupts() as interrupts:
            if new is None:
                task_id = await find_task_id(client.store, attached)
                task = await client.store.fetch_task(task_id=task_id)
            else:
                await check_task(new, new.id or uuid4(), project=project, store=client.store)
                task = await client.store.submit_task(new)
            _print_begin(task, as_json=as_json)
            progress = RunProgress(task)
            return progress, await run_attached(client, progress, interrupts, as_json=as_json)

    return run_with_client(project, run)


def _print_begin(task: Task, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": "task", "task_id": task.id, "type": task.type, "model": task.model,
                    "budget_usd": task.budget_usd})  # fmt: skip
    else:
        print_line(f"{'0:00':>6}  {'task':<11} {task.id}", err=True)


def _conclude(progress: RunProgress, out: Path | None, accept: Accepted, *, as_json: bool) -> int:
    """Hand over the result and print the verdict; return the exit code."""
    code = find_exit_code(progress.task, is_budget_spent=progress.is_budget_spent, accepts=accept)
    where = _hand_over(progress.task, out, as_json=as_json)
    if as_json:
        print_json({"event": "result", "exit_code": code, "task": progress.task})
    else:
        print_outcome(progress, code, result_is=where)
    return code


def _hand_over(task: Task, out: Path | None, *, as_json: bool) -> str | None:
    """Write the result to its file or to standard output; return where it is, in words."""
    if not has_answer(task):
        return None
    if out is not None:
        write_answer(out, task)
        return f"written to {out}"
    if as_json:
        return None
    print_line(get_answer(task))
    return None if sys.stdout.isatty() else "on standard output"


def _print_left(task: Task, *, as_json: bool) -> None:
    """Print that the task continues, how to come back, and how to cancel it."""
    name, cogo = shorten_id(task.id), command_path()
    if as_json:
        print_json({"event": "detached", "task_id": task.id, "exit_code": DETACHED})
        return
    print_line(f"{name}  continues in the background", err=True)
    print_line(f"  {cogo} run --follow {name}   # comes back", err=True)
    print_line(f"  {cogo} tasks cancel {name}   # cancels it", err=True)
