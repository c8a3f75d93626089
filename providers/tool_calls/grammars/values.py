"""Values between tags, which may quote tags and even whole calls."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from providers.tool_calls.formats import FORMATS, GLM, Format, Tags
from providers.tool_calls.messages import Found
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

NAME: Final = re.compile(r"[\w.\-\\]*")
MAX_TAG: Final = 200

_WRAPPERS: Final = [row for row in FORMATS if row.closes and row.closes[0].startswith("</")]
_WRAPPER_OPENS: Final = tuple(
    each for row in _WRAPPERS if not row.keeps_marker for each in row.opens
)
_WRAPPER_CLOSES: Final = tuple(each for row in _WRAPPERS for each in row.closes)


@dataclass(frozen=True, slots=True)
class Value:
    """Where a value ends and its closing tag, too; both are equal if there is none."""

    end: int
    after: int
    is_sure: bool = True
    """Whether the value can be used."""


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A call that begins within a value."""

    name: str
    end: int
    is_complete: bool
    is_cut: bool
    """Whether the text ends in it."""


class ValueReader:
    """Finds where the values of one call end."""

    def __init__(
        self, source: Source, tags: Tags, row: Format, tools: Toolset, ends: tuple[str, ...]
    ) -> None:
        self._source = source
        self._tags = tags
        self._row = row
        self._tools = tools
        self._follow = (*tags.parameter_opens, *tags.closes, *ends)
        """What follows a value with a closing tag."""
        self._ends = (*ends, *tags.opens)
        """What follows a call."""
        self._closed: Value | None = None
        """The value until its first closing tag that text follows."""
        self._open: Value | None = None
        """The value until the call ends in it, or another one begins."""
        self._gap = (-1, -1)
        """Where the last end marker is, and what follows it."""

    def read(self, found: Found, at: int) -> Value | None:
        """Return the value at a position; None if the text ends in it.

        A closing tag counts if something of the call follows it. Without one, the value ends
        where the call ends, another parameter begins that the tool has, or another call.
        """
        source, tags, pattern, begin = self._source, self._tags, _compile(self._tags), at
        self._closed = self._open = None
        while match := source.search(pattern, at):
            literal, start, at = match.group(), match.start(), match.end()
            if literal in tags.parameter_closes:
                value = Value(start, at)
                after = source.skip_space(at)
                if source.is_end(after, self._follow) or source.is_cut(self._follow, after):
                    return value
                self._closed = self._closed or value
            elif literal in tags.parameter_opens:
                quoted = self._skip_parameter(found, start, at)
                if quoted < 0:
                    return self._closed or self._open or Value(start, start)
                at = quoted
            elif literal in tags.closes:
                if self._closed:
                    return self._closed
                if self._ends_call(begin, start, source.skip_space(at)):
                    self._open = self._open or Value(start, start)
            elif literal in self._row.closes:
                self._gap = (start, source.skip_space(at))
            elif quoted_call := self._read_call(start):
                at = self._skip_call(quoted_call, begin, start, at)
                if at < 0:
                    break
        return self._closed or self._open

    def _is_line(self, start: int) -> bool:
        return self._source.text[start - 1] in "\n>"

    def _skip_parameter(self, found: Found, start: int, at: int) -> int:
        """Return the position after a quoted tag of a parameter; -1 if it is one of the call."""
        head = read_key(self._source, self._tags, at) if self._is_line(start) else None
        name = self._tools.resolve(found.name or "")
        if head is None or name is None or not isinstance(found.arguments, dict):
            return at
        key = strip_quotes(head[0])
        if key in found.arguments or key not in self._tools.list_parameters(name):
            return at
        end, is_closed = self._skip_value(at)
        is_quoted = is_closed and self._source.find_at(self._tags.parameter_closes, end)
        return end if is_quoted else -1

    def _skip_value(self, at: int) -> tuple[int, bool]:
        """Return the position after a quoted value, and whether it is closed before any call."""
        while match := self._source.search(_compile(self._tags), at):
            at = match.end()
            if match.group() in self._tags.parameter_closes:
                return self._source.skip_space(at), True
            if match.group() not in self._tags.parameter_opens:
                return match.start(), False
        return len(self._source.text), False

    def _ends_call(self, begin: int, start: int, at: int) -> bool:
        """Return whether a call ends by a tag in an open value.

        At the end of the text the tag may be a part of the value, unless nothing else is missing.
        """
        text = self._source.text
        if self._source.get_char(at):
            return bool(self._source.find_at(self._ends, at))
        is_alone = text[start - 1] == "\n" or text[begin] != "\n"
        return self._tags is GLM or (self._row.keeps_marker and is_alone)

    def _skip_call(self, call: _Quoted, begin: int, start: int, at: int) -> int:
        """Return where to go on after a call in the value; -1 if it cannot be quoted."""
        if not self._is_line(start):
            is_quoted = call.is_complete and not self._source.is_end(call.end, self._ends)
            return call.end if is_quoted else at
        if not call.is_cut:
            end = self._gap[0] if self._gap[1] == start else start
            is_sure = call.is_complete and self._tools.resolve(call.name) is not None
            if self._source.text[begin:end].strip():
                self._open = self._open or Value(end, end, is_sure)
        return call.end if call.is_complete else -1

    def _read_call(self, at: int) -> _Quoted | None:
        """Return the call that begins in a value, which quotes it or comes before it."""
        source, tags = self._source, self._tags
        opener = source.find_at(tags.opens, at)
        if not opener:
            at = source.skip_space(at + len(source.find_at(_WRAPPER_OPENS, at)))
            opener = source.find_at(tags.opens, at)
        head = read_name(source, tags, at + len(opener)) if opener else None
        if head is None:
            return None
        name, at = head[0], source.skip_space(head[1])
        if not source.find_at((*tags.parameter_opens, *tags.closes), at):
            return None
        is_closed = True
        while is_closed and (opener := source.find_at(tags.parameter_opens, at)):
            at, is_closed = self._skip_value(at + len(opener))
        closer = source.find_at(tags.closes, at) if is_closed else ""
        if not closer:
            is_cut = source.is_end(at) or (is_closed and source.is_cut(tags.closes, at))
            return _Quoted(name, at, is_complete=False, is_cut=is_cut)
        at = source.skip_space(at + len(closer))
        while wrapper := source.find_at(self._row.closes, at):
            at = source.skip_space(at + len(wrapper))
        return _Quoted(name, at, is_complete=True, is_cut=False)


@lru_cache
def _compile(tags: Tags) -> re.Pattern[str]:
    tagged = (*tags.parameter_closes, *tags.parameter_opens, *tags.closes, *tags.opens)
    literals = {*tagged, *_WRAPPER_OPENS, *_WRAPPER_CLOSES}
    return re.compile("|".join(map(re.escape, sorted(literals, key=len, reverse=True))))


def read_name(source: Source, tags: Tags, at: int) -> tuple[str, int] | None:
    """Return the name of a call behind its opening tag, and the position after it."""
    if tags is GLM:
        end = source.skip(NAME, at)
        return (source.text[at:end], end) if end > at else None
    head = read_key(source, tags, at)
    return head and (strip_quotes(head[0]), head[1])


def read_key(source: Source, tags: Tags, at: int) -> tuple[str, int] | None:
    """Return the key of a parameter behind its opening tag, and where the value begins."""
    end = source.find(tags.key_end, at, MAX_TAG)
    key, at = source.text[at:end], end + len(tags.key_end)
    if end < 0 or (tags.closes[0] in key if tags.value_open else "\n" in key):
        return None
    if tags.value_open:
        at = source.skip_space(at)
        if not source.find_at((tags.value_open,), at):
            return None
    return key, at + len(tags.value_open)


def is_key_cut(source: Source, tags: Tags, at: int) -> bool:
    """Return whether the text ends in the tag of a parameter that could not be read."""
    end = source.find(tags.key_end, at, MAX_TAG)
    if end < 0:
        return len(source.text) - at < MAX_TAG and "\n" not in source.text[at:].strip()
    at = source.skip_space(end + len(tags.key_end))
    return bool(tags.value_open) and (source.is_end(at) or source.is_cut((tags.value_open,), at))


def strip_quotes(head: str) -> str:
    """Return the name in a tag such as `"N"`, `N` or `"N" string="true"`."""
    head = head.strip()
    if head[:1] in ('"', "'") and (end := head.find(head[0], 1)) > 0:
        return head[1:end]
    return head
