"""What a task is told about a repository."""

import re
from pathlib import PurePosixPath
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from agents.workflows.params import TargetFile
from cogo.errors import CommandError, UsageError
from cogo.repository.git import Repository
from cogo.repository.merge import check_branch
from providers.secrets import Redactor

MAX_BYTES: Final = 200_000
"""Of a file that models are shown."""
_PATH: Final = TypeAdapter[str](TargetFile)
_SECRET_NAME: Final = re.compile(
    r"\.env(\..+)?|\.?netrc|_netrc|\.npmrc|\.pypirc|\.git-credentials|\.htpasswd|\.pgpass"
    r"|id_(rsa|dsa|ecdsa|ed25519).*|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg)"
    r"|credentials(\..+)?|secrets?(\.(json|ya?ml|toml|ini|txt|env))?|.*\.tfvars|.*\.tfstate.*",
    re.IGNORECASE,
)
_SECRET_FOLDERS: Final = frozenset({".aws", ".gnupg", ".kube", ".ssh", ".docker"})


def read_repository_context(
    repository: Repository, *, target_file: str | None, branch: str | None
) -> dict[str, JsonValue]:
    """Return the params that tell a task about a repository.

    `code_context` is the target file as committed: on the branch, or on HEAD if there is no such
    branch. Changes that are not committed are not read, and files that hold secrets never.
    Raises CommandError.
    """
    params: dict[str, JsonValue] = {}
    if branch is not None:
        check_branch(repository, branch)
        params["git_branch"] = branch
    if target_file is None:
        return params
    _check_target(target_file)
    params["target_file"] = target_file
    commit = repository.find_commit(f"refs/heads/{branch}") if branch else None
    commit = commit or repository.find_commit("HEAD")
    entry = repository.find_entries(commit, iter([target_file])).get(target_file)
    if entry is None:
        return params
    if not entry.is_file:
        raise CommandError(f"{target_file} is {entry.kind} in the repository, not a file")
    params["code_context"] = _decode(target_file, repository.read_blob(entry.oid))
    return params


def has_uncommitted_changes(repository: Repository, path: str) -> bool:
    """Return whether the working tree has another version of a file than HEAD."""
    if repository.is_bare:
        return False
    return bool(repository.read("status", "--porcelain", "-z", "--", path))


def is_secret_path(path: str) -> bool:
    """Return whether a file of this path usually holds secrets."""
    parts = PurePosixPath(path).parts
    is_example = parts[-1].lower() in {".env.example", ".env.sample", ".env.template"}
    is_named = _SECRET_NAME.fullmatch(parts[-1]) is not None and not is_example
    return is_named or not _SECRET_FOLDERS.isdisjoint(part.lower() for part in parts)


def _check_target(path: str) -> None:
    try:
        _PATH.validate_python(path)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"--target-file {reason}") from error
    if is_secret_path(path):
        raise CommandError(f"{path} may hold secrets, which are not sent to models")


def _decode(path: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise CommandError(
            f"{path} has {len(content)} bytes; models are shown files of at most {MAX_BYTES}: "
            "name the part that matters with --file instead of --repo"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not text that a model could read") from error
    if "\0" in text:
        raise CommandError(f"{path} is not text that a model could read")
    if Redactor().count(text)[1]:
        raise CommandError(f"{path} contains what looks like a key, which is not sent to models; "
                           "move it out of the file")  # fmt: skip
    return text
