"""Calls with tagged parameters: `<function=N><parameter=K>V</parameter></function>` and GLM's."""

import re
from typing import Final

from providers.tool_calls.formats import TAGS, Tags
from providers.tool_calls.grammars.items import ItemReader, Items
from providers.tool_calls.grammars.values import (
    GLM,
    MAX_TAG,
    NAME,
    ValueReader,
    is_key_cut,
    read_key,
    read_name,
    strip_quotes,
)
from providers.tool_calls.messages import Found
from providers.tool_calls.scanner import JSON, Broken, Scanner, parse_text

_STRING: Final = re.compile(r"string\s*=\s*[\"']?(true|false)")


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

    def _read_function(self, tags: Tags, start: int, at: int) -> Items | None:
        source = self.source
        head = read_name(source, tags, at)
        if head is None:
            is_cut = len(source.text) - at < MAX_TAG and "\n" not in source.text[at:]
            return self.build_cut(None, start) if source.is_final and is_cut else None
        name, at = head[0], source.skip_space(head[1])
        if source.get_char(at) == "{":
            return self._read_json(tags, name, start, at)
        found = Found(name, {}, start, at, is_untyped=True, repairs=[])
        if not source.find_at(tags.parameter_opens, at):
            if not source.get_char(at) or source.is_cut((*tags.parameter_opens, *tags.closes), at):
                return self.build_cut(name, start)
            if not source.find_at((*tags.closes, *self.row.closes), at):
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
        problem = ""
        values = ValueReader(source, tags, self.row, self.tools, self.ends)
        while opener := source.find_at(tags.parameter_opens, at):
            head = read_key(source, tags, at + len(opener))
            if head is None:
                if is_key_cut(source, tags, at + len(opener)):
                    return self._cut(found, "the text ends in a tag")
                return self._fail(found, at)
            key, start = head
            value = values.read(found, start)
            if value is None:
                return self._cut(found, "the text ends in a parameter")
            text, at = source.text[start : value.end], source.skip_space(value.after)
            if value.end == value.after:
                found.add_repairs(["missing_closers"])
            name = strip_quotes(key)
            if name in arguments:
                problem = f"the parameter {name[:80]!r} is there twice"
            elif not value.is_sure:
                problem = f"the parameter {name[:80]!r} is not closed"
            arguments[name] = text
            if is_text := _STRING.search(key):
                typed.add(name)
                arguments[name] = text if is_text[1] == "true" else _parse_or_keep(text)
        found.typed = frozenset(typed)
        items = self._close(tags, found, at)
        if problem and found.reason is None:
            found.reason, found.detail = "malformed", problem
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
            return self.build_cut(name, at) if is_prefix else None
        found = Found(name, {}, at, end, is_untyped=True, repairs=[])
        if source.find_at(GLM.parameter_opens, after):
            return self._read_parameters(GLM, found, after)
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


def _parse_or_keep(text: str) -> object:
    try:
        return parse_text(text.strip())[0]
    except Broken:
        return text
