"""Errors of workflows: failures of steps, which a workflow may catch, control of the replay.

Also the lines in which they were raised, for messages.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType
from typing import Any, Final

_ENGINE: Final = str(Path(__file__).parent)


class StepFailed(Exception):
    """A step has failed; raised where it is awaited.

    `error_class` is the class of the error, such as `rate_limited`; `key` names the step.
    """

    def __init__(self, key: str, error_class: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.error_class = error_class
        self.message = message

    def __str__(self) -> str:
        """Return the step, the class and the message."""
        return f"step {self.key!r} failed ({self.error_class}): {self.message}"


class BudgetSpent(StepFailed):
    """The budget, or a cap of the owner, does not allow the step."""


class NotNeeded(StepFailed):
    """The step was cancelled because another one won."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "not_needed", "it was cancelled because another one was first")


class DeadlinePassed(StepFailed):
    """The task's deadline has passed: nothing new begins and nothing unfinished ends."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "deadline", "the task's deadline has passed")


class OutcomeUnknown(StepFailed):
    """Whether the step has had its effect is unknown, and repeating it might do so twice."""


class WorkflowInvalid(Exception):
    """The workflow uses the engine in a way that it does not support."""


class ReplayControl(BaseException):
    """Ends a replay from inside of the workflow, which must not catch it."""


class ReplayEnded(ReplayControl):
    """The replay is over: the coroutine is being closed, or must not go on."""


_MONEY: Final = frozenset({"budget", "spend_cap"})


def build_step_error(key: str, error: Mapping[str, Any] | None) -> StepFailed:
    """Return the exception for the error of a step, as it was recorded."""
    given = error or {}
    error_class = str(given.get("class") or "failed")
    message = str(given.get("message") or "no message was recorded")
    match error_class:
        case "deadline":
            return DeadlinePassed(key)
        case "not_needed":
            return NotNeeded(key)
        case "outcome_unknown":
            return OutcomeUnknown(key, error_class, message)
    if error_class in _MONEY or given.get("field") == "budget_usd":
        return BudgetSpent(key, error_class, message)
    return StepFailed(key, error_class, message)


def locate_error(error: BaseException, home: str) -> str:
    """Return where in the file `home` an error was raised, as `flows.py:12`, or ''."""
    return _locate(_list_places(error.__traceback__), home)


def locate_caller(frame: FrameType | None, home: str) -> str:
    """Return the line of the file `home` that has led to `frame`, as `flows.py:12`, or ''."""
    return _locate(
        [(each.f_code.co_filename, line) for each, line in walk_stack(frame)][::-1], home
    )


def locate_coroutine(coroutine: Any, home: str) -> str:
    """Return the line of the file `home` at which a coroutine is suspended, or ''."""
    places = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        places.append((frame.f_code.co_filename, frame.f_lineno))
        coroutine = coroutine.cr_await
    return _locate(places, home)


def _list_places(trace: TracebackType | None) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]


def _locate(places: Iterable[tuple[str, int]], home: str) -> str:
    """Return the innermost of the places in `home`, else the innermost outside of the engine."""
    outside = [each for each in places if not each[0].startswith(_ENGINE)]
    ours = [each for each in outside if each[0] == home] or outside
    if not ours:
        return ""
    file, line = ours[-1]
    return f"{Path(file).name}:{line}"
