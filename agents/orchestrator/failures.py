"""Failures of flows and of subtasks without a model, for the person whose task it is."""

from collections.abc import Collection
from typing import Final

from agents.errors import InvalidTask, NoModel, ToolNotUsable
from agents.runtime.failed_attempts import (
    compute_snooze,
    count_waits,
    is_server_away,
    list_failed_attempts,
    quote_errors,
    suggest_next_steps,
)
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction

NO_TOOL: Final = "no_tool"
"""Class of the error while a tool that is wanted may still appear."""
NO_MODEL: Final = "no_model"
"""Class of the error while no model is eligible."""
_WAITS: Final = 3
_WAITS_FOR_MODEL: Final = 23
"""About ten minutes, as long as checks and calls wait for an agent."""


def build_no_model_failure(
    claimed: ClaimedSubtask, error: NoModel, *, served: Collection[str] | None
) -> Failure:
    """Return a failure that gives up, or waits for an executor or for a server of the operator.

    `served` has the lanes of running executors; None if none is known.
    A step whose model nobody serves any more waits for it for some minutes.
    """
    tried = list_failed_attempts(claimed)
    before = (
        f"every model that was tried failed: {quote_errors(tried).rstrip('.')}. Now "
        if tried
        else ""
    )
    # A lane disappears with its server, and is served again as soon as the server is back.
    waits = (
        served is None
        or any(is_server_away(each) and each.model_id not in served for each in tried)
        or (not tried and _may_be_served_again(claimed))
    )
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=NO_MODEL,
            message=before + error.message,
            field=error.field,
            allowed=error.allowed or None,
            hint=suggest_next_steps(tried) or None,
        ),
        action=FailureAction.SNOOZE if waits else FailureAction.GIVE_UP,
        retry_after=compute_snooze(claimed, NO_MODEL) if waits else None,
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
    return count_waits(claimed, NO_TOOL) >= _WAITS


def _may_be_served_again(claimed: ClaimedSubtask) -> bool:
    """Return whether a step had a model, and has not waited long for it."""
    was_stamped = isinstance(claimed.params.get("model_id"), str)
    return was_stamped and count_waits(claimed, NO_MODEL) < _WAITS_FOR_MODEL
