"""Texts that fit the formats, patterns and lengths of a JSON Schema."""

import importlib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from simulator.schemas.fit import fits

WORD: Final = "simulated"
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-01-{day:02d}",
    "date-time": "2026-01-{day:02d}T12:00:00Z",
    "duration": "P{n}D",
    "email": "simulated{n}@example.com",
    "hostname": "simulated{n}.example.com",
    "idn-email": "simulated{n}@example.com",
    "idn-hostname": "simulated{n}.example.com",
    "ipv4": "192.0.2.{n}",
    "ipv6": "2001:db8::{n}",
    "iri": "https://example.com/simulated/{n}",
    "json-pointer": "/simulated/{n}",
    "regex": "simulated{n}",
    "time": "12:00:{day:02d}Z",
    "uri": "https://example.com/simulated/{n}",
    "uri-reference": "/simulated/{n}",
    "uuid": "00000000-0000-4000-8000-{n:012d}",
}
_LONGEST: Final = 100_000
_MOST_REPEATS: Final = 64
_MOST_PARTS: Final = 10_000
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /:@"


def build_sample_text(schema: Mapping[str, JsonValue], variant: int) -> str:
    """Return a text; each variant is another one, where there are others."""
    low, high = read_length(schema, "minLength", 0), read_length(schema, "maxLength", _LONGEST)
    if isinstance(pattern := schema.get("pattern"), str):
        return _build_match(pattern, low, high, variant)
    form = _FORMATS.get(str(schema.get("format")))
    if form is not None:
        return form.format(n=variant + 1, day=variant % 28 + 1)
    ending = f" {variant + 1}" if variant else ""
    text = (WORD + ending).ljust(low, ".")
    return text if len(text) <= high else (ending.strip() + WORD)[:high]


def read_length(schema: Mapping[str, JsonValue], keyword: str, default: int) -> int:
    """Return a limit of a schema, at most one that can be built."""
    value = schema.get(keyword)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return int(min(max(0.0, value), _LONGEST))


def _build_match(pattern: str, low: int, high: int, variant: int) -> str:
    """Return a text that a pattern matches; the shortest that is long enough."""
    try:
        # Python's own parser of patterns, which has no public name since 3.11.
        parsed = importlib.import_module("re._parser").parse(pattern)
        for repeats in range(_MOST_REPEATS):
            text = _Writer(repeats, variant).write(parsed)
            if variant and not pattern.endswith("$"):
                text += str(variant)
            if not pattern.startswith("^") and low <= len(WORD + text) <= high:
                text = WORD + text
            if not pattern.endswith("$"):
                text = text.ljust(low, ".")
            if low <= len(text) <= high and fits({"pattern": pattern}, text):
                return text
            if len(text) > high:
                break
    except (re.error, RecursionError, OverflowError, _TooMuch):
        pass  # a pattern of another dialect, or none that people write
    return WORD  # the caller sees that it does not fit


class _TooMuch(Exception):
    """The text is longer than anyone needs."""


class _Writer:
    """Writes a text for the parts of a pattern; `repeats` more than the fewest that it allows."""

    def __init__(self, repeats: int, variant: int) -> None:
        self._repeats, self._variant = repeats, variant
        self._groups: dict[int, str] = {}
        self._any = itertools.cycle("aA1-")
        self._left = _MOST_PARTS

    def write(self, parts: Sequence[Any]) -> str:
        """Return the text of a sequence of parts."""
        return "".join(self._write_part(str(name), argument) for name, argument in parts)

    def _write_part(self, name: str, argument: Any) -> str:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        match name:
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                fewest, most, inner = argument
                count = min(int(most), int(fewest) + self._repeats)
                text = "".join(self.write(inner) for _ in range(count))
            case "SUBPATTERN":
                text = self.write(argument[-1])
                self._groups[argument[0] or 0] = text
            case "ATOMIC_GROUP":
                text = self.write(argument)
            case "BRANCH":
                text = self.write(argument[1][self._variant % len(argument[1])])
            case "GROUPREF":
                text = self._groups.get(argument, "")
            case _:
                text = self._write_character(name, argument)
        return text

    def _write_character(self, name: str, argument: Any) -> str:
        match name:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return next(each for each in _ALPHABET if each != chr(argument))
            case "ANY":
                return next(self._any)
            case "IN":
                return self._choose_character(argument)
            case _:  # anchors and lookarounds, which the finished text is tried with
                return ""

    def _choose_character(self, members: Sequence[Any]) -> str:
        is_negated = str(members[0][0]) == "NEGATE"
        chosen = [each for each in _ALPHABET if _is_member(each, members) is not is_negated]
        if chosen:
            return chosen[self._variant % len(chosen)]
        name, argument = members[0]
        return chr(argument[0] if str(name) == "RANGE" else argument) if argument else "x"


def _is_member(character: str, members: Sequence[Any]) -> bool:
    for name, argument in members:
        match str(name), str(argument):
            case "LITERAL", _:
                is_one = ord(character) == argument
            case "RANGE", _:
                is_one = argument[0] <= ord(character) <= argument[1]
            case "CATEGORY", category:
                word, _, _ = category.removeprefix("CATEGORY_").rpartition("_")
                kind = category.rpartition("_")[2]
                found = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}.get(kind, "x")
                is_one = (re.match(found, character) is None) is (word == "NOT")
            case _:
                is_one = False
        if is_one:
            return True
    return False
