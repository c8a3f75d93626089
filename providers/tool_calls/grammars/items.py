"""Calls as JSON and as Python: objects, lists of them, and `name(key=value)`."""

import re
from dataclasses import dataclass, field
from typing import Final

from providers.tool_calls.formats import (
    BY_OPEN,
    ENDS,
    EVERYTHING,
    KINDS,
    Format,
    Kind,
)
from providers.tool_calls.grammars.values import NAME
from providers.tool_calls.messages import Found
from providers.tool_calls.scanner import (
    JSON,
    PYTHON,
    Broken,
    Scanner,
    Style,
    read_strict,
    skip_comments,
)
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

FENCE: Final = "```"
ARGUMENT_KEYS: Final = ("arguments", "parameters", "args", "input")
_NAME_KEYS: Final = ("name", "tool_name", "function")
_QUOTES_OR_BRACKETS: Final = re.compile(r"[\"'{}\[\]()]")
_STRING_END: Final = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_BEFORE_STRING: Final = frozenset(" \t\n([{,:=")
_NAMED: Final = re.compile(
    r"[\"'](?:name|tool_name|function)[\"']\s{0,9}:\s{0,9}[\"']([^\"'\n]{1,200})"
)
_CALL_LINE: Final = re.compile(r"^[ \t]*([\w.\-\\]+)\(", re.MULTILINE)
_PLACEHOLDER: Final = re.compile(r"\{\s*(?:\w+|\.\.\.)\s*\}")
GAP: Final = re.compile(r"[;,\s]*")


@dataclass(slots=True)
class Items:
    """Calls that were read one after the other."""

    found: list[Found] = field(default_factory=list)
    at: int = 0
    """Where the text after them begins."""
    is_lost: bool = False
    """Whether the last one was not closed, so that it was read until the next marker."""
    is_list: bool = False


class ItemReader:
    """Reads calls behind a marker, or calls without one."""

    def __init__(self, source: Source, row: Format, tools: Toolset) -> None:
        self.source = source
        self.row = row
        self.tools = tools
        self.ends = (*row.closes, *row.opens, *ENDS)
        self.repairs: list[str] = []
        """Repairs of what is around the calls."""

    def read_items(self, at: int) -> Items | None:
        """Return the calls that follow each other from a position on; None if there is none."""
        items = Items(at=at)
        while (more := self.read_item(at)) is not None:
            items.found += more.found
            items.at, items.is_lost, items.is_list = more.at, more.is_lost, more.is_list
            for found in more.found[:1]:
                self.move_repairs(found)
            if more.is_lost:
                return items
            at = self.skip_comments(self.source.skip(GAP, more.at))
        if not items.found and not items.is_list:
            return None
        self.repairs.clear()
        return items

    def move_repairs(self, found: Found) -> None:
        """Record the repairs around a call as its own."""
        found.add_repairs(self.repairs)
        self.repairs.clear()

    def skip_comments(self, at: int) -> int:
        """Return the position after white space and comments, which are a repair."""
        at, has_comments = skip_comments(self.source, at, self.row.closes)
        if has_comments:
            self.repairs.append("comment")
        return at

    def _starts_call(self, at: int) -> bool:
        end = self.source.skip(NAME, at)
        return end > at and self.source.get_char(end) == "("

    def read_item(self, at: int) -> Items | None:
        """Return the calls of the object, list or Python call at a position."""
        char = self.source.get_char(at)
        if char == "{":
            return self._read_object(at)
        if char == "[":
            return self._read_list(at)
        if not (char.isalpha() or char == "_"):
            return None
        items = self.read_python(at)
        if items and items.found[0].reason == "malformed":
            is_known = self.tools.resolve(items.found[0].name or "") is not None
            return items if is_known else None  # other code
        return items

    def _read_object(self, at: int) -> Items | None:
        first = self.source.get_char(self.source.skip_space(at + 1))
        if first not in ("", '"', "'", "}", "/") and not first.isidentifier():
            return None
        if not first and self.row.opens == ():
            return None
        scanner = Scanner(self.source, JSON, self.ends)
        try:
            value, end = scanner.read(at)
        except Broken as error:
            if not error.is_cut and _PLACEHOLDER.match(self.source.text, at):
                return None
            return self._report(scanner, error, at)
        found = self._unpack(value, at, end)
        for each in found:
            each.add_repairs(scanner.repairs)
        if found and scanner.needed_closing:
            found[-1].needed_closing = True
            if not found[-1].has_arguments:
                found[-1].mark_cut()
        return Items(found, end)

    def _report(self, scanner: Scanner, error: Broken, at: int) -> Items:
        """Return the call that could not be read, as far as its name is known."""
        part = (self._unpack(scanner.partial or {}, at, at) or [Found(None, None, at, at)])[0]
        part.has_arguments = part.has_arguments or scanner.last_key in ARGUMENT_KEYS
        if error.is_cut:
            part.end = len(self.source.text)
            part.mark_cut(error.detail)
            return Items([part], part.end, is_lost=True)
        part.reject(error.detail)
        part.end, is_lost = self.find_end(at, error.at)
        if part.name is None and (named := _NAMED.search(self.source.text, at, part.end)):
            part.name = named[1]
        return Items([part], part.end, is_lost=is_lost)

    def read_call(
        self,
        name: str | None,
        start: int,
        at: int,
        *,
        style: Style = JSON,
        id_: str | None = None,
        ends: tuple[str, ...] = (),
    ) -> Items:
        """Return the call of a name of which the arguments are at a position."""
        scanner = Scanner(self.source, style, (*ends, *self.ends))
        try:
            read = scanner.read_arguments if style is PYTHON else scanner.read
            arguments, end = read(at)
        except Broken as error:
            scanner.partial = {"name": name, "arguments": None, "id": id_}
            items = self._report(scanner, error, start if style is PYTHON else at)
            items.found[0].start = start
            return items
        found = Found(name, arguments, start, end, id_, needed_closing=scanner.needed_closing)
        found.add_repairs(scanner.repairs)
        return Items([found], end)

    def build_cut(self, name: str | None, at: int) -> Items:
        """Return a call of which the text ends in its head."""
        is_whole = name is not None and self.tools.resolve(name) is not None
        end = len(self.source.text)
        found = Found(name if is_whole else None, None, at, end, has_arguments=False)
        found.mark_cut()
        return Items([found], end, is_lost=True)

    def _read_list(self, at: int) -> Items | None:
        start, at = at, self.skip_comments(at + 1)
        char = self.source.get_char(at)
        if char not in ("{", "]", "") and not self._starts_call(at):
            return None
        if strict := read_strict(self.source, start):
            value, end = strict
            found = [call for each in value for call in self._unpack(each, start, end)]
            return Items(found, end, is_list=True)
        return self._read_elements(at) if char else self.build_cut(None, start)

    def _read_elements(self, at: int) -> Items | None:
        items = Items(at=at, is_list=True)
        source = self.source
        is_separated, is_open = True, False
        while (char := source.get_char(at)) != "]":
            if char == ",":
                is_separated = True
                at = self.skip_comments(at + 1)
                if source.get_char(at) == "]":
                    self.repairs.append("trailing_comma")
            elif char and char in "})" and items.found:
                at = self.skip_comments(at + 1)
                self.repairs.append("surplus_closers")
            elif not char or source.find_at(self.ends, at):
                self.repairs.append("missing_closers")
                is_open = not char
                break
            else:
                read = self.read_item if char == "{" else self.read_python
                more = read(at) if is_separated and char != "[" else None
                more = more or self._read_cut_name(at)
                items.found += more.found
                if more.is_lost:
                    items.at, items.is_lost = more.at, True
                    break
                at, is_separated = self.skip_comments(more.at), False
        else:
            at += 1
        if not items.found:
            return None
        self.move_repairs(items.found[-1])
        items.found[-1].needed_closing |= is_open
        items.at = max(items.at, at)
        return items

    def _read_cut_name(self, at: int) -> Items:
        """Return the call of which the text ends in the name, or nothing that can be read."""
        end = self.source.skip(NAME, at)
        is_cut = end > at and not self.source.get_char(end)
        return (
            self.build_cut(self.source.text[at:end], at) if is_cut else Items(at=at, is_lost=True)
        )

    def read_python(self, at: int) -> Items | None:
        """Return the Python call at a position, None if there is none."""
        end = self.source.skip(NAME, at)
        if self.source.get_char(end) != "(":
            return None
        name = self.source.text[at:end]
        if self.tools.resolve(name) is None:
            name = name.removesuffix(".call")  # as of Llama's own tools
        if name == "print" and self.row.name == "gemma_code":
            inner = self.read_python(self.source.skip_space(end + 1))
            if inner is not None:
                inner.at = self.source.skip_space(inner.at)
                inner.at += self.source.get_char(inner.at) == ")"
            return inner
        return self.read_call(name, at, end + 1, style=PYTHON)

    def find_end(self, start: int, error_at: int) -> tuple[int, bool]:
        """Return where a call that cannot be read ends, and whether only a marker says so."""
        limit, _ = self.find_limit(error_at)
        end = self._skip_brackets(start, limit)
        if end >= 0:
            return end, False
        line = self._find_call_line(start, error_at, limit)
        return (limit, True) if line < 0 else (line, False)

    def _find_call_line(self, start: int, at: int, limit: int) -> int:
        """Return where the next line of a Python call begins that an error is before, or -1."""
        text = self.source.text
        line = text.rfind("\n", start, at) + 1
        at = at if text[line:at].strip() else line
        for match in _CALL_LINE.finditer(text, at, limit) if text[start] != "{" else ():
            if self.tools.resolve(match[1]) is not None:
                return match.start(1)
        return -1

    def find_limit(self, at: int) -> tuple[int, bool]:
        """Return where a broken call ends at the latest, and whether a closing marker is there."""
        source = self.source
        while match := source.search(EVERYTHING.get_pattern(is_final=source.is_final), at):
            kind = KINDS[match.group()]
            row = BY_OPEN.get(match.group())
            if match.group() in self.row.closes:
                return match.start(), True
            if kind in (Kind.END, Kind.RESULT) or (row is not None and not row.needs_line):
                return match.start(), False
            at = match.end()
        return len(source.text), False

    def _skip_brackets(self, at: int, limit: int) -> int:
        """Return where the bracket at or after a position is closed, -1 if it is not."""
        text, depth = self.source.text, 0
        while match := _QUOTES_OR_BRACKETS.search(text, at, limit):
            char, at = match.group(), match.end()
            if char in "{[(":
                depth += 1
            elif char in "}])":
                depth -= 1
                if depth <= 0:
                    return at
            elif char == '"' or text[at - 2] in _BEFORE_STRING:
                while (match := _STRING_END[char].match(text, at, limit)) and match.end() < limit:
                    at = match.end() + 1
                    if text[at - 1] == char:
                        break
                    at += 1
        return -1

    def _unpack(self, value: object, start: int, end: int) -> list[Found]:
        """Return the calls that a JSON value holds (R5)."""
        if not isinstance(value, dict):
            detail = "a call is a JSON object"
            return [Found(None, None, start, end, reason="malformed", detail=detail)]
        if isinstance(calls := value.get("tool_calls"), list):
            return [found for each in calls for found in self._unpack(each, start, end)]
        if isinstance(call := value.get("tool_call"), dict):
            return self._unpack(call, start, end)
        if self.row.grammar == "keyed" and not {"name", "arguments"} & value.keys():
            return [Found(name, each, start, end) for name, each in value.items()]
        inner = value.get("function")
        inner = inner if isinstance(inner, dict) else value
        name = next((inner[key] for key in _NAME_KEYS if isinstance(inner.get(key), str)), None)
        key = next((key for key in ARGUMENT_KEYS if key in inner), None)
        ids = (value.get("id"), value.get("tool_call_id"))
        found = Found(
            name,
            inner[key] if key else None,
            start,
            end,
            id=next((each for each in ids if isinstance(each, str) and each), None),
            has_arguments=key is not None,
        )
        if key == "parameters" and self._is_definition(name, inner[key]):
            found.has_arguments = False
            found.reject("it is the definition of a tool")
        return [found]

    def _is_definition(self, name: str | None, parameters: object) -> bool:
        """Return whether parameters are a schema that is not meant for the tool itself."""
        if not isinstance(parameters, dict) or parameters.get("type") != "object":
            return False
        tool = self.tools.resolve(name or "")
        declared = self.tools.list_parameters(tool) if tool else ()
        return "properties" in parameters and "properties" not in declared
