"""Data in the text of an answer: which JSON is taken from it, and which is refused."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from pydantic import JsonValue

from agents.extraction.answer import remove_thinking
from agents.extraction.fences import list_blocks
from protocol.json_values import TOO_DEEP, TOO_LARGE_A_NUMBER, find_json_problem

MAX_CHARACTERS: Final = 2_000_000
"""A longer answer is not read."""
MAX_PLACES: Final = 20
"""Places at which JSON may begin: each costs one reading of what follows."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_BEGUN: Final = re.compile(r'\{\s*"|\[\s*[\[{"]')
"""What begins like this is JSON, and not a bracket of prose."""


class _Refused(ValueError):
    """It is JSON, but of a kind whose meaning depends on who reads it."""


def find_json(text: str) -> JsonValue:
    """Return the JSON of an answer: all of it, the longest fenced block, or what prose surrounds.

    Of several values in prose it is the longest. JSON that is broken is an error; a part of it is
    never taken for the whole. Raises ValueError with what is wrong.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    text = remove_thinking(text.lstrip(_BYTE_ORDER_MARK)).strip()
    try:
        data = _choose(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if problem := find_json_problem(data):
        raise ValueError(f"it {problem}")
    return data


def _choose(text: str) -> JsonValue:
    problem: ValueError | None = None
    for each in _list_wholes(text):
        try:
            return _decode(each, 0)[0]
        except ValueError as error:
            problem = problem or error
    found = list(_iterate_values(text))
    if found:
        return max(found, key=lambda each: each[1])[0]
    raise problem or ValueError("it is empty")


def _list_wholes(text: str) -> Iterator[str]:
    """Iterate over what may be JSON as a whole."""
    yield text
    blocks = sorted((each.code.strip() for each in list_blocks(text)), key=len, reverse=True)
    yield from blocks[:MAX_PLACES]


def _iterate_values(text: str) -> Iterator[tuple[JsonValue, int]]:
    """Iterate over the objects and lists in prose, with their lengths. Raise if one is broken."""
    position = 0
    for _ in range(MAX_PLACES):
        places = [place for mark in "{[" if (place := text.find(mark, position)) >= 0]
        if not places:
            return
        start = min(places)
        try:
            value, position = _decode(text, start, is_all=False)
        except _Refused:
            raise
        except ValueError:
            if _BEGUN.match(text, start):
                raise
            position = start + 1
        else:
            yield value, position - start


def _decode(text: str, start: int, *, is_all: bool = True) -> tuple[JsonValue, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (json.JSONDecodeError, _Refused):
        raise
    except RecursionError:
        raise _Refused(f"it {TOO_DEEP}") from None
    except ValueError:  # an integer of more than 4,300 digits
        raise _Refused(f"it {TOO_LARGE_A_NUMBER}") from None
    if is_all and end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value, end


def _read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _Refused(f"an object has the key {json.dumps(twice[:100])} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no number of JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_read_pairs, parse_constant=_refuse_constant)
