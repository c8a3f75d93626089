"""The result of one check."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """Whether a check passed."""

    OK = "ok"
    NOTE = "note"
    """Not required with the present configuration, but worth knowing."""
    MISSING = "missing"
    """COGO cannot work without it."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. It contains names of variables, never their values."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None
    """The command or the action that fixes it."""


def ok(name: str, detail: str) -> Check:
    """Return the result of a check that passed."""
    return Check(name, CheckStatus.OK, detail)


def note(name: str, detail: str, fix: str | None = None) -> Check:
    """Return the result of a check that found something worth knowing."""
    return Check(name, CheckStatus.NOTE, detail, fix)


def missing(name: str, detail: str, fix: str) -> Check:
    """Return the result of a check that found that something required is missing."""
    return Check(name, CheckStatus.MISSING, detail, fix)
