"""Failures of flows and of subtasks without a model, for the person whose task it is."""

from datetime import timedelta

from agents.errors import InvalidTask, NoModel
from agents.runtime.failed_attempts import (
    list_failed_attempts,
    quote_errors,
    suggest_next_steps,
)
from protocol.backoff import compute_backoff
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction


def build_no_model_failure(claimed: ClaimedSubtask, error: NoModel, *, is_known: bool) -> Failure:
    """Return a failure that gives up, or waits if no executor is known."""
    tried = list_failed_attempts(claimed)
    before = f"every model that was tried failed: {quote_errors(tried)}. Now " if tried else ""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="no_model",
            message=before + error.message,
            field=error.field,
            allowed=error.allowed or None,
            hint=suggest_next_steps(tried) or None,
        ),
        action=FailureAction.GIVE_UP if is_known else FailureAction.SNOOZE,
        retry_after=None if is_known else compute_snooze(claimed, "no_model"),
    )


def compute_snooze(claimed: ClaimedSubtask, error_class: str) -> timedelta:
    """Return how long to wait before another look, longer each time."""
    failures = 1 + sum((each.error or {}).get("class") == error_class for each in claimed.history)
    return timedelta(seconds=compute_backoff(failures, first=2, longest=30))


def build_invalid_task_failure(claimed: ClaimedSubtask, error: InvalidTask) -> Failure:
    """Return a failure that gives up, and names what the owner must change."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="invalid_task",
            message=error.message,
            field=error.field,
            allowed=error.allowed or None,
        ),
        action=FailureAction.GIVE_UP,
    )
