"""Calls behind a marker, each format by its own grammar."""

import re
from dataclasses import dataclass, field
from typing import Final

from providers.tool_calls.formats import (
    ALL_CLOSES,
    ARGUMENTS_BEGIN,
    BY_OPEN,
    CALL_ID,
    ENDS,
    OPENS,
    SEPARATORS,
    TAG_OPENS,
    Format,
)
from providers.tool_calls.grammars.items import Items
from providers.tool_calls.grammars.tagged import TaggedReader
from providers.tool_calls.grammars.values import NAME
from providers.tool_calls.messages import Found
from providers.tool_calls.scanner import GEMMA, Broken, Scanner
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

FENCE: Final = "```"
_MAX_DOUBLED: Final = 3
_INFO: Final = re.compile(r"[\w+\-]*")
_SURPLUS: Final = re.compile(r"[\s}\])]*")
_HEADER: Final = re.compile(r"[^\s<\[{`\"]*")
_KIMI_INDEX: Final = re.compile(r":[0-9]+$")
_QUOTES: Final = "\"'`*"
_NAME_KEY: Final = re.compile(r"(?i)[\"'*]*(?:tool\\?_name|tool|name)[\"'*]*[ \t]*[:=]")
_ARGUMENTS_KEY: Final = re.compile(r"(?i)[\"'*]*(?:arguments|parameters|args|input)[\"'*]*\s*[:=]")
_KEYS: Final = ("tool_name:", "arguments:")
_GENERIC_NAME: Final = re.compile(r"[^\s,<{]*")
_REST_OF_LINE: Final = re.compile(r"[^\n<\[`]*\s*")
_COMMA: Final = re.compile(r"[\s,;]*")
_KEY_RUN: Final = re.compile(r"[\w\\\"'* \t]*")


@dataclass(slots=True)
class Block:
    """The calls of a marker, and where the text after them begins."""

    found: list[Found] = field(default_factory=list)
    end: int = 0
    is_complete: bool = False
    """Whether there is a call in it that was neither cut off nor malformed."""


def read_block(source: Source, at: int, marker: str, tools: Toolset, family: str) -> Block | None:
    """Return what a marker opens; None if no payload of its format follows (R12).

    Raises:
        NeedMore: the text ends before that is decided.
    """
    return _BlockReader(source, BY_OPEN[marker], tools, family).read(at, marker)


class _BlockReader(TaggedReader):
    def __init__(self, source: Source, row: Format, tools: Toolset, family: str) -> None:
        super().__init__(source, row, tools)
        self._family = family
        self._repairs: list[str] = []

    def read(self, start: int, marker: str) -> Block | None:
        row, source = self.row, self.source
        at = start + len(marker)
        if row.keeps_marker:
            at = start + max(marker.find("["), 0)
        for _ in range(_MAX_DOUBLED if not row.keeps_marker and row.closes else 0):
            inside = source.skip_space(at)
            if not (again := source.find_at(row.opens, inside)):
                break
            at = inside + len(again)
            self._repairs.append("doubled_tag")
        at = self.skip_comments(at, self._repairs)
        if row.grammar == "section":
            return self._read_section(at)
        native = row.grammar in ("fenced", "named")
        at, is_fenced = self._skip_fence(at)
        if is_fenced and not native:
            self._repairs.append("code_fence")
        if row.grammar == "fenced" and not is_fenced:
            return None
        items = self._read_payload(at)
        if items is None or not (items.found or items.is_list):
            return None
        end = self._finish(items, is_fenced=is_fenced)
        for found in items.found[:1]:
            found.add_repairs(self._repairs)
        is_complete = any(not each.reason for each in items.found)
        return Block(items.found, end, is_complete)

    def _read_section(self, at: int) -> Block | None:
        marker = self.source.find_at(OPENS, at)
        if marker and BY_OPEN[marker] is not self.row:
            return Block([], at)
        if self.source.find_at(self.row.closes, at):
            return Block([], self._skip_closers(at))
        items = self.read_items(at)
        return Block(items.found, self._finish(items, is_fenced=False)) if items else None

    def _skip_fence(self, at: int) -> tuple[int, bool]:
        source = self.source
        if not source.find_at((FENCE,), at):
            return at, False
        self.ends = (*self.ends, FENCE)
        return source.skip_space(source.skip(_INFO, at + len(FENCE))), True

    def _read_payload(self, at: int) -> Items | None:
        source, grammar = self.source, self.row.grammar
        char = source.get_char(at)
        if grammar == "gemma" and (items := self._read_gemma(at)):
            return items
        if grammar == "generic" and char not in ("{", "[", "<"):
            return self._read_pairs(at)
        if grammar == "named" and char and char not in "{[<":
            return self._read_named(at)
        if grammar == "keyed" and (items := self._read_keyed(at)):
            return items
        items = self.read_items(at)
        if items is None and char and (char.isalpha() or char == "_"):
            unknown = self._family.lower().startswith("glm")
            items = self.read_glm(at, accepts_unknown=unknown)
        return items

    def _read_keyed(self, at: int) -> Items | None:
        """Return the calls of [{name: arguments}, ...]."""
        if self.source.get_char(at) != "[":
            return None
        scanner = Scanner(self.source, ends=self.ends)
        try:
            value, end = scanner.read(at)
        except Broken:
            return None
        pairs = [pair for each in value if isinstance(each, dict) for pair in each.items()]
        if any(name in ("name", "arguments") for name, _ in pairs):
            return None
        found = [Found(name, arguments, at, end) for name, arguments in pairs]
        for each in found:
            each.add_repairs(scanner.repairs)
            each.needed_closing = scanner.needed_closing
        return Items(found, end, is_list=True)

    def _read_gemma(self, at: int) -> Items | None:
        source = self.source
        if not source.find_at(("call:",), at):
            return self.build_cut(None, at) if source.is_cut(("call:",), at) else None
        end = source.skip(NAME, at + len("call:"))
        name, after = source.text[at + len("call:") : end], source.skip_space(end)
        if not source.get_char(after):
            return self.build_cut(name, at)
        if source.get_char(after) != "{":
            return None
        scanner = Scanner(source, GEMMA, self.ends)
        try:
            arguments, end = scanner.read(after)
        except Broken as error:
            scanner.partial = {"name": name, "arguments": None}
            return self._report(scanner, error, at)
        found = Found(name, arguments, at, end, needed_closing=scanner.needed_closing)
        found.add_repairs(scanner.repairs)
        return Items([found], end)

    def _read_named(self, at: int) -> Items | None:
        """Return the call of a name, perhaps an id, and JSON."""
        source, start = self.source, at
        end = source.skip(_HEADER, at)
        name, at = source.text[at:end], source.skip_space(end)
        if not name:
            return None
        id_, is_certain = None, False
        if separator := source.find_at(SEPARATORS, at):
            at, is_certain = source.skip_space(at + len(separator)), True
            if source.get_char(at) not in ("{", "") and not source.find_at(self.ends, at):
                end = source.skip(_HEADER, at)
                name = source.text[at:end] or name
                at = source.skip_space(end)
        if source.find_at((CALL_ID,), at):
            begin = at + len(CALL_ID)
            end = source.skip(_HEADER, begin)
            id_, at, is_certain = source.text[begin:end], source.skip_space(end), True
        if literal := source.find_at(ARGUMENTS_BEGIN, at):
            at, is_certain = source.skip_space(at + len(literal)), True
        if index := _KIMI_INDEX.search(name):
            id_, name = name, name[: index.start()].removeprefix("functions.")
        if source.find_at((FENCE,), at):
            at, is_certain = self._skip_fence(at)[0], True
        return self._read_named_arguments(name, id_, start, at, is_certain=is_certain)

    def _read_named_arguments(
        self, name: str, id_: str | None, start: int, at: int, *, is_certain: bool
    ) -> Items | None:
        source = self.source
        char = source.get_char(at)
        if char in ("{", '"') and (char == "{" or is_certain):
            return self.read_arguments(name, id_, start, at)
        if source.find_at(TAG_OPENS, at):
            return self.read_item(at)
        if not char or source.is_cut((*SEPARATORS, *ARGUMENTS_BEGIN, CALL_ID), at):
            is_prefix = any(each.startswith(name) for each in self.tools.names)
            is_special = self.row.opens[0].startswith("<")
            return self.build_cut(name, start) if is_certain or is_prefix or is_special else None
        if source.find_at(self.ends, at) and (is_certain or self.tools.resolve(name)):
            return Items([Found(name, None, start, at, id_, has_arguments=False)], at)
        if not is_certain or self.tools.resolve(name) is None:
            return None
        end, _ = self.find_limit(at)
        detail = "the arguments are not JSON"
        found = Found(name, None, start, end, id_, reason="malformed", detail=detail)
        return Items([found], end, is_lost=True)

    def _read_pairs(self, at: int) -> Items | None:
        """Return the calls of names and arguments in one block."""
        items = self._read_generic(at)
        while items and not items.is_lost:
            at = self.source.skip(_COMMA, items.at)
            if self._skip_key(_NAME_KEY, at) is None or not (more := self._read_generic(at)):
                break
            items = Items([*items.found, *more.found], more.at, more.is_lost)
        return items

    def _read_generic(self, at: int) -> Items | None:
        """Return the call of `tool_name: N` and `arguments: {JSON}` (R15)."""
        source, start = self.source, at
        after = self._skip_key(_NAME_KEY, at)
        if after is None:
            if (after := self._skip_key(_ARGUMENTS_KEY, at)) is not None:
                return self._read_reversed(start, after)
            return self.build_cut(None, at) if self._is_cut_key(at) else None
        at = source.skip_space(after)
        end = source.skip(_GENERIC_NAME, at)
        name = source.text[at:end].strip(_QUOTES)
        if not source.get_char(end):
            return self.build_cut(name, start)
        if not name:
            return None
        at = source.skip(_COMMA, end)
        after = self._skip_key(_ARGUMENTS_KEY, at)
        if after is None:
            return self._end_generic(name, start, at)
        at, is_fenced = self._skip_fence(source.skip_space(after))
        if is_fenced:
            self._repairs.append("code_fence")
        if source.get_char(at) == "{" or source.find_at(('"{', "'{"), at):
            return self.read_arguments(name, None, start, at)
        return self._end_generic(name, start, at)

    def _read_reversed(self, start: int, at: int) -> Items | None:
        """Return the call of which the arguments come before the name."""
        source = self.source
        at = source.skip_space(at)
        if source.get_char(at) != "{":
            return None
        items = self.read_arguments("", None, start, at)
        [found] = items.found
        at = source.skip(_COMMA, items.at)
        after = None if found.reason else self._skip_key(_NAME_KEY, at)
        if after is not None:
            at = source.skip_space(after)
            end = source.skip(_GENERIC_NAME, at)
            found.name, found.end, items.at = source.text[at:end].strip(_QUOTES), end, end
            return items if source.get_char(end) else self.build_cut(found.name, start)
        found.name = None
        if not found.reason and (not source.get_char(at) or self._is_cut_key(at)):
            return self.build_cut(None, start)
        return items

    def _end_generic(self, name: str, start: int, at: int) -> Items:
        if self.source.find_at(self.ends, at):
            return Items([Found(name, None, start, at)], at)
        if not self.source.get_char(at) or self._is_cut_key(at):
            return self.build_cut(name, start)
        end, _ = self.find_limit(at)
        detail = "the arguments are not a JSON object"
        found = Found(name, None, start, end, reason="malformed", detail=detail)
        return Items([found], end, is_lost=True)

    def _skip_key(self, key: re.Pattern[str], at: int) -> int | None:
        end = self.source.skip(_KEY_RUN, at)
        self.source.get_char(end)
        match = key.match(self.source.text, at)
        return match.end() if match else None

    def _is_cut_key(self, at: int) -> bool:
        source = self.source
        rest = source.text[at : at + len(_KEYS[0])].lower()
        is_last = source.is_final and len(source.text) - at <= len(_KEYS[0])
        return is_last and bool(rest) and any(key.startswith(rest) and key != rest for key in _KEYS)

    def _finish(self, items: Items, *, is_fenced: bool) -> int:
        """Return where the block ends, after its closing markers."""
        source, row = self.source, self.row
        if not items.found:
            return self._skip_closers(items.at)
        last = items.found[-1]
        at = items.at
        if not items.is_lost:
            at = self._skip_surplus(last, at)
        at, after = self._skip_final_comments(last, at)
        if (
            is_fenced or "code_fence" in self._repairs or row.grammar == "named"
        ) and source.find_at((FENCE,), after):
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

    def _skip_final_comments(self, last: Found, at: int) -> tuple[int, int]:
        """Return where the payload ends, with comments before the end marker, and what follows."""
        repairs: list[str] = []
        after = self.skip_comments(at, repairs)
        source = self.source
        if source.get_char(after) and not source.find_at((FENCE, *self.ends), after):
            rest = source.skip(_REST_OF_LINE, after)
            if not source.find_at(self.row.closes, rest):
                return at, source.skip_space(at)
            after, repairs = rest, ["surplus_text"]
        if not repairs:
            return at, after
        last.add_repairs(repairs)
        return after, after

    def _leave_open(self, items: Items, at: int, after: int) -> int:
        """Return where a block without a closing marker ends."""
        source, row, last = self.source, self.row, items.found[-1]
        is_optional = (
            row.may_stay_open or items.is_list or not row.closes or row.grammar == "fenced"
        )
        if not is_optional and last.reason is None:
            last.add_repairs(["missing_end"])
            is_cut = source.is_cut(row.closes, after)
            if not source.get_char(after) or is_cut:
                last.needed_closing = True
                at = len(source.text)
        elif source.is_cut(row.closes, after):
            at = len(source.text)
        again = source.find_at(row.opens, after) if row.closes and not row.keeps_marker else ""
        if again and not self._opens_payload(source.skip_space(after + len(again))):
            last.add_repairs(["reopened_tag"])
            return self._skip_closers(after + len(again))
        return self._skip_closers(at)

    def _opens_payload(self, at: int) -> bool:
        char = self.source.get_char(at)
        if char == "<":
            return bool(self.source.find_at((*TAG_OPENS, *self.row.opens), at))
        return bool(char) and (char in "{[`" or char.isalpha() or char == "_")

    def _skip_surplus(self, last: Found, at: int) -> int:
        source = self.source
        end = source.skip(_SURPLUS, at)
        if not source.text[at:end].strip():
            return at
        fence = (FENCE,) if self.row.closes else ()
        if source.get_char(end) and not source.find_at((*self.row.closes, *ENDS, *fence), end):
            return at
        last.add_repairs(["surplus_closers"])
        return end

    def _skip_closers(self, at: int) -> int:
        """Return the position after all closing markers of any format."""
        while closer := self.source.find_at(ALL_CLOSES, after := self.source.skip_space(at)):
            at = after + len(closer)
        if self.source.is_cut(ALL_CLOSES, after) and self.source.text[after] in "<[":
            return len(self.source.text)
        return at
