"""Bugs in the programs of weaker models, so that repair and escalation can be watched.

Each is found by the tests of `suites`. Which models make it depends on nothing but their names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simulator.answers.programs import PROGRAMS
from simulator.pacing import is_strong_model

_REPAIR: Final = re.compile(r"it was run, and failed|complete corrected code", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A bug: what a model writes in place of the right lines."""

    right: str
    wrong: str
    is_hard: bool = False
    """Whether a model that makes it does not find it either, when it is told what failed."""


FLAWS: Final[Mapping[str, Flaw]] = {
    "binary_search": Flaw(
        right="return low if low < len(items) and items[low] == target else -1",
        wrong="return low if items[low] == target else -1",
    ),
    "lru_cache": Flaw(
        right="            self._entries.move_to_end(key)\n            return self._entries[key]",
        wrong="            return self._entries[key]",
        is_hard=True,
    ),
}


def write_program(name: str, *, model: str, request: str) -> str:
    """Return a program as a model writes it: with its bug, if the model makes one."""
    program = PROGRAMS[name]
    flaw = FLAWS.get(name)
    if flaw is None or not _has_flaw(flaw, model=model, request=request):
        return program
    return program.replace(flaw.right, flaw.wrong)


def _has_flaw(flaw: Flaw, *, model: str, request: str) -> bool:
    """Return whether a model makes a bug: all but the strong ones do, and repair an easy one."""
    if not model or is_strong_model(model):
        return False
    return flaw.is_hard or _REPAIR.search(request) is None
