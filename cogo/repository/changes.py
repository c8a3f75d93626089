"""The files of a task's result, validated before a repository sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agents.workflows.params import TargetFile
from cogo.errors import CommandError
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.verification import VerificationStatus, get_status

MAX_FILES: Final = 1_000
_PATH: Final = TypeAdapter[str](TargetFile)
_DIFF: Final = ("diff --git ", "--- ", "Index: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Files of a result, and what the task knew of the repository."""

    files: Mapping[str, str]
    seen: Mapping[str, str]
    """Texts of files that the models were shown: what the result builds on."""
    branch: str | None
    status: VerificationStatus


def read_changes(task: Task, *, target_file: str | None = None) -> Changes:
    """Return the files of a finished task. Raises CommandError if there are none to commit.

    `target_file` is the path of code whose task named none.
    """
    result = _require_result(task)
    params = task.params if isinstance(task.params, dict) else {}
    stated = result.get("file_path") or params.get("target_file")
    path = target_file or (stated if isinstance(stated, str) else None)
    files = _list_files(result, path)
    if target_file and len(files) > 1:
        raise CommandError(f"the result has {len(files)} files, each with a path of its own: "
                           "leave --target-file out")  # fmt: skip
    if len(files) > MAX_FILES:
        raise CommandError(f"the result has {len(files)} files; at most {MAX_FILES} are committed")
    for name, text in files.items():
        _check_file(name, text)
    context = params.get("code_context")
    given = params.get("files")
    seen = dict(given) if isinstance(given, dict) else {}
    if path and isinstance(context, str):
        seen[path] = context
    branch = params.get("git_branch") or result.get("git_branch")
    return Changes(
        files=files,
        seen={name: text for name, text in seen.items() if isinstance(text, str)},
        branch=branch if isinstance(branch, str) else None,
        status=get_status(result) or "unverified",
    )


def _require_result(task: Task) -> Mapping[str, Any]:
    if task.status is not TaskState.COMPLETED:
        state = f"has {task.status}" if task.status.is_final else f"is {task.status}"
        raise CommandError(
            f"the task {state}; only the result of a completed task can be committed"
        )
    if not task.result or not isinstance(task.result.get("generated_code"), str):
        raise CommandError(f"the result of this {task.type} task has no code")
    return task.result


def _list_files(result: Mapping[str, Any], path: str | None) -> Mapping[str, str]:
    code: str = result["generated_code"]
    files = result.get("files")
    is_diff = code.lstrip().startswith(_DIFF)
    if isinstance(files, dict) and files and (path is None or is_diff or len(files) > 1):
        return files
    if is_diff:
        raise CommandError(
            "the result is a diff, not files: write it with `cogo show TASK --out result.diff` "
            "and apply it with git apply result.diff"
        )
    if path is None:
        raise CommandError(
            "the task named no file: say where the code belongs with --target-file PATH"
        )
    return {path: code}


def _check_file(path: object, text: object) -> None:
    try:
        _PATH.validate_python(path, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CommandError(f"a file of the result cannot be committed: {reason}") from error
    if not isinstance(text, str):
        raise CommandError(f"{path} of the result is not text")
