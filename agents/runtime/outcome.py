"""How an attempt ended, as a closed set of cases."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.records import Completion, Failure, Usage


class StopReason(StrEnum):
    """Why the database (or the clock) says that an attempt must stop."""

    CANCELLED = "cancel"
    """The task was cancelled; the holder should stop and say what was used."""
    LOST = "lost"
    """A later attempt may hold the subtask; whatever this one produced belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The work was done and is to be stored."""

    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """The work could not be done; the failure says who may try again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt was told to stop."""

    verdict: StopReason
    usage: Usage | None = None
    """What it had used by then, as far as is known."""


Outcome = Succeeded | Failed | Stopped
