"""The code inside a model's answer."""

import re

_FENCE = re.compile(
    r"""
    ^[ ]{0,3}(?P<fence>`{3,}+(?=[^`\n]*+\n)|~{3,}+)(?P<info>[^\n]*+)\n
    (?P<code>.*?)
    (?:^[ ]{0,3}(?P=fence)[`~]*+[ \t\r]*+$|\Z)
    """,  # possessive: a model may write a megabyte of tildes, and each must be read once
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def code_of(answer: str) -> str:
    """Give the longest fenced block of an answer, or the whole answer when nothing is fenced.

    Models put explanations around code and sometimes a usage example after it; the longest block
    is the program. A fence that is opened and never closed (the answer was cut) counts to its end.
    """
    return program_of(answer)[0]


def program_of(answer: str) -> tuple[str, str | None]:
    """Return the same, and the language that its block names after the fence, in small letters."""
    program = _program(answer)
    if program is None:
        return answer, None
    words = program["info"].split(maxsplit=1)
    return program["code"], words[0].lower() if words else None


def _program(answer: str) -> re.Match[str] | None:
    return max(_FENCE.finditer(answer), key=lambda match: len(match["code"]), default=None)
