"""Fenced blocks of an answer, in time that is linear in its length."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agents.extraction.languages import (
    WITHOUT_ENDING,
    get_language,
    is_language,
    is_same_language,
)

MAX_INFO: Final = 500
"""Characters of a fence's first line, or of a line before it, that are searched for a path."""

_KEY = re.compile(
    r"""\b(?:title|file|filename|filepath|path|name|src) ?[=:] ?("[^"]*"|'[^']*'|[^\s}]+)""",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"""\b(?:file|path|file ?name|file ?path)(?: \d+)?[*_]* ?[:=][*_]* ?[`"']?([^\s`"'*]+)""",
    re.IGNORECASE,
)
"""`File: a.py`, with bold marks and quotes."""
_WORD = re.compile(r"""`([^`]+)`|"([^"]+)"|'([^']+)'|([^\s`"'*()<>\[\],;]+)""")
_AROUND_A_NAME: Final = "#*_`\"' :.()-0123456789"
_COMMENT_STARTS: Final = ("#", "//", "--", ";", "%", "/*", "<!--", '"""', "'''")
_COMMENT_ENDS: Final = ("*/", "-->", '"""', "'''")
_PANDOC = re.compile(r"^\{\s*\.?([\w+#-]+)[^}]*\}")
_LINE_NUMBERS = re.compile(r"^\d+:\d+:")
_FILE_NAME = re.compile(r"^[\w.@+-]+\.[A-Za-z][A-Za-z0-9]{0,9}$")
_NOT_FILES: Final = frozenset({"e.g", "i.e", "node.js", "vue.js", "next.js", "d3.js", "three.js"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    code: str
    language: str | None
    """As the fence names it, in lower case, else by the file's ending."""
    path: str | None = None
    """As the answer names it: not checked."""
    is_closed: bool = True


class _Fence(NamedTuple):
    indent: int
    mark: str
    info: str

    def is_closed_by(self, other: "_Fence") -> bool:
        return (
            not other.info.strip("`~")
            and other.mark.startswith(self.mark)
            and other.indent <= self.indent + 3
        )

    def contains_start(self, other: "_Fence") -> bool:
        """Return whether `other` opens a block inside of this one, such as in a document."""
        return bool(other.info) and other.mark.startswith(self.mark)


def list_blocks(text: str) -> list[Block]:
    """Return the fenced blocks. One that is not closed, since the answer was cut, ends with it.

    A fence of the same length inside of a block is its content if the fences are balanced, as in
    a document that shows commands.
    """
    lines = text.split("\n")
    fences = {number: fence for number, line in enumerate(lines) if (fence := _read_fence(line))}
    return [_build_block(lines, fences[first], first, last) for first, last in _pair(fences, lines)]


def _read_fence(line: str) -> _Fence | None:
    stripped = line.lstrip(" \t")
    mark = stripped[:1]
    if mark not in ("`", "~") or stripped[:3] != mark * 3:
        return None
    rest = stripped.lstrip(mark)
    if mark == "`" and "`" in rest:
        return None
    indent = len(line) - len(stripped)
    return _Fence(indent, mark * (len(stripped) - len(rest)), rest.strip())


def _pair(fences: dict[int, _Fence], lines: Sequence[str]) -> Iterator[tuple[int, int | None]]:
    """Yield the first and the last line of each block; None if nothing closes it."""
    numbers = list(fences)
    position, is_nesting = 0, True
    while position < len(numbers):
        first = numbers[position]
        opening, depth, earliest = fences[first], 0, None
        for index in range(position + 1, len(numbers)):
            fence = fences[numbers[index]]
            if opening.is_closed_by(fence):
                earliest = index if earliest is None else earliest
                if depth == 0:
                    break
                depth -= 1
            elif is_nesting and opening.contains_start(fence):
                depth += 1
        else:
            # Not balanced: the first line that can close it does. Only once, or the time would
            # grow with the square of the answer.
            is_nesting = False
            if earliest is None:
                if first + 1 < len(lines):
                    yield first, None
                return
            index = earliest
        yield first, numbers[index]
        position = index + 1


def _build_block(lines: Sequence[str], fence: _Fence, first: int, last: int | None) -> Block:
    content = lines[first + 1 : last]
    if fence.indent:
        content = [_remove_indent(line, fence.indent) for line in content]
    code = "\n".join(content)
    if last is not None and content:
        code += "\n"
    language, path = read_info(fence.info[:MAX_INFO])
    path = path or _find_path_before(lines, first, language) or _find_path_inside(content)
    return Block(
        code=code,
        language=language or (get_language(path) if path else None),
        path=path,
        is_closed=last is not None,
    )


def _remove_indent(line: str, most: int) -> str:
    """Remove up to `most` blanks, as Markdown does in an indented block."""
    return line[:most].lstrip(" \t") + line[most:]


def read_info(info: str) -> tuple[str | None, str | None]:
    """Return the language and the path that a fence's first line names."""
    info = " ".join(info.split())
    if found := _KEY.search(info):
        path = found[1].strip("\"'") or None
        rest = info[: found.start()].split()
        return (_read_language(rest[0]) if rest else None), path
    if found := _PANDOC.match(info):
        return found[1].lower(), None
    words = info.split()
    if not words:
        return None, None
    first, *others = words
    first = _LINE_NUMBERS.sub("", first)
    head, colon, tail = first.partition(":")
    if colon and tail and is_language(head):
        return head.lower(), tail
    if not is_language(first) and is_path(first):
        return get_language(first), first
    path = next((each.strip("()[]") for each in others if is_path(each.strip("()[]"))), None)
    return _read_language(first), path


def _read_language(word: str) -> str | None:
    return word.partition(",")[0].strip("{}.").lower() or None


def is_path(word: str) -> bool:
    """Return whether a word is a file's name or path, and not a part of prose."""
    name = word.rpartition("/")[2]
    if name in WITHOUT_ENDING:
        return True
    if "://" in word or len(word) > MAX_INFO or name.lower() in _NOT_FILES:
        return False
    return ("/" in word or get_language(name) is not None) and bool(_FILE_NAME.match(name))


def _find_path_before(lines: Sequence[str], first: int, language: str | None) -> str | None:
    """Return the path in the line before a fence, if the line is about the block."""
    number = first - 1
    if number >= 0 and not lines[number].strip():
        number -= 1
    line = " ".join(lines[number][:MAX_INFO].split()) if number >= 0 else ""
    if not line or line.startswith(("```", "~~~")):
        return None
    if found := _LABELLED.search(line):
        return found[1].rstrip(":.,")
    paths = _list_paths(line)
    if len(paths) != 1:
        return None
    (path,) = paths
    named = get_language(path)
    if language and named and not is_same_language(named, language):
        return None
    is_bare = line.strip(_AROUND_A_NAME) == path.strip(_AROUND_A_NAME)
    is_about = is_bare or line.startswith(("#", "**", "__")) or line.endswith(":")
    return path if is_about else None


def _list_paths(line: str) -> list[str]:
    words = (next(filter(None, found)) for found in _WORD.findall(line))
    trimmed = (each.strip("*_:").rstrip(".") for each in words)
    return list(dict.fromkeys(each for each in trimmed if is_path(each)))


def _find_path_inside(content: Sequence[str]) -> str | None:
    """Return the path in a comment that is the first line of the code, or follows `#!`."""
    has_interpreter = bool(content) and content[0].startswith("#!")
    line = next(iter(content[has_interpreter : has_interpreter + 1]), "")
    line = " ".join(line[:MAX_INFO].split())
    start = next((each for each in _COMMENT_STARTS if line.startswith(each)), None)
    if start is None:
        return None
    comment = line[len(start) :].lstrip(start[0]).strip()
    for end in _COMMENT_ENDS:
        comment = comment.removesuffix(end).strip()
    if found := _LABELLED.fullmatch(comment):
        return found[1]
    return comment if is_path(comment) and " " not in comment else None
