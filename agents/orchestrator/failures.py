"""Failures of flows and of subtasks without a model, for the person whose task it is."""

from collections.abc import Collection
from typing import Final

from agents.errors import InvalidTask, NoModel, ToolNotUsable
from agents.runtime.failed_attempts import (
    compute_snooze,
    is_server_away,
    list_failed_attempts,
    quote_errors,
    suggest_next_steps,
)
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction

NO_TOOL: Final = "no_tool"
"""Class of the error while a tool that is wanted may still appear."""
_WAITS: Final = 3


def build_no_model_failure(
    claimed: ClaimedSubtask, error: NoModel, *, served: Collection[str] | None
) -> Failure:
    """Return a failure that gives up, or waits for an executor or for a server of the operator.

    `served` has the lanes of running executors; None if none is known.
    """
    tried = list_failed_attempts(claimed)
    before = (
        f"every model that was tried failed: {quote_errors(tried).rstrip('.')}. Now "
        if tried
        else ""
    )
    # A lane disappears with its server, and is served again as soon as the server is back.
    waits = served is None or any(
        is_server_away(each) and each.model_id not in served for each in tried
    )
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="no_model",
            message=before + error.message,
            field=error.field,
            allowed=error.allowed or None,
            hint=suggest_next_steps(tried) or None,
        ),
        action=FailureAction.SNOOZE if waits else FailureAction.GIVE_UP,
        retry_after=compute_snooze(claimed, "no_model") if waits else None,
    )


def build_invalid_task_failure(claimed: ClaimedSubtask, error: InvalidTask) -> Failure:
    """Return a failure that gives up, and names what the owner must change.

    For tools that may appear it waits at first.
    """
    if isinstance(error, ToolNotUsable) and error.may_appear and not _has_waited(claimed):
        return Failure(
            ref=claimed.ref,
            error=ErrorInfo(class_=NO_TOOL, message=error.message, field=error.field),
            action=FailureAction.SNOOZE,
            retry_after=compute_snooze(claimed, NO_TOOL),
        )
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=error.error_class if isinstance(error, ToolNotUsable) else "invalid_task",
            message=error.message,
            field=error.field,
            allowed=error.allowed or None,
        ),
        action=FailureAction.GIVE_UP,
    )


def _has_waited(claimed: ClaimedSubtask) -> bool:
    """Return whether it was waited long enough for a server of tools that has just started."""
    waits = [each for each in claimed.history if (each.error or {}).get("class") == NO_TOOL]
    return len(waits) >= _WAITS
