"""Calls behind a marker, until the markers that close them."""

import re
from typing import Final

from providers.tool_calls.formats import ALL_CLOSES, BY_OPEN, ENDS, HEADS, OPENS, TAG_OPENS, Family
from providers.tool_calls.grammars.items import FENCE, GAP, Items
from providers.tool_calls.grammars.tagged import TaggedReader
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

_MAX_DOUBLED: Final = 3
_INFO: Final = re.compile(r"[\w+\-]*")
_SURPLUS: Final = re.compile(r"[\s}\])]*")
_REST_OF_LINE: Final = re.compile(r"[^\n<\[`]*\s*")


def read_block(
    source: Source, at: int, marker: str, tools: Toolset, family: Family
) -> Items | None:
    """Return what a marker opens; None if no payload of its format follows (R12).

    Raises:
        NeedMore: the text ends before that is decided.
    """
    reader = _BlockReader(source, BY_OPEN[marker], tools)
    return reader.read(at, marker, accepts_names=family.is_glm)


class _BlockReader(TaggedReader):
    def read(self, start: int, marker: str, *, accepts_names: bool) -> Items | None:
        row, source = self.row, self.source
        at = start + len(marker)
        if row.keeps_marker:
            at = start + max(marker.find("["), 0)
        for _ in range(_MAX_DOUBLED if not row.keeps_marker and row.closes else 0):
            inside = source.skip_space(at)
            if not (again := source.find_at(row.opens, inside)):
                break
            at = inside + len(again)
            self.repairs.append("doubled_tag")
        at = self.skip_comments(at)
        if row.grammar == "section":
            inner = source.find_at(OPENS, at)
            if inner and BY_OPEN[inner] is not row:
                return Items(at=at)
            if source.find_at(row.closes, at):
                return Items(at=self._skip_closers(at))
        is_fenced = bool(source.find_at((FENCE,), at))
        if is_fenced:
            at = source.skip_space(source.skip(_INFO, at + len(FENCE)))
            self.repairs += ["code_fence"] if row.grammar not in ("fenced", "named") else []
        elif row.grammar == "fenced":
            return None
        items = self._read_payload(at, accepts_names=accepts_names)
        if items is None:
            return None
        repairs, self.repairs = self.repairs, []
        is_fenced = is_fenced or "code_fence" in repairs or row.grammar == "named"
        items.at = self._finish(items, is_fenced=is_fenced)
        for found in items.found:
            found.form = row.name
        for found in items.found[:1]:
            found.add_repairs(repairs)
        if len(items.found) == 1:
            items.found[0].start, items.found[0].end = start, items.at
        return items

    def _read_payload(self, at: int, *, accepts_names: bool) -> Items | None:
        source, grammar = self.source, self.row.grammar
        char = source.get_char(at)
        if grammar not in HEADS or not char or char in "{[<":
            items = self.read_items(at)
            if items is None and (char.isalpha() or char == "_"):
                items = self.read_headed(at, "glm", accepts_unknown=accepts_names)
            return items
        items = self.read_headed(at, grammar)
        if items is None and grammar == "gemma":
            return self.read_headed(at, "glm")
        while items and grammar == "generic" and not items.is_lost:
            more = self.read_headed(source.skip(GAP, items.at), grammar)
            if more is None:
                break
            items = Items([*items.found, *more.found], more.at, more.is_lost)
        return items

    def _finish(self, items: Items, *, is_fenced: bool) -> int:
        """Return where the block ends, after its closing markers."""
        source, row = self.source, self.row
        if not items.found:
            return self._skip_closers(items.at)
        last, at = items.found[-1], items.at
        if not items.is_lost:
            at = self._skip_surplus(at)
        at, after = self._skip_rest(at)
        self.move_repairs(last)
        if is_fenced and source.find_at((FENCE,), after):
            at = after + len(FENCE)
            after = source.skip_space(at)
        if last.reason == "malformed" and not source.find_at(row.closes, after):
            limit, is_closer = self.find_limit(after)
            after = at = limit if is_closer else at
        closer = source.find_at(row.closes, after)
        if not closer:
            return self._leave_open(items, at, after)
        at = after + len(closer)
        if source.find_at(row.closes, source.skip_space(at)) and last.reason is None:
            last.add_repairs(["doubled_tag"])
        return self._skip_closers(at)

    def _skip_surplus(self, at: int) -> int:
        source, end = self.source, self.source.skip(_SURPLUS, at)
        ends = (*self.row.closes, *ENDS, FENCE)
        if not source.text[at:end].strip() or not source.is_end(end, ends):
            return at
        self.repairs.append("surplus_closers")
        return end

    def _skip_rest(self, at: int) -> tuple[int, int]:
        """Return where the payload ends, with comments before the end marker, and what follows."""
        source, after = self.source, self.skip_comments(at)
        if source.get_char(after) and not source.find_at((FENCE, *self.ends), after):
            self.repairs.clear()
            rest = source.skip(_REST_OF_LINE, after)
            if not source.find_at(self.row.closes, rest):
                return at, source.skip_space(at)
            self.repairs.append("surplus_text")
            return rest, rest
        return (after if self.repairs else at), after

    def _leave_open(self, items: Items, at: int, after: int) -> int:
        """Return where a block without a closing marker ends."""
        source, row, last = self.source, self.row, items.found[-1]
        is_optional = row.may_stay_open or items.is_list or not row.closes
        is_cut = source.is_cut(row.closes, after)
        if not is_optional and last.reason is None:
            last.add_repairs(["missing_end"])
            is_cut = is_cut or not source.get_char(after)
            last.needed_closing |= is_cut
        if is_cut:
            at = len(source.text)
        again = source.find_at(row.opens, after) if row.closes and not row.keeps_marker else ""
        if again and not self._opens_payload(source.skip_space(after + len(again))):
            last.add_repairs(["reopened_tag"])
            at = after + len(again)
        return self._skip_closers(at)

    def _opens_payload(self, at: int) -> bool:
        char = self.source.get_char(at)
        if char == "<":
            return bool(self.source.find_at((*TAG_OPENS, *self.row.opens), at))
        return bool(char) and (char in "{[`" or char.isalpha() or char == "_")

    def _skip_closers(self, at: int) -> int:
        """Return the position after all closing markers of any format."""
        while closer := self.source.find_at(ALL_CLOSES, after := self.source.skip_space(at)):
            at = after + len(closer)
        if self.source.is_cut(ALL_CLOSES, after) and self.source.text[after] in "<[":
            return len(self.source.text)
        return at
