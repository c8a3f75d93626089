"""Unified diffs, applied to files: everything that does not fit is a problem."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agents.extraction.paths import check_file_path

MAX_HUNKS: Final = 1_000
"""For one file: each may have to be searched for in the whole file."""
MAX_CHANGED_FILES: Final = 200
_HUNK = re.compile(r"^@@ -(\d{1,9})(?:,(\d{1,9}))? ")
"""Models also write `@@` without the numbers, or with other text."""
_GIT = re.compile(r"^diff --git a/(.+) b/(.+)$")
_QUOTED_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class Patched:
    """The files after a diff, and what could not be applied.

    A file with a problem is left as it was.
    """

    files: Mapping[str, str]
    """Changed and new files."""
    deleted: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Hunk:
    number: int
    start: int | None
    """Number of its first line in the old file, from 1; None if it is not stated."""
    old_count: int | None
    lines: list[str] = field(default_factory=list)
    ends_open: bool | None = None
    """Whether the new file ends without a newline; None if the hunk does not say."""

    @property
    def old(self) -> list[str]:
        """Lines that the old file must have."""
        return [line[1:] for line in self.lines if line[0] in " -"]

    def close(self) -> None:
        """Take empty lines for empty context lines; those at the end only if they are counted."""
        end = len(self.lines)
        while end and not self.lines[end - 1]:
            end -= 1
        blank = len(self.lines) - end
        self.lines = [line or " " for line in self.lines[:end]]
        counted = (self.old_count or 0) - len(self.old)
        if 0 < counted <= blank:
            self.lines += [" "] * counted


@dataclass(slots=True)
class _FileDiff:
    old: str | None
    new: str | None
    """None stands for /dev/null."""
    hunks: list[_Hunk] = field(default_factory=list)
    problem: str | None = None
    """What could not be read."""

    @property
    def path(self) -> str:
        """The file's path after the diff, else before it."""
        return self.new or self.old or ""

    def add_line(self, line: str, number: int) -> None:
        """Add a line after the file's header."""
        hunk = self.hunks[-1] if self.hunks else None
        if line.startswith("@@"):
            stated = _HUNK.match(line)
            start, count = (int(stated[1]), int(stated[2] or 1)) if stated else (None, None)
            self.hunks.append(_Hunk(len(self.hunks) + 1, start, count))
        elif hunk is None:
            self._read_extended_header(line)
        elif line[:1] in ("", " ", "+", "-"):
            hunk.lines.append(line)
        elif line.startswith("\\"):
            hunk.ends_open = hunk.ends_open or not "".join(hunk.lines[-1:]).startswith("-")
        else:
            self.problem = self.problem or f"line {number}, {_quote(line)}, is of no hunk"

    def close(self) -> "_FileDiff":
        """Return the diff after its last line."""
        for hunk in self.hunks:
            hunk.close()
        return self

    def _read_extended_header(self, line: str) -> None:
        """Read git's lines between a file's header and its first hunk."""
        if line.startswith("new file mode"):
            self.old = None
        elif line.startswith("deleted file mode"):
            self.new = None
        elif line.startswith("rename from "):
            self.old = line.removeprefix("rename from ")
        elif line.startswith("rename to "):
            self.new = line.removeprefix("rename to ")
        elif line.startswith(("Binary files ", "GIT binary patch")):
            self.problem = "it is binary"


def is_diff(text: str) -> bool:
    """Return whether a text is a unified diff: it has a file's header and a hunk."""
    return bool(
        re.search(r"^--- \S[^\n]*\n\+\+\+ \S", text, re.MULTILINE)
        and re.search(r"^@@", text, re.MULTILINE)
    ) or bool(re.match(r"\s*diff --git ", text))


def apply_diff(diff: str, files: Mapping[str, str]) -> Patched:
    """Apply a unified diff to files by path."""
    changed: dict[str, str] = {}
    deleted: list[str] = []
    problems: list[str] = []
    parsed = list(_parse(diff))
    if not parsed:
        problems.append("the answer has no unified diff (--- a/file, +++ b/file, @@ ... @@)")
    if len(parsed) > MAX_CHANGED_FILES:
        problems.append(f"the diff changes more than {MAX_CHANGED_FILES} files")
    for each in parsed[:MAX_CHANGED_FILES]:
        try:
            path, text = _apply_to_file(each, {**files, **changed})
        except ValueError as error:
            problems.append(str(error))
            continue
        if text is None:
            deleted.append(path)
            changed.pop(path, None)
        else:
            changed[path] = text
            if each.old and each.old != path:
                deleted.append(each.old)
    return Patched(changed, tuple(deleted), tuple(problems))


def _apply_to_file(diff: _FileDiff, files: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the path and the new text, None for a deleted file. Raise ValueError if it fails."""
    path = check_file_path(diff.path)
    source = diff.old or path
    if diff.problem:
        raise ValueError(f"the diff of {path} cannot be read: {diff.problem}")
    if len(diff.hunks) > MAX_HUNKS:
        raise ValueError(f"the diff of {path} has more than {MAX_HUNKS} hunks")
    if diff.old is None:
        if path in files:
            raise ValueError(f"the diff creates {path}, which exists")
        return path, _join(_add_new_lines([], diff.hunks, path), diff, "")
    if source not in files:
        raise ValueError(f"the diff changes {source}, which does not exist")
    before = files[source]
    lines = before.split("\n")
    if lines[-1] == "":
        lines.pop()
    if diff.new is None:
        return path, None
    return path, _join(_add_new_lines(lines, diff.hunks, path), diff, before)


def _add_new_lines(lines: list[str], hunks: Sequence[_Hunk], path: str) -> list[str]:
    """Return the lines after all hunks."""
    ending = "\r" if lines and sum(line.endswith("\r") for line in lines) * 2 > len(lines) else ""
    bare = [line.removesuffix("\r") for line in lines]
    result: list[str] = []
    position = 0
    for hunk in hunks:
        start = _find(hunk, bare, position, path)
        result += lines[position:start]
        position = start
        for line in hunk.lines:
            if line[0] == " ":
                result.append(lines[position])
            elif line[0] == "+":
                result.append(line[1:] + ending)
            position += line[0] in " -"
    return result + lines[position:]


def _find(hunk: _Hunk, lines: Sequence[str], position: int, path: str) -> int:
    """Return where a hunk fits at or after `position`: where it says, else at the only place."""
    old = hunk.old
    stated = None if hunk.start is None else max(hunk.start - 1, 0)
    if not old:  # only added lines: the number is that of the line before them
        place = len(lines) if hunk.start is None else hunk.start
        if not position <= place <= len(lines):
            raise ValueError(f"hunk {hunk.number} of {path} has no place in {len(lines)} lines")
        return place
    if stated is not None and stated >= position and lines[stated : stated + len(old)] == old:
        return stated
    places = _search(old, lines, position)
    if len(places) == 1:
        return places[0]
    if places:
        raise ValueError(
            f"hunk {hunk.number} of {path} fits in several places, such as lines "
            f"{places[0] + 1} and {places[1] + 1}"
        )
    raise ValueError(f"hunk {hunk.number} of {path} does not fit: {_explain(old, lines, stated)}")


def _search(wanted: Sequence[str], lines: Sequence[str], position: int) -> list[int]:
    """Return the first two places of `wanted` (Knuth, Morris and Pratt: in linear time)."""
    fallback = [0] * len(wanted)
    matched = 0
    for index in range(1, len(wanted)):
        while matched and wanted[index] != wanted[matched]:
            matched = fallback[matched - 1]
        matched += wanted[index] == wanted[matched]
        fallback[index] = matched
    places, matched = [], 0
    for index in range(position, len(lines)):
        while matched and (matched == len(wanted) or lines[index] != wanted[matched]):
            matched = fallback[matched - 1]
        matched += lines[index] == wanted[matched]
        if matched == len(wanted):
            places.append(index - matched + 1)
            if len(places) == 2:
                break
    return places


def _explain(old: Sequence[str], lines: Sequence[str], stated: int | None) -> str:
    if stated is not None:
        for offset, wanted in enumerate(old):
            number = stated + offset
            if number >= len(lines):
                return f"the file has {len(lines)} lines, the diff has {_quote(wanted)} after them"
            if lines[number] != wanted:
                found = _quote(lines[number])
                return f"line {number + 1} is {found}, the diff has {_quote(wanted)}"
    known = set(lines)
    missing = next((each for each in old if each not in known), old[0])
    return f"the file has no such lines; the diff has {_quote(missing)}"


def _quote(line: str) -> str:
    return repr(line if len(line) <= _QUOTED_CHARACTERS else line[:_QUOTED_CHARACTERS] + "...")


def _join(lines: Sequence[str], diff: _FileDiff, before: str) -> str:
    """Return the text; it ends with a newline as before, unless the diff says otherwise."""
    if not lines:
        return ""
    stated = next((each.ends_open for each in diff.hunks if each.ends_open is not None), None)
    was_open = before != "" and not before.endswith("\n")
    is_open = was_open if stated is None else stated
    return "\n".join(lines) + ("" if is_open else "\n")


def _parse(diff: str) -> Iterator[_FileDiff]:
    lines = [line.removesuffix("\r") for line in diff.split("\n")]
    current: _FileDiff | None = None
    for number, line in enumerate(lines):
        is_git = line.startswith("diff --git ")
        if is_git or _is_header(lines, number):
            if current is not None and (is_git or current.hunks or current.problem):
                yield current.close()
                current = None
            current = current or _FileDiff(None, None)
            if is_git:
                current.old, current.new = _read_git_paths(line)
            else:
                current.old, current.new = _read_path(line), _read_path(lines[number + 1])
        elif current is not None and not (
            line.startswith("+++ ") and _is_header(lines, number - 1)
        ):
            current.add_line(line, number + 1)
    if current is not None:
        yield current.close()


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Return whether a line begins a file: a removed line may look like it, but not all three."""
    return (
        number >= 0
        and lines[number].startswith("--- ")
        and lines[number + 1 : number + 2] != []
        and lines[number + 1].startswith("+++ ")
        and (lines[number + 2 : number + 3] == [] or lines[number + 2].startswith(("@@", "\\")))
    )


def _read_path(line: str) -> str | None:
    path = line[4:].partition("\t")[0].strip().strip('"')
    return None if path == "/dev/null" else re.sub(r"^[ab]/", "", path)


def _read_git_paths(line: str) -> tuple[str | None, str | None]:
    found = _GIT.match(line)
    return (found[1], found[2]) if found else (None, None)
