"""One check: what was looked at, what was found, what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    """Not needed for what is set up now, but good to know."""
    MISSING = "missing"
    """COGO cannot work like this."""


@dataclass(frozen=True, slots=True)
class Check:
    """The answer of one check. It names variables, never their values."""

    name: str
    verdict: Verdict
    detail: str
    cure: str | None = None
    """The one command, or the one line, that mends it."""


def ok(name: str, detail: str) -> Check:
    """Give the answer of a check that found what it looked for."""
    return Check(name, Verdict.OK, detail)


def note(name: str, detail: str, cure: str | None = None) -> Check:
    """Give the answer of a check that found something to know."""
    return Check(name, Verdict.NOTE, detail, cure)


def missing(name: str, detail: str, cure: str) -> Check:
    """Give the answer of a check that found that something needed is not there."""
    return Check(name, Verdict.MISSING, detail, cure)
