"""JSON with comments and trailing commas, as editors keep their settings. Pure.

`set_member` changes one member of an object and leaves every other character as it is.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

_BLANK: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR: Final = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
_DECODER: Final = json.JSONDecoder()
_INDENT: Final = re.compile(r"\n([ \t]+)\S")


class JsoncInvalid(ValueError):
    """A text that cannot be read; the message says where."""


@dataclass(slots=True)
class _Node:
    start: int
    end: int
    value: Any
    members: "dict[str, _Node]" = field(default_factory=dict)
    """Of an object."""


def parse_jsonc(text: str) -> Any:
    """Return the value of a text. Raise JsoncInvalid."""
    return _parse(text).value


def set_member(text: str, group: str, name: str, value: Any) -> str:
    """Return the text with member `name` of its object `group` set. Raise JsoncInvalid."""
    if not text.strip("\ufeff \t\r\n"):
        return json.dumps({group: {name: value}}, indent=2, ensure_ascii=False) + "\n"
    root = _parse(text)
    _require_object(root, "the file")
    held = root.members.get(group)
    known: dict[str, Any] = {}
    if held is None or held.value is None:
        changed = _put(text, root, group, {name: value}, depth=1)
    else:
        _require_object(held, repr(group))
        known = held.value
        changed = _put(text, held, name, value, depth=2)
    wanted = {**root.value, group: {**known, name: value}}
    if parse_jsonc(changed) != wanted:
        raise JsoncInvalid("it is written in a way that cannot be changed safely")
    return changed


def _require_object(node: _Node, what: str) -> None:
    if not isinstance(node.value, dict):
        raise JsoncInvalid(f"{what} is not an object")


def _put(text: str, owner: _Node, name: str, value: Any, *, depth: int) -> str:
    """Replace a member, or add it as the first one."""
    line = "\r\n" if "\r\n" in text else "\n"
    found = _INDENT.search(text)
    unit = found[1] if found else "  "
    margin = line + unit * depth
    dumped = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", margin)
    known = owner.members.get(name)
    if known is not None:
        return text[: known.start] + dumped + text[known.end :]
    rest = "," if owner.members else line + unit * (depth - 1)
    at = owner.start + 1
    return f"{text[:at]}{margin}{json.dumps(name, ensure_ascii=False)}: {dumped}{rest}{text[at:]}"


def _parse(text: str) -> _Node:
    scanner = _Scanner(text)
    try:
        node = scanner.read_value()
    except RecursionError as error:
        raise JsoncInvalid("it is nested too deeply") from error
    scanner.skip()
    if scanner.at < len(text):
        raise scanner.build_error("something follows the value")
    return node


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 1 if text.startswith("\ufeff") else 0

    def skip(self) -> None:
        """Skip spaces and comments."""
        found = _BLANK.match(self._text, self.at)
        self.at = found.end() if found else self.at

    def read_value(self) -> _Node:
        self.skip()
        start, sign = self.at, self._text[self.at : self.at + 1]
        if sign == "{":
            members = self._read_members()
            value = {name: each.value for name, each in members.items()}
            return _Node(start, self.at, value, members)
        if sign == "[":
            items = self._read_items()
            return _Node(start, self.at, items)
        text = self._read_string() if sign == '"' else self._read_scalar()
        return _Node(start, self.at, text)

    def build_error(self, why: str) -> JsoncInvalid:
        line = self._text.count("\n", 0, self.at) + 1
        return JsoncInvalid(f"{why} in line {line}")

    def _read_members(self) -> dict[str, _Node]:
        members: dict[str, _Node] = {}
        self.at += 1
        while not self._close("}"):
            if self._text[self.at : self.at + 1] != '"':
                raise self.build_error("a name in quotes is expected")
            name = self._read_string()
            self.skip()
            if self._text[self.at : self.at + 1] != ":":
                raise self.build_error("a colon is expected")
            self.at += 1
            members[name] = self.read_value()
            self._separate("}")
        return members

    def _read_items(self) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while not self._close("]"):
            items.append(self.read_value().value)
            self._separate("]")
        return items

    def _close(self, sign: str) -> bool:
        """Skip to the next member or past the end; return whether it is the end."""
        self.skip()
        if self._text[self.at : self.at + 1] != sign:
            return False
        self.at += 1
        return True

    def _separate(self, end: str) -> None:
        """Skip the comma after a member, which the last one need not have."""
        self.skip()
        sign = self._text[self.at : self.at + 1]
        if sign == ",":
            self.at += 1
        elif sign != end:
            raise self.build_error("a comma is expected")

    def _read_string(self) -> str:
        try:
            value, self.at = _DECODER.raw_decode(self._text, self.at)
        except json.JSONDecodeError as error:
            raise self.build_error(f"a text is wrong: {error.msg}") from error
        return str(value)

    def _read_scalar(self) -> Any:
        found = _SCALAR.match(self._text, self.at)
        if found is None:
            raise self.build_error("a value is expected")
        try:
            value = json.loads(found[0])
        except ValueError as error:
            raise self.build_error("a number is wrong") from error
        self.at = found.end()
        return value
