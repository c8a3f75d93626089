"""Commits a result to a branch, without touching the working tree unless that is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cogo.errors import CommandError
from cogo.repository.changes import Changes
from cogo.repository.git import GitFailed, Repository
from cogo.repository.merge import MergePlan, plan_changes

_ATTEMPTS: Final = 5
"""How often a branch may move while a commit for it is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCommit:
    """The outcome of an application."""

    branch: str
    commit: str | None
    """None if the branch has these files already."""
    is_new_branch: bool
    files: tuple[str, ...]
    merged: tuple[str, ...]
    updated: Path | None = None
    """The working tree that was updated, too."""


def commit_changes(
    repository: Repository,
    changes: Changes,
    *,
    branch: str,
    message: str,
    overwrite: bool = False,
    updates_worktree: bool = False,
) -> BranchCommit:
    """Commit the changes to a branch.

    A branch that is checked out moves together with its working tree, only if `updates_worktree`;
    files in it that are not committed stay as they are. Raises CommandError: conflicts, a working
    tree in the way, or what git says.
    """
    for _ in range(_ATTEMPTS):
        plan = plan_changes(repository, changes, branch=branch, overwrite=overwrite)
        _raise_conflicts(plan)
        worktree = _find_worktree(repository, branch, may_update=updates_worktree)
        commit = _write_commit(repository, plan, message)
        if commit is not None and not _move(repository, plan, commit, worktree):
            continue
        return BranchCommit(
            branch=branch,
            commit=commit,
            is_new_branch=plan.is_new_branch,
            files=tuple(plan.files),
            merged=plan.merged,
            updated=worktree if commit else None,
        )
    raise CommandError(f"branch {branch} moved {_ATTEMPTS} times meanwhile; nothing was committed: "
                       "run the command again")  # fmt: skip


def switch_to(repository: Repository, branch: str) -> None:
    """Check a branch out in the working tree of a repository. Raises CommandError."""
    try:
        repository.run("switch", "--no-guess", "--quiet", branch)
    except GitFailed as error:
        raise CommandError(
            f"the commit is on {branch}, but the working tree was not switched to it"
            f"{_explain_refusal(error)}; `git switch {branch}` does it later"
        ) from error


def add_worktree(repository: Repository, branch: str, directory: Path) -> None:
    """Check a branch out in a new working tree. Raises CommandError."""
    try:
        repository.run("worktree", "add", "--quiet", str(directory.resolve()), branch)
    except GitFailed as error:
        raise CommandError(
            f"the commit is on {branch}, but no working tree could be made at {directory}: "
            f"{error.output.strip()}"
        ) from error


def _raise_conflicts(plan: MergePlan) -> None:
    if not plan.conflicts:
        return
    listed = "\n".join(f"{each.path}: {each.reason}" for each in plan.conflicts)
    raise CommandError(
        f"nothing was committed to {plan.branch}:\n{listed}\n"
        "`cogo diff TASK` shows the difference; --overwrite replaces what is there, --branch NAME "
        "takes another branch, and `cogo submit --repo . --target-file PATH` shows the file to the "
        "model"
    )


def _find_worktree(repository: Repository, branch: str, *, may_update: bool) -> Path | None:
    """Return the working tree that has the branch checked out, if any."""
    found = repository.find_worktrees(branch)
    if not found:
        return None
    if not may_update:
        raise CommandError(
            f"branch {branch} is checked out in {found[0]}: --checkout updates the files there, "
            "too; --branch NAME commits to another branch"
        )
    return found[0]


def _write_commit(repository: Repository, plan: MergePlan, message: str) -> str | None:
    """Write the objects of a commit; return None if it would change nothing."""
    with repository.open_scratch(keeps_objects=True) as scratch:
        tree = scratch.write_tree(plan.parent, plan.files, set(plan.executable))
        if plan.parent and tree == repository.read("rev-parse", f"{plan.parent}^{{tree}}").strip():
            return None
    sign = ["-S"] if repository.is_set("commit.gpgSign") else []
    parent = ["-p", plan.parent] if plan.parent else []
    try:
        return repository.read(
            "commit-tree", *sign, *parent, "-F", "-", tree, given=message.encode("utf-8", "replace")
        ).strip()
    except GitFailed as error:
        raise _explain_commit(error, signs=bool(sign)) from error


def _move(repository: Repository, plan: MergePlan, commit: str, worktree: Path | None) -> bool:
    """Move the branch to the commit; return False if it is no longer where the plan found it."""
    if worktree is not None:
        return _fast_forward(repository, plan, commit, worktree)
    reference = f"refs/heads/{plan.branch}"
    log = f"cogo: apply {plan.branch}"
    try:
        repository.run(
            "update-ref", "--create-reflog", "-m", log, reference, commit, plan.tip or ""
        )
    except GitFailed as error:
        if repository.find_commit(reference) != plan.tip:
            return False
        raise CommandError(
            f"branch {plan.branch} cannot be set: {error.output.strip()}; nothing was committed"
        ) from error
    return True


def _fast_forward(repository: Repository, plan: MergePlan, commit: str, worktree: Path) -> bool:
    there = Repository.open(worktree)
    options = ("-c", "merge.verifySignatures=false", "merge", "--ff-only", "--no-stat", "--quiet")
    try:
        there.run(*options, "--no-autostash", commit)
    except GitFailed as error:
        if repository.find_commit(f"refs/heads/{plan.branch}") != plan.tip:
            return False
        raise CommandError(
            f"nothing was committed, because {worktree} has changes of its own in these files: "
            f"{_shorten_refusal(error)}; commit or stash them, or choose another --branch"
        ) from error
    return True


def _shorten_refusal(error: GitFailed) -> str:
    """Return the files that git names in its refusal, or the refusal."""
    return ", ".join(_list_files(error)) or error.output.strip()


def _list_files(error: GitFailed) -> list[str]:
    return [line.strip() for line in error.output.splitlines() if line.startswith("\t")]


def _explain_refusal(error: GitFailed) -> str:
    """Return why git does not switch, and what to do first."""
    files = _list_files(error)
    if not files:
        return f": {error.output.strip()}"
    return (
        f", which has changes in these files that are not committed: {', '.join(files)}; "
        "commit or stash them first (without --checkout the working tree stays as it is)"
    )


def _explain_commit(error: GitFailed, *, signs: bool) -> CommandError:
    if "empty ident" in error.output or "tell me who you are" in error.output:
        return CommandError(
            "git does not know who you are, so nothing was committed: set "
            'git config --global user.name "NAME" and git config --global user.email ADDRESS'
        )
    if signs:
        return CommandError(
            "the commit could not be signed, so nothing was committed (git's commit.gpgSign is "
            f"on): {error.output.strip()}"
        )
    return error
