"""The files of a repository that the tests of a task need: committed, text, and no secrets."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from pydantic import TypeAdapter, ValidationError

from agents.extraction.languages import get_language
from agents.workflows.params import MAX_FILES, TargetFile
from cogo.repository.context import is_secret_path
from cogo.repository.git import Repository, TreeEntry
from providers.secrets import Redactor

MAX_FILE_BYTES: Final = 100_000
MAX_TOTAL_BYTES: Final = 512 * 1024
"""Of all files together: the params of a task may have 1 MiB."""
_PATH: Final = TypeAdapter[str](TargetFile)
_TEST: Final = re.compile(
    r"(^|/)(tests?|__tests__|spec)/|(^|/)(test_|conftest\.)|[._](test|spec)\."
)
_SETTINGS: Final = re.compile(
    r"pyproject\.toml|setup\.(cfg|py)|pytest\.ini|tox\.ini|package\.json|tsconfig.*\.json"
    r"|(vitest|vite|jest|babel)\.config\..+|Makefile|Cargo\.toml|go\.mod|requirements.*\.txt"
)
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFiles:
    """Files for a task, and those that are missing from them."""

    files: Mapping[str, str]
    secret: tuple[str, ...] = ()
    """Paths that may hold secrets, or whose text has what looks like a key."""
    left_out: tuple[str, ...] = ()
    """Paths for which there was no room, and files that are not text."""

    def describe(self) -> str:
        """Return what is sent and what is missing, in one sentence."""
        count = len(self.files)
        line = (
            f"{count} committed file{'' if count == 1 else 's'} of the repository go with the task"
        )
        for paths, why in ((self.left_out, "too large, too many or not text"),
                           (self.secret, "may hold secrets")):  # fmt: skip
            if paths:
                named = ", ".join(paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
                line += f"; left out: {named} ({why})"
        return line


def read_test_files(
    repository: Repository, *, branch: str | None, known: Iterable[str] = ()
) -> RepositoryFiles:
    """Return the files that tests need, as committed on the branch, or else on HEAD.

    Tests come first, then settings, code and the rest, the smallest first, while there is room.
    `known` names paths that the task has already. Changes that are not committed are not read.
    """
    commit = repository.find_commit(f"refs/heads/{branch}") if branch else None
    commit = commit or repository.find_commit("HEAD")
    found = repository.list_files(commit) if commit else {}
    skipped = set(known)
    secret, left_out = [path for path in found if is_secret_path(path)], list[str]()
    chosen: dict[str, TreeEntry] = {}
    room = MAX_TOTAL_BYTES
    for path, (entry, size) in sorted(found.items(), key=lambda item: (_rank(item[0]), item[1][1])):
        if path in skipped or path in secret:
            continue
        if size > min(room, MAX_FILE_BYTES) or len(chosen) >= MAX_FILES or not _is_valid(path):
            left_out.append(path)
            continue
        chosen[path] = entry
        room -= size
    files: dict[str, str] = {}
    contents = repository.read_blobs([entry.oid for entry in chosen.values()])
    for path, content in zip(chosen, contents, strict=True):
        text = _decode(content)
        if text is None:
            left_out.append(path)
        elif Redactor().count(text)[1]:
            secret.append(path)
        else:
            files[path] = text
    return RepositoryFiles(files=files, secret=tuple(secret), left_out=tuple(left_out))


def _rank(path: str) -> int:
    if _TEST.search(path):
        return 0
    if _SETTINGS.fullmatch(PurePosixPath(path).name):
        return 1
    return 2 if get_language(path) else 3


def _is_valid(path: str) -> bool:
    try:
        _PATH.validate_python(path)
    except ValidationError:
        return False
    return True


def _decode(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
