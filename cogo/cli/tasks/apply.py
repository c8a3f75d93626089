"""`cogo diff` and `cogo apply`: the result of a task, as a commit of a local repository."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.errors import CommandError, UsageError
from cogo.repository import (
    BranchCommit,
    Changes,
    MergePlan,
    Repository,
    add_worktree,
    build_message,
    build_pull_request,
    commit_changes,
    open_pull_request,
    plan_changes,
    preview_changes,
    read_changes,
    switch_to,
)
from cogo.terminal import print_json, print_line, print_text, write_text
from cogo.watch.format import format_simulated_mark, shorten_id
from protocol.records import Task
from protocol.store.gateway import GatewayStore
from protocol.verification import TESTED, describe_result

Repo = Annotated[
    Path, typer.Option("--repo", help="A directory of the repository.", file_okay=False)
]
Branch = Annotated[
    str | None,
    typer.Option(help="Branch for the result (default: the task's git_branch, or cogo/TASK)."),
]
TargetPath = Annotated[
    str | None,
    typer.Option("--target-file", help="Where the code belongs, if the task named no file."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that the task was not shown.")
]
_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def show_diff(
    *,
    task: TaskArgument,
    repo: Repo = Path(),
    branch: Branch = None,
    target_file: TargetPath = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only count lines, by file.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show what `cogo apply` would change.

    Compares the result of a task with its branch, or with HEAD if there is no such branch. Writes
    nothing, in the repository neither.

    Examples:
        cogo diff last
        cogo diff 3f2a9c1e --repo ~/src/shop --stat
        cogo diff 3f2a9c1e --branch feature/csv-export --json
    """
    found = _fetch(task, directory)
    changes = read_changes(found, target_file=target_file)
    repository = Repository.open(repo)
    name = branch or changes.branch or _name_branch(found)
    plan = plan_changes(repository, changes, branch=name)
    preview = preview_changes(repository, plan)
    if as_json:
        print_json(
            {
                "task_id": found.id,
                "branch": plan.branch,
                "parent": plan.parent,
                "verification": changes.status,
                "files": preview.files,
                "merged": plan.merged,
                "conflicts": plan.conflicts,
                "diff": preview.text,
            }
        )
        return
    for line in (preview.stat if stat else preview.text).splitlines():
        color = None if stat or line.startswith(("+++", "---")) else _COLORS.get(line[:1])
        write_text(f"{line}\n", color=color)
    print_text(_describe_difference(found, changes, plan), err=True, indent=10)


def apply_result(
    *,
    task: TaskArgument,
    repo: Repo = Path(),
    branch: Branch = None,
    target_file: TargetPath = None,
    overwrite: Overwrite = False,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also commit code whose tests did not pass.")
    ] = False,
    checkout: Annotated[
        bool, typer.Option("--checkout", help="Check the branch out, or update its working tree.")
    ] = False,
    worktree: Annotated[
        Path | None, typer.Option(help="Check the branch out in this new directory.")
    ] = None,
    pull_request: Annotated[
        bool, typer.Option("--pr", help="Push the branch and open a pull request with gh.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Commit the result of a task to a branch.

    Neither the working tree nor the index changes, unless --checkout or --worktree asks for it. A
    new branch begins at HEAD. Files that changed since the task saw them are merged; a conflict
    commits nothing. Hooks are not run. Code whose tests did not pass needs --unverified.

    Examples:
        cogo apply last                                # to the branch that the task named
        cogo apply 3f2a9c1e --branch feature/csv-export --target-file src/export.py
        cogo apply last --worktree ../review           # and check it out beside this one
        cogo apply last --pr                           # and open a pull request
    """
    found = _fetch(task, directory)
    changes = read_changes(found, target_file=target_file)
    repository = Repository.open(repo)
    if checkout and (worktree is not None or repository.is_bare):
        wrong = "--worktree" if worktree is not None else "a bare repository"
        raise UsageError(f"--checkout cannot be combined with {wrong}")
    _require_tested(found, changes, accepts=unverified, may_ask=not as_json)
    done = commit_changes(
        repository,
        changes,
        branch=branch or changes.branch or _name_branch(found),
        message=build_message(found, changes),
        overwrite=overwrite,
        updates_worktree=checkout,
    )
    if not as_json:
        for line in describe_commit(found, done):
            print_text(f"{shorten_id(found.id)}  {line}", err=True, indent=23)
    if checkout and done.updated is None and done.branch != repository.find_current_branch():
        switch_to(repository, done.branch)
    if worktree is not None:
        add_worktree(repository, done.branch, worktree)
    address = None
    if pull_request:
        title, body = build_pull_request(found)
        address = open_pull_request(repository, branch=done.branch, title=title, body=body)
    if as_json:
        _print_json(found, changes, done, address)
    else:
        print_line(address or done.commit or "")


def commit_result(task: Task, repo: Path, *, target_file: str | None = None) -> BranchCommit:
    """Commit the result of a task to the branch that it named, or a new one.

    Raises CommandError.
    """
    changes = read_changes(task, target_file=target_file)
    return commit_changes(
        Repository.open(repo),
        changes,
        branch=changes.branch or _name_branch(task),
        message=build_message(task, changes),
        overwrite=False,
        updates_worktree=False,
    )


def _print_json(task: Task, changes: Changes, done: BranchCommit, address: str | None) -> None:
    print_json(
        {
            "task_id": task.id,
            "branch": done.branch,
            "commit": done.commit,
            "is_new_branch": done.is_new_branch,
            "files": done.files,
            "merged": done.merged,
            "verification": changes.status,
            "pull_request": address,
        }
    )


def _fetch(task: str, directory: Path | None) -> Task:
    async def fetch(store: GatewayStore) -> Task:
        return await store.fetch_task(task_id=await find_task_id(store, task))

    return run_with_store(directory, fetch)


def _name_branch(task: Task) -> str:
    return f"cogo/{shorten_id(task.id)}"


def _require_tested(task: Task, changes: Changes, *, accepts: bool, may_ask: bool) -> None:
    """Raise CommandError for code whose tests did not pass, unless the user accepts it."""
    if changes.status in TESTED or accepts:
        return
    state = describe_result(task.result) or changes.status
    if may_ask and sys.stdin.isatty() and sys.stderr.isatty():
        print_text(f"{shorten_id(task.id)}  {state}", err=True, indent=10)
        if typer.confirm("Commit it?", default=False, err=True):
            return
        raise CommandError("nothing was committed")
    raise CommandError(f"{state}; --unverified commits it all the same")


def _describe_difference(task: Task, changes: Changes, plan: MergePlan) -> str:
    what = f"new branch {plan.branch}" if plan.is_new_branch else f"branch {plan.branch}"
    lines = [f"{shorten_id(task.id)}  {changes.status}, for {what}{format_simulated_mark(task)}"]
    lines += [f"{path} was merged with what changed on the branch" for path in plan.merged]
    lines += [f"conflict in {each.path}: {each.reason}" for each in plan.conflicts]
    return "\n".join(lines)


def describe_commit(task: Task, done: BranchCommit) -> list[str]:
    """Return lines about a commit of a result."""
    if done.commit is None:
        return [f"unchanged    {done.branch} has these files already"]
    where = f"{'new branch ' if done.is_new_branch else ''}{done.branch}"
    lines = [
        f"committed    {done.commit[:12]} to {where}: {', '.join(done.files)}",
        f"code         {describe_result(task.result)}{format_simulated_mark(task)}",
    ]
    lines += [f"merged       {path} had changed on the branch" for path in done.merged]
    if done.updated is not None:
        lines.append(f"updated      {done.updated}")
    return [*lines, "hooks        were not run"]
