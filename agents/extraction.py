"""The code inside a model's answer."""

import re

_FENCE = re.compile(
    r"""
    ^[ ]{0,3}(?P<fence>`{3,}(?=[^`\n]*\n)|~{3,})(?P<info>[^\n]*)\n
    (?P<code>.*?)
    (?:^[ ]{0,3}(?P=fence)[`~]*[ \t\r]*$|\Z)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def code_of(answer: str) -> str:
    """Give the longest fenced block of an answer, or the whole answer when nothing is fenced.

    Models put explanations around code and sometimes a usage example after it; the longest block
    is the program. A fence that is opened and never closed (the answer was cut) counts to its end.
    """
    program = _program(answer)
    return answer if program is None else program["code"]


def language_of(answer: str) -> str | None:
    """Give the language that the same block names after its fence, in small letters."""
    program = _program(answer)
    words = [] if program is None else program["info"].split()
    return words[0].lower() if words else None


def _program(answer: str) -> re.Match[str] | None:
    return max(_FENCE.finditer(answer), key=lambda match: len(match["code"]), default=None)
