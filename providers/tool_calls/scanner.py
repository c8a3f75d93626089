"""Scanner of JSON, Python literals and Gemma's notation that repairs what R9 lists, and no more.

Strict JSON is read by the standard library; only what it refuses is scanned here.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from providers.tool_calls.source import SPACE, NeedMore, Source

MAX_DEPTH: Final = 100

_WINDOW: Final = 32_768
"""Characters that are tried as strict JSON: its errors count the lines before them."""
_TOKEN: Final = re.compile(r"[\w.+\-]*")
_NAME: Final = re.compile(r"[\w.\-]*")
_INSIDE: Final = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_LINE: Final = re.compile(r"[^\n]*")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_WORDS: Final = {"true": True, "false": False, "null": None}
_PYTHON_WORDS: Final = {"True": True, "False": False, "None": None}
_PAIRS: Final = {"{": "}", "[": "]", "(": ")"}


class Broken(Exception):
    """A value that cannot be read: malformed, or cut off by the end of the text."""

    def __init__(self, detail: str, at: int, *, is_cut: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.at = at
        self.is_cut = is_cut


@dataclass(frozen=True, slots=True)
class Style:
    """What is ordinary in a notation, so that it is no repair."""

    escapes: dict[str, str]
    """Characters after a backslash."""
    hex_digits: dict[str, int]
    """How many digits follow a backslash and a letter."""
    number: re.Pattern[str]
    is_python: bool = False
    delimiters: tuple[str, ...] = ()
    """Around strings without escapes, and keys have no quotes."""


JSON: Final = Style(
    {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"},
    {"u": 4},
    re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
)
_PYTHON_ONLY: Final = {"'": "'", "a": "\a", "v": "\v", "0": "\0", "\n": ""}
PYTHON: Final = Style(
    {key: value for key, value in JSON.escapes.items() if key != "/"} | _PYTHON_ONLY,
    {"x": 2, "u": 4, "U": 8},
    re.compile(r"[+-]?(?:0x[0-9a-fA-F]+|[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
    is_python=True,
)
GEMMA: Final = replace(JSON, delimiters=('<|"|>', "<escape>"))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


_STRICT: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_parse_float)


class Scanner:
    """Reads values from a source. One per call, of which it collects the repairs."""

    def __init__(self, source: Source, style: Style = JSON, ends: tuple[str, ...] = ()) -> None:
        self._source = source
        self._style = style
        self._ends = ends
        """What ends the call: open brackets before it are closed."""
        self.repairs: list[str] = []
        self.needed_closing = False
        """Whether brackets were open at the end of the text."""
        self.partial: dict[str, Any] | None = None
        """What was read of the outermost object."""
        self.last_key: str | None = None
        """The key of the outermost object that was read last."""

    def read(self, at: int) -> tuple[Any, int]:
        """Return the value at a position and the position after it.

        Raises:
            Broken: there is no value that can be read.
            NeedMore: the text ends before that is decided.
        """
        if self._style is JSON and (strict := read_strict(self._source, at)):
            return strict
        return self._read(at, 0)

    def _read(self, at: int, depth: int) -> tuple[Any, int]:
        char = self._source.get_char(at)
        if char in "{[(" and char:
            if depth >= MAX_DEPTH:
                raise Broken(f"more than {MAX_DEPTH} levels", at)
            if char == "{":
                return self._read_object(at + 1, depth)
            if char == "[" or self._style.is_python:
                return self._read_list(at + 1, depth, _PAIRS[char])
        if char in "\"'" and char:
            return self.read_string(at)
        if delimiter := self._source.find_at(self._style.delimiters, at):
            start = at + len(delimiter)
            end = self._source.find(delimiter, start)
            if end < 0:
                raise Broken("the text ends in a string", at, is_cut=True)
            return self._source.text[start:end], end + len(delimiter)
        return self._read_word(at)

    def _read_object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        if depth == 0:
            self.partial = found

        def read_member(at: int) -> int:
            key, at = self._read_key(at)
            at = self._skip(at)
            if (char := self._source.get_char(at)) != ":":
                raise Broken(f"no colon after the key {key[:80]!r}", at, is_cut=not char)
            if depth == 0:
                self.last_key = key
            found[key], at = self._read(self._skip(at + 1), depth + 1)
            return at

        return found, self._read_members(at, "}", read_member)

    def _read_list(self, at: int, depth: int, closer: str) -> tuple[list[Any], int]:
        found: list[Any] = []

        def read_member(at: int) -> int:
            value, at = self._read(at, depth + 1)
            found.append(value)
            return at

        return found, self._read_members(at, closer, read_member)

    def read_arguments(self, at: int) -> tuple[dict[str, Any], int]:
        """Return the keyword arguments of a Python call, from behind its parenthesis."""
        found: dict[str, Any] = {}

        def read_member(at: int) -> int:
            end = self._source.skip(_NAME, at)
            key = self._source.text[at:end]
            equals = self._skip(end)
            char = self._source.get_char(equals)
            if not key or char != "=":
                raise Broken("an argument without a name", at, is_cut=bool(key) and not char)
            found[key], at = self._read(self._skip(equals + 1), 1)
            return at

        return found, self._read_members(at, ")", read_member)

    def _read_members(self, at: int, closer: str, read_member: Callable[[int], int]) -> int:
        """Read what is between brackets, and return the position after them."""
        at = self._skip(at)
        while True:
            char = self._source.get_char(at)
            if char == closer:
                return at + 1
            if not char:
                raise Broken(f"the text ends where {closer} belongs", at, is_cut=True)
            if not self._is_end(at):
                at = self._skip(read_member(at))
                char = self._source.get_char(at)
            if char == closer:
                return at + 1
            if not char or self._is_end(at):
                self._note("missing_closers")
                self.needed_closing = self.needed_closing or not char
                return at
            if char != ",":
                raise Broken(f"{self._show(at)} where a comma or {closer} belongs", at)
            at = self._skip(at + 1)
            if self._source.get_char(at) == closer and not self._style.is_python:
                self._note("trailing_comma")

    def _read_key(self, at: int) -> tuple[str, int]:
        char = self._source.get_char(at)
        if char in "\"'" or self._source.find_at(self._style.delimiters, at):
            key, at = self._read(at, MAX_DEPTH)
            return str(key), at
        end = self._source.skip(_NAME, at)
        key = self._source.text[at:end]
        if not key:
            raise Broken(f"{self._show(at)} where a key belongs", at)
        if self._source.get_char(end) and not self._style.delimiters:
            self._note("unquoted_key")
        return key, end

    def read_string(self, at: int) -> tuple[str, int]:
        """Return the string in quotes at a position, and the position after it."""
        source = self._source
        quote = source.get_char(at)
        start, is_triple = at, False
        if self._style.is_python and source.find_at((quote * 3,), at):
            is_triple, at = True, at + 2
        if quote == "'" and not self._style.is_python:
            self._note("single_quotes")
        pieces: list[str] = []
        at += 1
        while True:
            end = source.skip(_INSIDE[quote], at)
            piece = source.text[at:end]
            if not is_triple and _CONTROL.search(piece):
                self._note("raw_newline")
            pieces.append(piece)
            char = source.get_char(end)
            if not char:
                raise Broken("the text ends in a string", start, is_cut=True)
            if char == "\\":
                piece, at = self._read_escape(end + 1, start)
                pieces.append(piece)
            elif is_triple and not source.find_at((quote * 3,), end):
                pieces.append(quote)
                at = end + 1
            else:
                return _join_surrogates("".join(pieces)), end + (3 if is_triple else 1)

    def _read_escape(self, at: int, start: int) -> tuple[str, int]:
        char = self._source.get_char(at)
        if not char:
            raise Broken("the text ends in a string", start, is_cut=True)
        style = self._style
        if char in style.escapes:
            return style.escapes[char], at + 1
        if digits := style.hex_digits.get(char, 0):
            self._source.get_char(at + digits)
            code = self._source.text[at + 1 : at + 1 + digits]
            if len(code) == digits and _HEX.fullmatch(code) and int(code, 16) <= 0x10FFFF:
                return chr(int(code, 16)), at + 1 + digits
        is_needless = char in "'_"
        if is_needless or not style.is_python:
            self._note("escape")
        return char if is_needless else "\\" + char, at + 1

    def _read_word(self, at: int) -> tuple[Any, int]:
        end = self._source.skip(_TOKEN, at)
        word = self._source.text[at:end]
        if word in _WORDS:
            return _WORDS[word], end
        if word in _PYTHON_WORDS:
            if not self._style.is_python:
                self._note("python_literal")
            return _PYTHON_WORDS[word], end
        is_last = not self._source.get_char(end)
        is_number = not is_last and self._style.number.fullmatch(word)
        if is_number and (number := _parse_number(word)) is not None:
            return number, end
        is_cut = is_last and _may_go_on(word)
        raise Broken(f"{word[:80] or self._source.get_char(at)!r} is no value", at, is_cut=is_cut)

    def _skip(self, at: int) -> int:
        """Return the position after white space and comments."""
        at, has_comments = skip_comments(self._source, at)
        if has_comments:
            self._note("comment")
        return at

    def _is_end(self, at: int) -> bool:
        return bool(self._source.find_at(self._ends, at))

    def _note(self, repair: str) -> None:
        if repair not in self.repairs:
            self.repairs.append(repair)

    def _show(self, at: int) -> str:
        return repr(self._source.text[at : at + 1])


def skip_comments(source: Source, at: int, ends: tuple[str, ...] = ()) -> tuple[int, bool]:
    """Return the position after white space and comments, and whether there are any.

    A comment until the end of its line ends before the literals, too.
    """
    has_comments = False
    while True:
        at = source.skip(SPACE, at)
        kind = source.get_char(at + 1) if source.get_char(at) == "/" else ""
        if kind == "/":
            line = source.skip(_LINE, at)
            found = (source.text.find(each, at, line) for each in ends)
            at = min((each for each in found if each >= 0), default=line)
        elif kind == "*":
            end = source.find("*/", at + 2)
            at = end + 2 if end >= 0 else len(source.text)
        else:
            return at, has_comments
        has_comments = True


def read_strict(source: Source, at: int) -> tuple[Any, int] | None:
    """Return the strict JSON object or list at a position and the position after it, if any."""
    if source.get_char(at) not in ("{", "["):
        return None
    window = source.text[at : at + _WINDOW]
    try:
        value, size = _STRICT.raw_decode(window)
    except (ValueError, RecursionError):
        return None
    brackets = window.count("{", 0, size) + window.count("[", 0, size)
    return (value, at + size) if brackets <= MAX_DEPTH else None


def parse_text(text: str, style: Style = JSON) -> tuple[Any, list[str]]:
    """Return the value that is the whole of a text, and its repairs.

    Raises:
        Broken: the text is something else.
    """
    source = Source(text + "\n", is_final=True)
    scanner = Scanner(source, style)
    try:
        value, end = scanner.read(source.skip_space(0))
    except NeedMore as error:  # not of a final source
        raise AssertionError from error
    if source.skip_space(end) < len(source.text) or scanner.needed_closing:
        raise Broken("more than one value", end)
    return value, scanner.repairs


def _parse_number(word: str) -> int | float | None:
    """Return the number, None if it is too large or has digits in groups that Python refuses."""
    try:
        return int(word, 16 if "x" in word else 10)
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        return None
    is_whole = not any(each in word for each in ".eE")  # too long for an int
    return None if is_whole or math.isinf(number) else number


def _may_go_on(word: str) -> bool:
    """Return whether a word at the end of the text may be the beginning of a value."""
    words = (*_WORDS, *_PYTHON_WORDS)
    return not word or word[0] in "+-.0123456789" or any(each.startswith(word) for each in words)


def _join_surrogates(text: str) -> str:
    """Return the text with escaped surrogate pairs as the characters that they mean."""
    if not any("\ud800" <= char <= "\udbff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
