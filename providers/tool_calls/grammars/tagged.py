"""Calls with tagged parameters: `<function=N><parameter=K>V</parameter></function>` and GLM's."""

import re
from functools import lru_cache
from typing import Final

from providers.tool_calls.formats import TAGS, Tags
from providers.tool_calls.grammars.items import NAME, ItemReader, Items
from providers.tool_calls.messages import Found
from providers.tool_calls.scanner import JSON, Broken, Scanner, parse_text

_MAX_TAG: Final = 200
_GLM: Final = Tags(("<tool_call>",), ("</tool_call>",), ("<arg_key>",), ("</arg_value>",))
_KEY_END: Final = "</arg_key>"
_VALUE: Final = "<arg_value>"
_STRING: Final = re.compile(r"string\s*=\s*[\"']?(true|false)")


@lru_cache
def _compile(tags: Tags) -> re.Pattern[str]:
    literals = (*tags.parameter_closes, *tags.parameter_opens, *tags.closes, *tags.opens)
    return re.compile("|".join(map(re.escape, sorted(literals, key=len, reverse=True))))


class TaggedReader(ItemReader):
    """Reads calls with tagged parameters, too."""

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

    def build_cut(self, name: str | None, at: int) -> Items:
        """Return a call of which the text ends in its head."""
        is_whole = name is not None and self.tools.resolve(name) is not None
        end = len(self.source.text)
        found = Found(name if is_whole else None, None, at, end, has_arguments=False)
        found.mark_cut()
        return Items([found], end, is_lost=True)

    def _read_head(self, at: int) -> tuple[str, int] | None:
        """Return what stands in a tag and the position after it."""
        end = self.source.find(">", at, _MAX_TAG)
        head = self.source.text[at:end] if end >= 0 else ""
        return (head, end + 1) if end >= 0 and "\n" not in head else None

    def _read_function(self, tags: Tags, start: int, at: int) -> Items | None:
        source = self.source
        head = self._read_head(at)
        if head is None:
            is_cut = len(source.text) - at < _MAX_TAG and "\n" not in source.text[at:]
            return self.build_cut(None, start) if source.is_final and is_cut else None
        name, after = _strip_quotes(head[0]), head[1]
        at = source.skip_space(after)
        if source.get_char(at) == "{":
            return self._read_json(tags, name, start, at)
        found = Found(name, {}, start, at, is_untyped=True, repairs=[])
        if not source.find_at(tags.parameter_opens, at):
            if not source.get_char(at) or source.is_cut((*tags.parameter_opens, *tags.closes), at):
                return self.build_cut(name, start)
            if not source.find_at(tags.closes, at):
                return None
        return self._read_parameters(tags, found, at)

    def _read_json(self, tags: Tags, name: str, start: int, at: int) -> Items:
        scanner = Scanner(self.source, JSON, (*tags.closes, *self.ends))
        try:
            arguments, end = scanner.read(at)
        except Broken as error:
            scanner.partial = {"name": name, "arguments": None}
            items = self._report(scanner, error, start)
            closer = self.source.skip_space(items.at)
            items.at = closer + len(self.source.find_at(tags.closes, closer))
            return items
        found = Found(name, arguments, start, end, needed_closing=scanner.needed_closing)
        found.add_repairs(scanner.repairs)
        return self._close(tags, found, self.source.skip_space(end))

    def _read_parameters(self, tags: Tags, found: Found, at: int) -> Items:
        source = self.source
        arguments: dict[str, object] = {}
        found.arguments = arguments
        typed: set[str] = set()
        while opener := source.find_at(tags.parameter_opens, at):
            head = self._read_key(tags, at + len(opener))
            if head is None:
                if self._is_head_cut(tags, at + len(opener)):
                    return self._cut(found, "the text ends in a tag")
                return self._fail(found, at)
            key, start = head
            ends = self._find_value_end(tags, start)
            if ends is None:
                return self._cut(found, "the text ends in a parameter")
            value, at = source.text[start : ends[0]], source.skip_space(ends[1])
            if ends[0] == ends[1]:
                found.add_repairs(["missing_closers"])
            name = _strip_quotes(key)
            arguments[name] = value
            if is_text := _STRING.search(key):
                typed.add(name)
                arguments[name] = value if is_text[1] == "true" else _parse_or_keep(value)
        found.typed = frozenset(typed)
        return self._close(tags, found, at)

    def _read_key(self, tags: Tags, at: int) -> tuple[str, int] | None:
        if tags is not _GLM:
            return self._read_head(at)
        end = self.source.find(_KEY_END, at, _MAX_TAG)
        if end < 0:
            return None
        value = self.source.skip_space(end + len(_KEY_END))
        if not self.source.find_at((_VALUE,), value):
            return None
        return self.source.text[at:end], value + len(_VALUE)

    def _is_head_cut(self, tags: Tags, at: int) -> bool:
        """Return whether the text ends in the tag of a parameter that could not be read."""
        source = self.source
        end = source.find(_KEY_END if tags is _GLM else ">", at, _MAX_TAG)
        if end < 0:
            return len(source.text) - at < _MAX_TAG and "\n" not in source.text[at:].strip()
        value = source.skip_space(end + len(_KEY_END))
        is_last = not source.get_char(value) or source.is_cut((_VALUE,), value)
        return tags is _GLM and is_last

    def _find_value_end(self, tags: Tags, at: int) -> tuple[int, int] | None:
        """Return where a value and its closing tag end; both are equal if there is no tag.

        The value may quote tags: a closing tag counts if something of the call follows it.
        """
        source, pattern = self.source, _compile(tags)
        first: tuple[int, int] | None = None
        unclosed: tuple[int, int] | None = None
        while match := source.search(pattern, at):
            literal, start, at = match.group(), match.start(), match.end()
            if literal in tags.parameter_closes:
                after = source.skip_space(at)
                if self._continues(tags, after):
                    return start, at
                first = first or (start, at)
            elif literal in tags.closes:
                if first:
                    return first
                if self._follows_call(source.skip_space(at)):
                    unclosed = unclosed or (start, start)
            elif source.text[start - 1] in "\n>":
                if first or literal in tags.parameter_opens:
                    return first or unclosed or (start, start)
                if unclosed:
                    return unclosed
        return first or unclosed

    def _continues(self, tags: Tags, at: int) -> bool:
        literals = (*tags.parameter_opens, *tags.closes, *self.ends)
        return not self.source.get_char(at) or bool(
            self.source.find_at(literals, at) or self.source.is_cut(literals, at)
        )

    def _follows_call(self, at: int) -> bool:
        return not self.source.get_char(at) or bool(self.source.find_at(self.ends, at))

    def _close(self, tags: Tags, found: Found, at: int) -> Items:
        source = self.source
        if closer := source.find_at(tags.closes, at):
            found.end = at + (0 if tags is _GLM else len(closer))
            return Items([found], found.end)
        found.end = at
        if not source.get_char(at) or source.is_cut(tags.closes, at):
            found.needed_closing, found.end = True, len(source.text)
        elif not source.find_at((*self.ends, *tags.opens), at):
            return self._fail(found, at)
        if tags is not _GLM:
            found.add_repairs(["missing_closers"])
        return Items([found], found.end)

    def _fail(self, found: Found, at: int) -> Items:
        found.reason, found.detail = "malformed", "text between the parameters"
        found.end, _ = self.find_limit(at)
        return Items([found], found.end, is_lost=True)

    def _cut(self, found: Found, detail: str) -> Items:
        found.end = len(self.source.text)
        found.mark_cut(detail)
        return Items([found], found.end, is_lost=True)

    def read_glm(self, at: int, *, accepts_unknown: bool) -> Items | None:
        """Return the call `N` with key and value tags, or `N` and JSON, at a position."""
        source = self.source
        end = source.skip(NAME, at)
        name = source.text[at:end]
        if not name:
            return None
        after = source.skip_space(end)
        if not source.get_char(after) or source.is_cut(("<arg_key>", *self.row.closes), after):
            is_prefix = any(each.startswith(name) for each in self.tools.names)
            return self.build_cut(name, at) if accepts_unknown or is_prefix else None
        found = Found(name, {}, at, end, is_untyped=True, repairs=[])
        if source.find_at(_GLM.parameter_opens, after):
            return self._read_parameters(_GLM, found, after)
        if source.find_at(self.row.closes, after):
            is_known = accepts_unknown or self.tools.resolve(name) is not None
            return Items([found], after) if is_known else None
        if source.get_char(after) == "{":
            return self.read_arguments(name, None, at, after)
        return None

    def read_arguments(self, name: str, id_: str | None, start: int, at: int) -> Items:
        """Return the call of a name of which the JSON of the arguments is at a position."""
        scanner = Scanner(self.source, JSON, self.ends)
        try:
            arguments, end = scanner.read(at)
        except Broken as error:
            scanner.partial = {"name": name, "arguments": None, "id": id_}
            return self._report(scanner, error, at)
        found = Found(name, arguments, start, end, id_, needed_closing=scanner.needed_closing)
        found.add_repairs(scanner.repairs)
        return Items([found], end)


def _strip_quotes(head: str) -> str:
    """Return the name in a tag such as `"N"`, `N` or `"N" string="true"`."""
    head = head.strip()
    if head[:1] in ('"', "'") and (end := head.find(head[0], 1)) > 0:
        return head[1:end]
    return head


def _parse_or_keep(text: str) -> object:
    try:
        return parse_text(text.strip())[0]
    except Broken:
        return text
