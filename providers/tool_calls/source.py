"""Text that may not have ended, read so that no decision depends on where it was cut."""

import re
from functools import lru_cache
from typing import Final

SPACE: Final = re.compile(r"\s*")
_TICKS_OR_LINE: Final = re.compile(r"`+|\n")
_MAX_CODE: Final = 2_000
_ATTRIBUTES: Final = re.compile(r"[^<>]{0,300}")
_MAX_RESULT: Final = 100_000
_QUOTES: Final = frozenset("'\"")
LONGEST_LITERAL: Final = 64


class NeedMore(Exception):
    """The text ends where a decision needs more of it."""


class Source:
    """A part of a text. Whatever reads beyond its end raises `NeedMore` until it is final.

    So a function that returns has only seen what later text cannot change.
    """

    __slots__ = ("is_final", "text")

    def __init__(self, text: str, *, is_final: bool) -> None:
        self.text = text
        self.is_final = is_final

    def get_char(self, at: int) -> str:
        """Return a character, or "" at the end of the final text."""
        if at < len(self.text):
            return self.text[at]
        if self.is_final:
            return ""
        raise NeedMore

    def skip(self, run: re.Pattern[str], at: int) -> int:
        """Return where a run of a class of characters ends. The pattern matches nothing, too."""
        match = run.match(self.text, at)
        end = match.end() if match else at
        if end >= len(self.text) and not self.is_final:
            raise NeedMore
        return end

    def skip_space(self, at: int) -> int:
        """Return the position of the next character that is no white space."""
        return self.skip(SPACE, at)

    def find_at(self, literals: tuple[str, ...], at: int) -> str:
        """Return which of the literals, longest first, is at a position; "" if none is."""
        text = self.text
        is_end = not self.is_final and len(text) - at < LONGEST_LITERAL
        if is_end and "\0" + text[at:] in _join(literals):
            raise NeedMore
        if not text.startswith(literals, at):
            return ""
        return next(each for each in literals if text.startswith(each, at))

    def is_end(self, at: int, literals: tuple[str, ...] = ()) -> bool:
        """Return whether the final text ends at a position, or one of the literals is there."""
        return not self.get_char(at) or bool(self.find_at(literals, at))

    def find(self, literal: str, at: int, limit: int | None = None) -> int:
        """Return the position of a literal that begins within `limit` characters, or -1."""
        stop = len(self.text) if limit is None else at + limit + len(literal)
        found = self.text.find(literal, at, stop)
        if found < 0 and stop >= len(self.text) and not self.is_final:
            raise NeedMore
        return found

    def search(self, pattern: re.Pattern[str], at: int) -> re.Match[str] | None:
        """Return the first match of a pattern of literals, None at the end of the final text.

        A match at the end of the text might become a longer one, so it counts when it is final.
        """
        match = pattern.search(self.text, at)
        if not self.is_final and (match is None or match.end() >= len(self.text)):
            raise NeedMore
        return match

    def is_cut(self, literals: tuple[str, ...], at: int) -> bool:
        """Return whether the final text ends within one of the literals."""
        if len(self.text) - at >= LONGEST_LITERAL:
            return False
        rest = self.text[at:]
        if not any(each.startswith(rest) and each != rest for each in literals):
            return False
        if not self.is_final:
            raise NeedMore
        return bool(rest)


@lru_cache(maxsize=1_024)
def _join(literals: tuple[str, ...]) -> str:
    """Return a text in which the beginning of each literal is found at once."""
    return "".join(f"\0{each}" for each in literals)


def find_code_end(source: Source, ticks: str, start: int) -> int | None:
    """Return where inline code in so many backticks ends, None if it does not on its line."""
    at, limit = start, start + _MAX_CODE
    while True:
        match = _TICKS_OR_LINE.search(source.text, at, limit)
        if match is None or (match.end() == len(source.text) and match.group() != "\n"):
            if limit >= len(source.text):
                source.get_char(len(source.text))
            if match is None:
                return None
        if match.group() == "\n":
            return None
        at = match.end()
        if match.group() == ticks:
            return at


def find_result_end(
    source: Source, at: int, marker: str, closer: str, barrier: str | None
) -> int | None:
    """Return where a result of a tool ends that begins with a marker, None if it is not closed.

    That is at its beginning if the marker is no opening tag. It does not reach behind the barrier.
    """
    if not marker.endswith((">", "]")):  # attributes follow
        last = source.skip(_ATTRIBUTES, at + len(marker))
        if source.get_char(last) != ">" or source.text[last - 1] == "/":
            return at
    limit = at + _MAX_RESULT
    end = source.text.find(closer, at, limit)
    if end < 0 and limit > len(source.text):
        source.get_char(len(source.text))
    if end < 0 or (barrier and barrier in source.text[at:end]):
        return None
    return end + len(closer)


def is_quoted(source: Source, last: str, end: int) -> bool:
    """Return whether a token that ends there stands in quotes, after the character `last`."""
    return last in _QUOTES and source.get_char(end) == last
