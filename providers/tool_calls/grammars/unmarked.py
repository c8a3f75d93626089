"""Calls without a marker: they count if the message holds nothing else from there on (R12)."""

import re
from typing import Final

from providers.tool_calls.formats import BY_OPEN, ENDS, OPENS, Family, Format
from providers.tool_calls.grammars.blocks import read_block
from providers.tool_calls.grammars.items import ARGUMENT_KEYS, FENCE, GAP, Items
from providers.tool_calls.grammars.tagged import TaggedReader
from providers.tool_calls.grammars.values import NAME
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

_JSON: Final = Format("bare_json", ())
_PYTHON: Final = Format("pythonic", ())
_SURPLUS: Final = re.compile(r"[}\])\s]*")
_INFO: Final = re.compile(r"[^\n`]*")
_FIRST_KEYS: Final = (*ARGUMENT_KEYS, "name", "tool_name", "function", "type", "id", "index")
_KEYS: Final = frozenset((*_FIRST_KEYS, "tool_call_id", "tool_calls", "tool_call"))
_KEY: Final = re.compile(r"[\w\-]*")
_MAX_KEY: Final = max(map(len, _KEYS))
_MAX_NAME_MARGIN: Final = 16
"""Characters that a written name may have more than the tool's: quotes, a prefix."""


class RunReader:
    """Reads unmarked calls at the beginning of a line. One per attempt."""

    def __init__(self, source: Source, tools: Toolset, family: Family) -> None:
        self._source = source
        self._tools = tools
        self._family = family
        self._has_marked = False
        self._run = Items()
        self.reach = 0
        """How far the text was read."""

    def read(self, at: int) -> Items | None:
        """Return the calls from a position on, None if the text there is no such run."""
        self.reach = at
        while True:
            is_fenced = bool(self._source.find_at((FENCE,), at))
            if is_fenced and self._has_marked:
                return None  # the message does not end after the block before
            end = self._read_fenced(at) if is_fenced else self._read_item(at)
            if end is None:
                return None
            self._run.at = self.reach = end
            at = self._skip_surplus(self._source.skip(GAP, end))
            if self._source.is_end(at, ENDS):
                self._run.at = at
                return self._run if self._counts() else None
            marker = self._source.find_at(OPENS, at)
            if marker and not BY_OPEN[marker].needs_line:
                is_run = not is_fenced and self._counts() and self._read_block(at, marker)
                return self._run if is_run else None

    def _skip_surplus(self, at: int) -> int:
        if self._source.get_char(at) in ("}", "]"):
            end = self._source.skip(_SURPLUS, at)
            if self._source.is_end(end, ENDS):
                self._run.found[-1].add_repairs(["surplus_closers"])
                return end
        return at

    def _counts(self) -> bool:
        names = [each.name for each in self._run.found if each.name]
        return self._has_marked or any(self._tools.resolve(name) for name in names)

    def _read_block(self, at: int, marker: str) -> Items | None:
        return read_block(self._source, at, marker, self._tools, self._family)

    def _read_item(self, at: int) -> int | None:
        """Return where the calls of one value end; None if it does not count as one."""
        row = _PYTHON if self._is_python(at) else _JSON
        reader = TaggedReader(self._source, row, self._tools)
        if row is _PYTHON or self._begins_call(at):
            items = reader.read_item(at)
        elif self._family.is_glm and self._begins_name(at, "\n"):
            items = reader.read_headed(at, "glm")
        else:
            return None
        if items is None or not items.found:
            return None
        for found in items.found:
            found.form = row.name
            self.reach = max(self.reach, found.end)
            if found.reason == "truncated" and found is not items.found[0]:
                break
            if not found.has_arguments or not found.name:
                return None
            if found.reason and self._tools.resolve(found.name) is None:
                return None
        self._run.found += items.found
        return items.at

    def _is_python(self, at: int) -> bool:
        if not self._family.is_pythonic:
            return False
        if self._source.get_char(at) == "[":
            at = self._source.skip_space(at + 1)
        return self._begins_name(at, "(")

    def _begins_call(self, at: int) -> bool:
        """Return whether an object or a list of them begins with a key that calls have."""
        source = self._source
        if source.get_char(at) == "[":
            at = source.skip_space(at + 1)
        if source.get_char(at) != "{":
            return False
        at = source.skip_space(at + 1)
        if source.get_char(at) in ("/", "{"):
            return source.get_char(at) == "/"
        at += source.get_char(at) in ("'", '"')
        if not source.get_char(at):
            return False
        match = _KEY.match(source.text, at, at + _MAX_KEY + 1)
        end = match.end() if match else at
        if end <= at + _MAX_KEY and not source.get_char(end):
            return False
        return source.text[at:end] in _KEYS

    def _begins_name(self, at: int, follower: str) -> bool:
        """Return whether a name that may be a tool's is at a position, and what belongs after."""
        source = self._source
        longest = self._tools.longest_name + _MAX_NAME_MARGIN
        match = NAME.match(source.text, at, at + longest + 1)
        end = match.end() if match else at
        if end == at or end > at + longest or source.get_char(end) != follower:
            return False
        return self._tools.resolve(source.text[at:end]) is not None or follower == "("

    def _read_fenced(self, at: int) -> int | None:
        """Return where a fenced block of nothing but calls ends, else None."""
        source, run = self._source, self._run
        at = source.skip(_INFO, at + len(FENCE))
        if source.get_char(at) != "\n":
            return None
        at = source.skip(GAP, at)
        while not source.find_at((FENCE,), at):
            if source.is_end(at, ENDS):
                is_open = not run.found or any(each.needed_closing for each in run.found)
                return None if is_open else at
            end = self._read_fenced_item(at)
            if end is None or (run.found and run.found[-1].reason):
                return None
            self.reach = end
            at = source.skip(GAP, end)
        return at + len(FENCE) if run.found else None

    def _read_fenced_item(self, at: int) -> int | None:
        marker = self._source.find_at(OPENS, at)
        if not marker or BY_OPEN[marker].needs_line:
            return self._read_item(at)
        block = self._read_block(at, marker)
        if block is None:
            return None
        self._has_marked = True
        self._run.found += block.found
        return block.at
