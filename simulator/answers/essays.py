"""Texts that are neither code nor conversation: plans, decisions, parts of larger work."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from simulator.answers.topics import find_topic

_PLAN: Final = (
    "a plan in general terms, since the simulator knows nothing of the matter.\n\n"
    "1. Write down the goal and how one will see that it is reached.\n"
    "2. Try the riskiest part first, with one customer.\n"
    "3. Decide by the result whether to go on.\n\n"
    "Risks: the goal is vague (let somebody else read it); the trial is too small (name the "
    "smallest one that would change your mind).\n\nNeeded: one person, four weeks."
)
_TOLD: Final = re.compile(r"<(?:part|result) (?:name|of)=\"(?P<name>[^\"\n]{1,100})\">")


def write_essay(request: str, context: str) -> str | None:
    """Return the text that a request asks for by its form; None if it has none of the forms."""
    for words, write in _FORMS.items():
        if words in request:
            return write(request)
    return _PLAN if "You are a strategist" in context else None


def _write_part(request: str) -> str | None:
    if find_topic(request) is not None:
        return None
    part = request.partition("Your part:")[2].strip().partition("\n")[0]
    return f'this part is done in name only: "{part[:200]}"'


def _write_whole(request: str) -> str | None:
    if find_topic(request) is not None:
        return None
    names = list(dict.fromkeys(found["name"] for found in _TOLD.finditer(request)))
    listed = "\n".join(f"- {name}" for name in names)
    return f"the parts, put together.\n\n{listed}".rstrip()


_FORMS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "Your part:": _write_part,
    "Specialists have done these parts": _write_whole,
    "A reviewer found:": _write_whole,
}
"""What writes the answer to a request that has these words; None: it asks for code."""
