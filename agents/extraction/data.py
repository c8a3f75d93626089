"""Data in the text of an answer: JSON, in a fence, or with prose around it."""

import json
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from agents.extraction.answer import remove_thinking
from agents.extraction.fences import list_blocks

MAX_PLACES: Final = 20
"""Places at which JSON may begin: each costs one reading of what follows."""


def find_json(text: str) -> JsonValue:
    """Return the JSON of an answer: all of it, the longest fenced block, or what prose surrounds.

    Raises ValueError with what is wrong with it.
    """
    text = remove_thinking(text).strip()
    blocks = sorted((each.code for each in list_blocks(text)), key=len, reverse=True)
    problem: ValueError | None = None
    for each in (text, *blocks[:MAX_PLACES]):
        try:
            return _load(each)
        except ValueError as error:
            problem = problem or error
    for start in _list_starts(text):
        try:
            return _decode(text, start)
        except ValueError as error:
            problem = error
    raise problem or ValueError("it is empty")


def _load(text: str) -> JsonValue:
    try:
        found: JsonValue = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def _decode(text: str, start: int) -> JsonValue:
    try:
        found: JsonValue = json.JSONDecoder().raw_decode(text, start)[0]
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def _list_starts(text: str) -> Iterator[int]:
    """Iterate over the first places at which an object or a list may begin."""
    position = -1
    for _ in range(MAX_PLACES):
        places = [place for mark in "{[" if (place := text.find(mark, position + 1)) >= 0]
        if not places:
            return
        position = min(places)
        yield position
