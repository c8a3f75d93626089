"""Who may try again after a model's call failed."""

from datetime import datetime, timedelta
from typing import Final

from agents.runtime.failed_attempts import (
    is_temporary,
    list_failed_attempts,
    read_error_class,
    read_retry_at,
    summarize_errors,
)
from agents.selection.request import CHECK_FAILED
from protocol.ids import utc_now
from protocol.json_values import repair_surrogates
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction, Usage
from providers.errors import CallFailed, CircuitOpen, NotAsked, ProviderError, UnknownModel

SAME_MODEL_TRIES = 2
"""After so many failures the subtask goes back to the CIO, for another model may do better."""

LONGEST_PARKING: Final = timedelta(minutes=5)
"""A model that asks to be left alone for longer is waited for only if no other may do the work."""

MESSAGE_CHARACTERS = 2_000
"""Some vendors send a page of HTML."""


def build_failure(error: ProviderError, claimed: ClaimedSubtask, usage: Usage | None) -> Failure:
    """Classify: the same model later, another model now, or nobody."""
    called = error if isinstance(error, CallFailed) else None
    wait = called.retry_after if called else None
    until = None if wait is None or wait <= LONGEST_PARKING else utc_now() + wait
    message = repair_surrogates(str(error))[:MESSAGE_CHARACTERS]
    if until is not None:
        message += f" (not to be asked again before {_shown(until)})"
    if before := summarize_errors(list_failed_attempts(claimed)):
        message += f" (before that, {before})"
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=error.code,
            message=message,
            status=called.status if called else None,
            vendor=called.vendor if called else None,
            hint=(type(error).__doc__ or "").splitlines()[0],
            retry_at=until,
        ),
        action=_action(error, claimed, is_long=until is not None),
        retry_after=wait,
        usage=usage,
    )


def build_check_failure(claimed: ClaimedSubtask, problem: str, usage: Usage) -> Failure:
    """Hand an answer that a check refused back to the CIO, which planned for that."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=CHECK_FAILED,
            message=repair_surrogates(f"the answer of {claimed.lane} was refused: {problem}"),
            hint="A cascade goes on with the next dearer model.",
        ),
        action=FailureAction.REROUTE,
        usage=usage,
    )


def build_snooze(claimed: ClaimedSubtask, *, now: datetime) -> Failure | None:
    """Return how to wait for a model that must not be asked yet; None when it may be asked.

    The CIO sends work back to such a model only when no other may do it.
    """
    waits = [
        (until, each)
        for each in list_failed_attempts(claimed)
        if each.model_id == claimed.lane and (until := read_retry_at(each)) and until > now
    ]
    if not waits:
        return None
    until, last = waits[-1]
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=read_error_class(last),
            message=f"{claimed.lane} is not to be asked before {_shown(until)}, and no other model "
            "may do this",
            hint="Allow another model, or add a key of another provider.",
            retry_at=until,
        ),
        action=FailureAction.SNOOZE,
        retry_after=until - now,
    )


def _action(error: ProviderError, claimed: ClaimedSubtask, *, is_long: bool) -> FailureAction:
    if isinstance(error, NotAsked) and error.retry_after is not None:
        # Nothing was tried, so nothing is spent. The CIO is asked once whether another model may do
        # what this one cannot do now; when it sends the work back here, the work waits here.
        is_news = (is_long or isinstance(error, CircuitOpen)) and not _came_back(claimed)
        return FailureAction.REROUTE if is_news and error.reroute else FailureAction.SNOOZE
    if is_long and error.retryable:
        return FailureAction.RETRY if _came_back(claimed) else FailureAction.REROUTE
    if error.retryable and claimed.failures + 1 < SAME_MODEL_TRIES:
        return FailureAction.RETRY
    # The CIO stamped the name, not the person: here it means that this catalogue lacks the model.
    if error.reroute or isinstance(error, UnknownModel):
        return FailureAction.REROUTE
    return FailureAction.RETRY if error.retryable else FailureAction.GIVE_UP


def _came_back(claimed: ClaimedSubtask) -> bool:
    """Whether the CIO knows that this model cannot be asked now, and has nothing better."""
    return any(
        each.outcome == "rerouted" and each.model_id == claimed.lane and is_temporary(each)
        for each in list_failed_attempts(claimed)
    )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
