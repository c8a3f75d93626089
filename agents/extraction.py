"""The code inside a model's answer."""

import re

_FENCE = re.compile(
    r"""
    ^[ ]{0,3}(?P<fence>`{3,}(?=[^`\n]*\n)|~{3,})[^\n]*\n
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
    return max((match["code"] for match in _FENCE.finditer(answer)), key=len, default=answer)
