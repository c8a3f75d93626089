"""Texts in chunks: small enough to be found and shown, each with its place and its headings. Pure.

A chunk is `text[start:end]`, so that a citation leads to the words themselves.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, NamedTuple, TypeAlias

from agents.extraction.languages import get_language

TextKind: TypeAlias = Literal["markdown", "code", "plain"]

MOST_TOKENS: Final = 400
"""Of a chunk: some paragraphs, which models of 512 tokens still read whole."""
OVERLAP_TOKENS: Final = 50
"""Of the end of a chunk that the next one begins with, so that no sentence loses its neighbour."""
MOST_HEADING: Final = 300
"""Characters of the headings above a chunk."""
_LETTERS_PER_TOKEN: Final = 4
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]")
_DEFINITION: Final = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub)\b"
    r"(?:\([^)]*\))?[ \t]+)*"
    r"(?:class|def|function|func|fn|interface|trait|impl|enum|struct|module|namespace|record|type"
    r"|object|protocol|create (?:or replace )?(?:table|function|view|procedure|trigger|type))\b.*",
    re.IGNORECASE,
)
_PLAIN: Final = frozenset({"text", "html", "json", "yaml", "toml", "ini", "xml", "diff"})
_SENTENCE: Final = re.compile(
    r"(?<=[.!?\u2026\u3002\uff01\uff1f])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])"
)
_BLANK: Final = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_SPACE: Final = re.compile(r"\s+")
_END: Final = re.compile(r"(?<=[.!?\u2026\u3002\uff01\uff1f])\s+|\n")
_CUTS: Final = (_BLANK, re.compile(r"\n"), _SENTENCE, _SPACE)
"""Where a text is cut, the best first: behind what matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of a text."""

    content: str
    start: int
    end: int
    heading: str | None = None
    """The headings above it, outermost first: `Refunds > Deadlines`."""


class _Section(NamedTuple):
    start: int
    end: int
    headings: tuple[str, ...]


def find_text_kind(name: str) -> TextKind:
    """Return how the text of a file of this name is cut."""
    language = get_language(PurePath(name).as_posix())
    if language == "markdown":
        return "markdown"
    return "plain" if language is None or language in _PLAIN else "code"


def estimate_text_size(text: str) -> int:
    """Return about how many tokens a text has, as embedding models count them.

    Letters of scripts without spaces are about a token each. The chunks of stored documents depend
    on it, so it stays as it is; what must fit the window of a chat model is counted higher, by
    `agents.memory.conversation.tokens`.
    """
    wide = 0 if text.isascii() else sum(each >= "\u2e80" for each in text)
    return wide + (len(text) - wide + _LETTERS_PER_TOKEN - 1) // _LETTERS_PER_TOKEN


def cut_into_chunks(
    text: str,
    kind: TextKind = "plain",
    *,
    most_tokens: int = MOST_TOKENS,
    overlap_tokens: int = OVERLAP_TOKENS,
) -> list[Chunk]:
    """Return the chunks of a text in order; none of them is blank.

    Each has at most `most_tokens`, by `estimate_text_size`. They are cut at headings and
    definitions, else between paragraphs, lines, sentences or words, in this order. Within a section
    the next chunk repeats up to `overlap_tokens` of the end of the one before.
    """
    sections = {"markdown": _list_sections, "code": _list_definitions, "plain": _take_whole}
    chunks = []
    for section in _merge_small(text, sections[kind](text), most_tokens // 2):
        heading = " > ".join(section.headings)[:MOST_HEADING] or None
        chunks += [
            Chunk(content=text[start:end], start=start, end=end, heading=heading)
            for begin, close in _cut_section(text, section, most_tokens, overlap_tokens)
            for start, end in _strip(text, begin, close)
        ]
    return chunks


def _strip(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a place without blanks at its ends, unless nothing is left of it."""
    content = text[start:end]
    if stripped := content.strip():
        start += len(content) - len(content.lstrip())
        yield start, start + len(stripped)


def _take_whole(text: str) -> Iterator[_Section]:
    yield _Section(0, len(text), ())


def _list_sections(text: str) -> Iterator[_Section]:
    """Yield the parts of Markdown between headings; those in fences are none."""
    begin, position, fence = 0, 0, ""
    above: list[tuple[int, str]] = []
    for whole in text.splitlines(keepends=True):
        start, position = position, position + len(whole)
        line = whole.rstrip()
        if found := _FENCE.match(line):
            mark = found[1]
            if not fence:
                fence = mark
            elif mark.startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif not fence and (found := _HEADING.match(line)):
            if start > begin:
                yield _Section(begin, start, tuple(each for _, each in above))
            level = len(found[1])
            above = [each for each in above if each[0] < level]
            above.append((level, line[found.end() :].rstrip("# \t").strip()))
            begin = start
    yield _Section(begin, len(text), tuple(each for _, each in above))


def _list_definitions(text: str) -> Iterator[_Section]:
    """Yield the parts of code between definitions that are not indented."""
    begin, position = 0, 0
    name: tuple[str, ...] = ()
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        if _DEFINITION.match(line):
            if start > begin:
                yield _Section(begin, start, name)
            begin, name = start, (line.strip().rstrip("{: ")[:100],)
    yield _Section(begin, len(text), name)


def _merge_small(text: str, sections: Iterator[_Section], most: int) -> Iterator[_Section]:
    """Join sections with the deeper ones that follow, while all together are small."""
    kept: _Section | None = None
    for each in sections:
        if kept is None:
            kept = each
            continue
        is_below = each.headings[: len(kept.headings)] == kept.headings
        if is_below and estimate_text_size(text[kept.start : each.end]) <= most:
            kept = _Section(kept.start, each.end, kept.headings)
        else:
            yield kept
            kept = each
    if kept is not None:
        yield kept


def _cut_section(
    text: str, section: _Section, most: int, overlap: int
) -> Iterator[tuple[int, int]]:
    """Yield places in a section, each of at most so many tokens."""
    pieces = list(_split(text, section.start, section.end, most - overlap))
    number = 0
    while number < len(pieces):
        start, end = pieces[number]
        used = estimate_text_size(text[start:end])
        number += 1
        start = _reach_back(text, section.start, start, overlap)
        used += estimate_text_size(text[start : pieces[number - 1][0]])
        while number < len(pieces):
            more = estimate_text_size(text[end : pieces[number][1]])
            if used + more > most:
                break
            end, used, number = pieces[number][1], used + more, number + 1
        yield start, end


def _reach_back(text: str, least: int, start: int, overlap: int) -> int:
    """Return the place of a sentence or word before `start` from which on a chunk repeats."""
    if start == least or overlap <= 0:
        return start
    earliest = max(least, start - overlap * _LETTERS_PER_TOKEN)
    before = text[earliest:start]
    while estimate_text_size(before) > overlap:
        before = before[len(before) // 2 :]
    for cut in (_END, _SPACE):
        if (found := cut.search(before)) and found.end() < len(before):
            return start - len(before) + found.end()
    return start


def _split(text: str, start: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield a part of a text in pieces of at most so many tokens, cut at the best places."""
    work: list[tuple[int, int, int]] = [(start, end, 0)]
    while work:
        start, end, level = work.pop()
        if level > 0 and estimate_text_size(text[start:end]) <= most:
            yield start, end
        elif level < len(_CUTS):
            parts = list(_cut_behind(text, start, end, _CUTS[level].finditer))
            work += [(*each, level + 1) for each in reversed(parts)]
        else:
            yield from _cut_letters(text, start, end, most)


def _cut_behind(
    text: str, start: int, end: int, find: Callable[..., Iterator[re.Match[str]]]
) -> Iterator[tuple[int, int]]:
    for found in find(text, start, end):
        if found.end() > start:
            yield start, found.end()
            start = found.end()
    if start < end:
        yield start, end


def _cut_letters(text: str, start: int, end: int, most: int) -> Sequence[tuple[int, int]]:
    """Return pieces of a word that is longer than a chunk."""
    size = most if not text[start:end].isascii() else most * _LETTERS_PER_TOKEN
    return [(place, min(place + size, end)) for place in range(start, end, max(size, 1))]
