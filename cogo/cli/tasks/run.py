"""`cogo run`: a task from its plan to its verdict, live in one terminal."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from agents.selection.preferences import Preference
from cogo.cli.options import AsJson, Dir
from cogo.cli.request_options import AnswerSchema, Attach, Tools
from cogo.cli.task_options import (
    CodeFile,
    CodeTests,
    DataPolicy,
    Language,
    Model,
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
    build_labels,
    build_params,
    build_preferences,
    describe_missing_files,
    parse_budget,
    parse_deadline,
)
from cogo.cli.tasks.apply import commit_result, describe_commit
from cogo.cli.tasks.result import require_writable
from cogo.cli.tasks.run_control import run_task_live
from cogo.cli.tasks.run_outcome import DETACHED, VERIFIED, Accepted, conclude_run, print_left
from cogo.errors import UsageError
from cogo.terminal import print_json, print_text
from cogo.watch.run_lines import RunProgress
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
    project: ProjectName = None,
    tag: Tags = None,
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

    Exit codes: 0 verified, or completed without code; 1 failed; 2 wrong usage; 3 the budget was
    spent first; 4 cancelled; 5 unverified or only self-tested, which --accept changes; 130 left
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
        raise UsageError("give a PROMPT or --follow TASK, one of the two")
    if out is not None:
        require_writable(out)
    new: NewTask | None = None
    if prompt is not None:
        given = build_params(
            params, language=language, target_file=target_file, file=file, kind=task_type,
            tests=test, tools=tool, schema=schema, attach=attach,
        )  # fmt: skip
        _warn_of_missing_files(given, repo)
        new = NewTask(
            id=uuid4(),
            prompt=sys.stdin.read() if prompt == "-" else prompt,
            type=task_type,
            params=add_repository(given, repo, branch=branch),
            model=model,
            preferences=build_preferences(prefer, policy, data_policy),
            budget_usd=parse_budget(max_usd, option="--max-usd"),
            deadline=parse_deadline(deadline),
            **build_labels(project, tag),
        )
    progress, has_ended = run_task_live(directory, new, follow, RunProgress, as_json=as_json)
    if not has_ended:
        print_left(progress.task, as_json=as_json)
        raise typer.Exit(DETACHED)
    code = conclude_run(progress, out, accept, as_json=as_json)
    if apply and code == VERIFIED:
        _apply(progress.task, repo or Path(), target_file, as_json=as_json)
    raise typer.Exit(code)


def _warn_of_missing_files(params: Mapping[str, Any], repo: Path | None) -> None:
    if repo is None and (missing := describe_missing_files(params)):
        print_text(missing, err=True)


def _apply(task: Task, repo: Path, target_file: str | None, *, as_json: bool) -> None:
    done = commit_result(task, repo, target_file=target_file)
    if as_json:
        print_json({"event": "commit", "task_id": task.id, "branch": done.branch,
                    "commit": done.commit, "files": done.files})  # fmt: skip
        return
    for line in describe_commit(task, done):
        print_text(line, err=True, indent=13)
