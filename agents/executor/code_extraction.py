"""The code inside a model's answer."""

import re
from typing import NamedTuple

_FENCE = re.compile(
    r"""
    ^[ ]{0,3}(?P<fence>`{3,}+(?=[^`\n]*+\n)|~{3,}+)(?P<info>[^\n]*+)\n
    (?P<code>.*?)
    (?:^[ ]{0,3}(?P=fence)[`~]*+[ \t\r]*+$|\Z)
    """,  # possessive: a model may write a megabyte of tildes, and each must be read once
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


class ExtractedCode(NamedTuple):
    """The code of an answer."""

    code: str
    language: str | None
    """As its fence names it, in small letters."""


def extract_code(answer: str) -> ExtractedCode:
    """Return the longest fenced block of an answer, or the whole answer when nothing is fenced.

    Models put explanations around code and sometimes a usage example after it; the longest block
    is the program. A fence that is opened and never closed (the answer was cut) counts to its end.
    """
    block = max(_FENCE.finditer(answer), key=lambda match: len(match["code"]), default=None)
    if block is None:
        return ExtractedCode(answer, None)
    words = block["info"].split(maxsplit=1)
    return ExtractedCode(block["code"], words[0].lower() if words else None)
