"""Errors of workflows: failures of steps, which a workflow may catch, and control of the replay."""

from collections.abc import Mapping
from typing import Any, Final


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
