"""Calls without a marker: they count if the message holds nothing else from there on (R12)."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from providers.tool_calls.formats import BY_OPEN, ENDS, OPENS, Format, Unmarked
from providers.tool_calls.grammars.blocks import FENCE, read_block
from providers.tool_calls.grammars.items import ARGUMENT_KEYS, Items
from providers.tool_calls.grammars.tagged import TaggedReader
from providers.tool_calls.grammars.values import NAME
from providers.tool_calls.messages import Found
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

_JSON: Final = Format("bare_json", ())
_PYTHON: Final = Format("pythonic", ())
_GAP: Final = re.compile(r"[;,\s]*")
_SURPLUS: Final = re.compile(r"[}\])\s]*")
_INFO: Final = re.compile(r"[^\n`]*")
_FIRST_KEYS: Final = (*ARGUMENT_KEYS, "name", "tool_name", "function", "type", "id", "index")
_KEYS: Final = frozenset((*_FIRST_KEYS, "tool_call_id", "tool_calls", "tool_call"))
_KEY: Final = re.compile(r"[\w\-]*")
_MAX_KEY: Final = max(map(len, _KEYS))
_MAX_NAME_MARGIN: Final = 16
"""Characters that a written name may have more than the tool's: quotes, a prefix."""


@dataclass(slots=True)
class Run:
    """Calls from a line on, to the end of the message."""

    found: list[Found] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    end: int = 0


class RunReader:
    """Reads unmarked calls at the beginning of a line. One per attempt."""

    def __init__(
        self, source: Source, tools: Toolset, forms: Collection[Unmarked], family: str
    ) -> None:
        self._source = source
        self._tools = tools
        self._forms = forms
        self._family = family
        self._has_marked = False
        self.run = Run()
        self.reach = 0
        """How far the text was read."""

    def read(self, at: int) -> Run | None:
        """Return the calls from a position on, None if the text there is no such run."""
        self.reach = at
        while True:
            is_fenced = self._is_at(FENCE, at)
            if is_fenced and self._has_marked:
                return None  # the message does not end after the block before
            end = self._read_fenced(at) if is_fenced else self._read_item(at)
            if end is None:
                return None
            self.run.end = self.reach = end
            at = self._source.skip(_GAP, end)
            if self._source.get_char(at) in ("}", "]"):
                at = self._skip_surplus(at)
            if self._ends_at(at):
                self.run.end = at
                return self.run if self._counts() else None
            if (char := self._source.get_char(at)) == "<" or self._is_at("[TOOL", at):
                is_run = not is_fenced and self._is_marked(at) and self._counts()
                return self.run if is_run else None
            if not (char in "{[`" or char.isalpha() or char == "_"):
                return None

    def _skip_surplus(self, at: int) -> int:
        end = self._source.skip(_SURPLUS, at)
        if self._ends_at(end) and self.run.found:
            self.run.found[-1].add_repairs(["surplus_closers"])
            return end
        return at

    def _counts(self) -> bool:
        names = [each.name for each in self.run.found if each.name]
        return self._has_marked or any(self._tools.resolve(name) for name in names)

    def _is_at(self, literal: str, at: int) -> bool:
        return bool(self._source.find_at((literal,), at))

    def _ends_at(self, at: int) -> bool:
        return not self._source.get_char(at) or bool(self._source.find_at(ENDS, at))

    def _is_marked(self, at: int) -> bool:
        marker = self._get_marker(at)
        if not marker:
            return False
        return read_block(self._source, at, marker, self._tools, self._family) is not None

    def _get_marker(self, at: int) -> str:
        return self._source.find_at(OPENS, at)

    def _read_item(self, at: int) -> int | None:
        """Return where the calls of one value end; None if it does not count as one."""
        items, row = self._read_value(at)
        if items is None or not items.found:
            return None
        for found in items.found:
            self.reach = max(self.reach, found.end)
            if found.reason == "truncated" and found is not items.found[0]:
                break
            if not found.has_arguments or not found.name:
                return None
            if found.reason and self._tools.resolve(found.name) is None:
                return None
        self.run.found += items.found
        self.run.formats += [row.name] * len(items.found)
        return items.at

    def _read_value(self, at: int) -> tuple[Items | None, Format]:
        source = self._source
        char = source.get_char(at)
        if char == "{":
            reader = TaggedReader(source, _JSON, self._tools)
            return (reader.read_item(at) if self._begins_call(at) else None), _JSON
        if char == "[":
            inside = source.skip_space(at + 1)
            if self._begins_call(inside):
                return TaggedReader(source, _JSON, self._tools).read_item(at), _JSON
            is_named = Unmarked.PYTHON in self._forms and self._begins_name(inside, "(")
            reader = TaggedReader(source, _PYTHON, self._tools)
            return (reader.read_item(at) if is_named else None), _PYTHON
        if Unmarked.PYTHON in self._forms and self._begins_name(at, "("):
            return TaggedReader(source, _PYTHON, self._tools).read_python(at), _PYTHON
        if Unmarked.NAMED in self._forms and self._begins_name(at, "\n"):
            reader = TaggedReader(source, _JSON, self._tools)
            return reader.read_glm(at, accepts_unknown=False), _JSON
        return None, _JSON

    def _begins_call(self, at: int) -> bool:
        """Return whether an object begins with a key that calls have."""
        source = self._source
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
        source = self._source
        at = source.skip(_INFO, at + len(FENCE))
        if source.get_char(at) != "\n":
            return None
        at = source.skip(_GAP, at)
        while not self._is_at(FENCE, at):
            if self._ends_at(at):
                is_open = not self.run.found or any(each.needed_closing for each in self.run.found)
                return None if is_open else at
            end = self._read_fenced_item(at)
            if end is None or (self.run.found and self.run.found[-1].reason):
                return None
            self.reach = end
            at = source.skip(_GAP, end)
        return at + len(FENCE) if self.run.found else None

    def _read_fenced_item(self, at: int) -> int | None:
        marker = self._get_marker(at)
        if not marker or BY_OPEN[marker].needs_line:
            return self._read_item(at)
        block = read_block(self._source, at, marker, self._tools, self._family)
        if block is None:
            return None
        self._has_marked = True
        self.run.found += block.found
        self.run.formats += [BY_OPEN[marker].name] * len(block.found)
        return block.end
