"""Calls that begin with their name: tagged parameters, and `N` with arguments of any kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from providers.tool_calls.formats import (
    ENDS,
    GLM,
    HEAD_BEGINS,
    HEAD_PARTS,
    HEADS,
    TAG_OPENS,
    TAGS,
    Format,
    Tags,
    build_pattern,
)
from providers.tool_calls.grammars.items import FENCE, GAP, ItemReader, Items
from providers.tool_calls.grammars.values import (
    MAX_TAG,
    ValueReader,
    is_key_cut,
    read_key,
    read_name,
    strip_quotes,
)
from providers.tool_calls.messages import Found
from providers.tool_calls.scanner import GEMMA, JSON, Broken, parse_text
from providers.tool_calls.source import LONGEST_LITERAL, Source

_STRING: Final = re.compile(r"string\s*=\s*[\"']?(true|false)")
_MAX_HEAD: Final = 400
_WORD: Final = re.compile(r"[^\s<\[{`\"]*")
_QUOTES: Final = "\"'`*"
_NOTHING: Final = ("null", "None", '""')
_KIMI_INDEX: Final = re.compile(r":[0-9]+$")


@dataclass(slots=True)
class _Head:
    """What is before the arguments of a call."""

    grammar: str
    name: str
    id: str | None
    start: int
    stop: int
    """Where the arguments begin, or an end marker."""
    rest: str
    """Other text before that."""
    is_sure: bool
    """Whether it can be nothing else."""


class TaggedReader(ItemReader):
    """Reads calls that begin with their name, too."""

    def read_item(self, at: int) -> Items | None:
        """Return the calls at a position, in any notation."""
        if self.source.get_char(at) != "<":
            return super().read_item(at)
        for tags in TAGS:
            if opener := self.source.find_at(tags.opens, at):
                return self._read_function(tags, at, at + len(opener))
            if self.source.is_cut(tags.opens, at):
                return self.build_cut(None, at)
        return None

    def read_headed(self, at: int, grammar: str, *, accepts_unknown: bool = False) -> Items | None:
        """Return the call of a head and arguments, None if there is none."""
        source = self.source
        if grammar in ("named", "glm"):  # prose shows at once that it is none
            follower = source.get_char(source.skip_space(source.skip(_WORD, at)))
            if follower and follower not in '{"[<`':
                return None
        head = self._read_head(at, grammar)
        if head is None:
            begins = HEAD_BEGINS.get(grammar, ())
            is_cut = source.text[at:] and _is_last(source, at, begins)
            return self.build_cut(None, at) if is_cut else None
        items = self._read_arguments(head) if not head.rest else None
        return items or self._read_bare(head, accepts_unknown=accepts_unknown)

    def _read_arguments(self, head: _Head) -> Items | None:
        source, at, follower = self.source, head.stop, self.source.get_char(head.stop)
        is_generic = head.grammar == "generic"
        if follower == "{" or (follower and follower in "\"'" and head.is_sure):
            if is_generic and not head.name:
                return self._read_reversed(head) if follower == "{" else None
            if not is_generic or head.is_sure:
                style = GEMMA if head.grammar == "gemma" else JSON
                return self.read_call(head.name, head.start, at, style=style, id_=head.id)
        if source.find_at(TAG_OPENS, at):
            return self.read_item(at)
        if head.grammar == "glm" and source.find_at(GLM.parameter_opens, at):
            return self._read_parameters(GLM, head.name, head.start, at)
        return None

    def _read_head(self, at: int, grammar: str) -> _Head | None:
        text, stop = self.source.text, self._find_head_end(at)
        match = HEADS[grammar].match(text, at, stop)
        if match is None or not match.group():
            return None
        parts = match.groupdict()
        name, id_ = (parts.get("inner") or match["name"] or "").strip(_QUOTES), parts.get("id")
        if index := _KIMI_INDEX.search(name):
            id_, name = name, name[: index.start()].removeprefix("functions.")
        if FENCE in match["sure"]:
            self.ends = (*self.ends, FENCE)
            self.repairs += ["code_fence"] if grammar == "generic" else []
        rest = text[match.end() : stop]
        rest = "" if rest.strip() in _NOTHING else rest
        return _Head(grammar, name, id_, at, stop, rest, bool(match["sure"]))

    def _find_head_end(self, at: int) -> int:
        """Return where arguments, tags or an end marker begin, or the farthest a head goes."""
        source = self.source
        match = _compile_stops(self.row).search(source.text, at, at + _MAX_HEAD)
        if match is None and len(source.text) < at + _MAX_HEAD:
            source.get_char(len(source.text))
        return match.start() if match else min(at + _MAX_HEAD, len(source.text))

    def _read_bare(self, head: _Head, *, accepts_unknown: bool) -> Items | None:
        """Return the call of a head that no arguments follow, if it is one."""
        is_generic, is_known = head.grammar == "generic", self.tools.resolve(head.name) is not None
        if _is_last(self.source, head.stop - len(head.rest), (*HEAD_PARTS, *self.row.closes)):
            is_special = head.grammar != "glm" and self.row.opens[0].startswith("<")
            is_prefix = any(each.startswith(head.name) for each in self.tools.names)
            is_cut = head.is_sure or is_prefix or is_special
            return self.build_cut(head.name, head.start) if is_cut else None
        found = Found(head.name, None, head.start, head.stop, head.id, has_arguments=False)
        ends = self.row.closes if head.grammar == "glm" else self.ends
        if not head.rest and self.source.find_at(ends, head.stop):
            if head.name and (head.is_sure or is_known or is_generic or accepts_unknown):
                return Items([found], head.stop)
        elif head.name and (is_generic or (head.is_sure and is_known)):
            found.reject("the arguments are not a JSON object")
            found.end, _ = self.find_limit(head.stop - len(head.rest))
            return Items([found], found.end, is_lost=True)
        return None

    def _read_reversed(self, head: _Head) -> Items:
        """Return the call of which the name comes after the arguments."""
        items = self.read_call(None, head.start, head.stop)
        [found] = items.found
        after = (
            None if found.reason else self._read_head(self.source.skip(GAP, items.at), "generic")
        )
        if after and after.name:
            if not self.source.text[after.stop - len(after.rest) :]:
                return self.build_cut(after.name, head.start)
            found.name, found.end = after.name, after.stop - len(after.rest)
            items.at = found.end
        return items

    def _read_function(self, tags: Tags, start: int, at: int) -> Items | None:
        source = self.source
        head = read_name(source, tags, at)
        if head is None:
            is_cut = len(source.text) - at < MAX_TAG and "\n" not in source.text[at:]
            return self.build_cut(None, start) if source.is_final and is_cut else None
        name, at = head[0], source.skip_space(head[1])
        if source.get_char(at) == "{":
            items = self.read_call(name, start, at, ends=tags.closes)
            at = source.skip_space(items.at)
            if items.found[0].reason:
                items.at = at + len(source.find_at(tags.closes, at))
                return items
            return self._close(tags, items.found[0], at)
        if not source.find_at((*tags.parameter_opens, *tags.closes, *self.row.closes), at):
            is_cut = source.is_cut((*tags.parameter_opens, *tags.closes), at)
            return self.build_cut(name, start) if is_cut or not source.get_char(at) else None
        return self._read_parameters(tags, name, start, at)

    def _read_parameters(self, tags: Tags, name: str, start: int, at: int) -> Items:
        source = self.source
        arguments: dict[str, object] = {}
        found = Found(name, arguments, start, at, is_untyped=True, repairs=[])
        problem = ""
        values = ValueReader(source, tags, self.row, self.tools, self.ends)
        while opener := source.find_at(tags.parameter_opens, at):
            head = read_key(source, tags, at + len(opener))
            if head is None:
                is_cut = is_key_cut(source, tags, at + len(opener))
                return self._cut(found) if is_cut else self._fail(found, at)
            key, begin = head
            value = values.read(found, begin)
            if value is None:
                return self._cut(found)
            text, at = source.text[begin : value.end], source.skip_space(value.after)
            if value.end == value.after:
                found.add_repairs(["missing_closers"])
            parameter = strip_quotes(key)
            if parameter in arguments:
                problem = f"the parameter {parameter[:80]!r} is there twice"
            elif not value.is_sure:
                problem = f"the parameter {parameter[:80]!r} is not closed"
            arguments[parameter] = text
            if is_text := _STRING.search(key):
                found.typed |= {parameter}
                arguments[parameter] = text if is_text[1] == "true" else _parse_or_keep(text)
        items = self._close(tags, found, at)
        if problem and found.reason is None:
            found.reject(problem)
        return items

    def _close(self, tags: Tags, found: Found, at: int) -> Items:
        source = self.source
        if closer := source.find_at(tags.closes, at):
            found.end = at + (0 if tags is GLM else len(closer))
            return Items([found], found.end)
        found.end = at
        if not source.get_char(at) or source.is_cut(tags.closes, at):
            found.needed_closing, found.end = True, len(source.text)
        elif not source.find_at((*self.ends, *tags.opens), at):
            return self._fail(found, at)
        if tags is not GLM:
            found.add_repairs(["missing_closers"])
        return Items([found], found.end)

    def _fail(self, found: Found, at: int) -> Items:
        found.reject("text between the parameters")
        found.end, _ = self.find_limit(at)
        return Items([found], found.end, is_lost=True)

    def _cut(self, found: Found) -> Items:
        found.end = len(self.source.text)
        found.mark_cut("the text ends in a parameter")
        return Items([found], found.end, is_lost=True)


@lru_cache
def _compile_stops(row: Format) -> re.Pattern[str]:
    literals = (*row.closes, *row.opens, *TAG_OPENS, *GLM.parameter_opens, *ENDS)
    return re.compile("[\"']?\\{|" + build_pattern(literals))


def _is_last(source: Source, at: int, literals: Sequence[str]) -> bool:
    """Return whether the text ends at a position or in one of the literals."""
    rest = source.text[at : at + LONGEST_LITERAL].lower()
    return any(each.lower().startswith(rest) and len(each) > len(rest) for each in literals)


def _parse_or_keep(text: str) -> object:
    try:
        return parse_text(text.strip())[0]
    except Broken:
        return text
