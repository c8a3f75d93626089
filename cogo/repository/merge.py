"""Decides what a result changes on a branch: a three-way merge with what the task was shown."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from cogo.errors import CommandError, UsageError
from cogo.repository.changes import Changes
from cogo.repository.git import GitFailed, Repository, TreeEntry

_CONFLICTS_AT_MOST: Final = 127
_HEAD: Final = "HEAD"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that cannot be committed as it is."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """What a commit on a branch would contain."""

    branch: str
    tip: str | None
    """The commit that the branch names now; None if there is no such branch."""
    parent: str | None
    """The tip, or where a new branch begins; None for a first commit."""
    files: Mapping[str, bytes]
    """By path, as written to a working tree."""
    executable: frozenset[str] = frozenset()
    merged: tuple[str, ...] = ()
    """Files that had changed since the task saw them, and were merged without a conflict."""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_new_branch(self) -> bool:
        """Whether the branch does not exist yet."""
        return self.tip is None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of a difference."""

    path: str
    added: int | None
    """Number of lines; None for a binary file."""
    removed: int | None


@dataclass(frozen=True, slots=True)
class DiffPreview:
    """The difference that a commit would make."""

    text: str
    """A unified diff."""
    stat: str
    files: tuple[FileChange, ...]


def plan_changes(
    repository: Repository, changes: Changes, *, branch: str, overwrite: bool = False
) -> MergePlan:
    """Decide what a commit of the changes on a branch contains. Writes nothing.

    Raises CommandError for a path that no commit can have.
    """
    check_branch(repository, branch)
    tip = repository.find_commit(f"refs/heads/{branch}")
    parent = tip or repository.find_commit(_HEAD)
    paths = {each for path in changes.files for each in _list_prefixes(path)}
    entries = repository.find_entries(parent, iter(paths))
    planned = _Planned()
    for path, text in changes.files.items():
        _check_place(path, entries)
        shown = changes.seen.get(path)
        base = None if shown is None else _normalise(shown.encode("utf-8", "replace"))
        proposal = _Proposal(_normalise(text.encode("utf-8", "replace")), base, overwrite)
        _add_file(repository, planned, path, entries.get(path), proposal)
    return MergePlan(
        branch=branch,
        tip=tip,
        parent=parent,
        files=planned.files,
        executable=frozenset(planned.executable),
        merged=tuple(planned.merged),
        conflicts=tuple(planned.conflicts),
    )


def preview_changes(repository: Repository, plan: MergePlan) -> DiffPreview:
    """Return the difference between the parent of a plan and what it would commit."""
    with repository.open_scratch(keeps_objects=False) as scratch:
        tree = scratch.write_tree(plan.parent, plan.files, set(plan.executable))
        before = plan.parent or scratch.write_empty_tree()
        command = ("diff-tree", "-r", "--no-ext-diff", "--no-textconv")
        text = scratch.git.read(*command, "-p", before, tree)
        stat = scratch.git.read(*command, "--stat", before, tree)
        numbers = scratch.git.read(*command, "--numstat", "-z", before, tree)
    return DiffPreview(text, stat, tuple(_read_numbers(numbers)))


def check_branch(repository: Repository, branch: str) -> None:
    """Raise UsageError unless git takes this name for a branch."""
    try:
        repository.run("check-ref-format", f"refs/heads/{branch}")
    except GitFailed as error:
        raise UsageError(f"{branch!r} is not a branch name that git accepts; "
                           "example: --branch feature/csv-export") from error  # fmt: skip
    if branch == _HEAD or branch.startswith("-"):
        raise UsageError(f"{branch!r} cannot be a branch; example: --branch feature/csv-export")


@dataclass(slots=True)
class _Planned:
    files: dict[str, bytes] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    merged: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def _add_file(
    repository: Repository,
    planned: _Planned,
    path: str,
    entry: TreeEntry | None,
    proposal: "_Proposal",
) -> None:
    """Add a file, the conflict that it meets, or both."""
    if entry is None:
        if proposal.base is not None and not proposal.overwrites:
            reason = "the task built on it, and it is not on the branch"
            planned.conflicts.append(Conflict(path, reason))
        planned.files[path] = proposal.new
        return
    if entry.is_executable:
        planned.executable.add(path)
    stored = repository.read_blob(entry.oid)
    old = _normalise(stored)
    text, reason = _resolve(old, proposal)
    if reason:
        planned.conflicts.append(Conflict(path, reason))
    elif text not in {proposal.new, old}:
        planned.merged.append(path)
    planned.files[path] = stored if text == old else _use_line_ends(text, stored)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A file as the result has it."""

    new: bytes
    base: bytes | None
    """What the task was shown, if it was."""
    overwrites: bool


def _resolve(old: bytes, proposal: _Proposal) -> tuple[bytes, str]:
    """Return the new content of a file that is on the branch, and why it conflicts, if it does."""
    new, base = proposal.new, proposal.base
    if old in {new, base} or proposal.overwrites:
        return new, ""
    if base is None:
        return new, "it is on the branch, and the task was not shown it"
    merged = _merge(old, base, new)
    if merged is None:
        return new, "it has changed on the branch since the task saw it, in the same places"
    return merged, ""


def _check_place(path: str, entries: Mapping[str, TreeEntry]) -> None:
    """Raise CommandError if what is on the branch leaves no place for a file of this path."""
    entry = entries.get(path)
    if entry is not None and not entry.is_file:
        raise CommandError(f"{path} is {entry.kind} on the branch, so no file can be written there")
    for prefix in _list_prefixes(path)[:-1]:
        above = entries.get(prefix)
        if above is None or above.is_directory:
            continue
        cure = "; run the command with --repo in it" if above.kind == "a submodule" else ""
        raise CommandError(f"{path} is not a path inside this repository: {prefix} is {above.kind} "
                           f"on the branch{cure}")  # fmt: skip


def _list_prefixes(path: str) -> list[str]:
    """Return a path and the directories above it, the topmost first."""
    parts = PurePosixPath(path).parts
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _merge(ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """Return the merge of two texts that began as `base`, or None if they conflict."""
    with tempfile.TemporaryDirectory(prefix="cogo-") as name:
        files = [Path(name, part) for part in ("ours", "base", "theirs")]
        for file, content in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(content)
        here = Repository(Path(name), Path(name), is_bare=False)
        try:
            return here.run("merge-file", "-p", *(file.name for file in files))
        except GitFailed as error:
            if error.status <= _CONFLICTS_AT_MOST or "binary" in error.output:
                return None
            raise


def _normalise(content: bytes) -> bytes:
    """Return text with line feeds, and one at its end."""
    text = content.replace(b"\r\n", b"\n")
    return text if not text or text.endswith(b"\n") else text + b"\n"


def _use_line_ends(text: bytes, stored: bytes) -> bytes:
    """Return a text with the line ends that a stored file has."""
    returns = stored.count(b"\r\n")
    is_dos = returns > 0 and returns == stored.count(b"\n")
    return text.replace(b"\n", b"\r\n") if is_dos else text


def _read_numbers(listed: str) -> Iterator[FileChange]:
    for line in listed.split("\0")[:-1]:
        added, removed, path = line.split("\t", 2)
        yield FileChange(path, _read_count(added), _read_count(removed))


def _read_count(text: str) -> int | None:
    return None if text == "-" else int(text)
