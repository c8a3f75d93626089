"""Local git repositories: what a task is told about one, and how its result is committed to one."""

from cogo.repository.changes import Changes, read_changes
from cogo.repository.commit import BranchCommit, add_worktree, commit_changes, switch_to
from cogo.repository.context import has_uncommitted_changes, read_repository_context
from cogo.repository.git import Repository
from cogo.repository.merge import Conflict, DiffPreview, MergePlan, plan_changes, preview_changes
from cogo.repository.message import build_message, build_pull_request
from cogo.repository.needed_files import RepositoryFiles, read_test_files
from cogo.repository.pull_request import open_pull_request

__all__ = [
    "BranchCommit",
    "Changes",
    "Conflict",
    "DiffPreview",
    "MergePlan",
    "Repository",
    "RepositoryFiles",
    "add_worktree",
    "build_message",
    "build_pull_request",
    "commit_changes",
    "has_uncommitted_changes",
    "open_pull_request",
    "plan_changes",
    "preview_changes",
    "read_changes",
    "read_repository_context",
    "read_test_files",
    "switch_to",
]
