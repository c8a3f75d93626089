"""The failure policy: retry, reroute, snooze or give up after a failed call.

Retry: the same model, after a backoff. Reroute: back to the CIO for another model. Snooze: later,
without spending a try. Give up: dead letter.
"""

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
"""Failures after which the CIO chooses again, as another model may do better."""

MAX_SNOOZE: Final = timedelta(minutes=5)
"""A vendor that asks for a longer wait is waited for only if no other model is eligible."""

MAX_MESSAGE_CHARACTERS = 2_000
"""Some vendors send a page of HTML."""


def build_failure(error: ProviderError, claimed: ClaimedSubtask, usage: Usage | None) -> Failure:
    """Return the failure for an error of a call, with the action that `decide_action` chooses."""
    called = error if isinstance(error, CallFailed) else None
    wait = called.retry_after if called else None
    until = None if wait is None or wait <= MAX_SNOOZE else utc_now() + wait
    message = repair_surrogates(str(error))[:MAX_MESSAGE_CHARACTERS]
    if until is not None:
        message += f" (not to be called again before {_format_time(until)})"
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
        action=decide_action(error, claimed, is_long=until is not None),
        retry_after=wait,
        usage=usage,
    )


def build_check_failure(claimed: ClaimedSubtask, problem: str, usage: Usage) -> Failure:
    """Return the failure for an answer that failed a check, in a cascade that goes on."""
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
    """Return the failure that waits for a model that must not be called yet, else None.

    The CIO routes work to such a model only if no other one is eligible.
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
            message=f"{claimed.lane} is not to be called before {_format_time(until)}, "
            "and no other model may do this",
            hint="Allow another model, or add a key of another provider.",
            retry_at=until,
        ),
        action=FailureAction.SNOOZE,
        retry_after=until - now,
    )


def decide_action(error: ProviderError, claimed: ClaimedSubtask, *, is_long: bool) -> FailureAction:
    """Return who may try again. `is_long`: the vendor asks to wait longer than `MAX_SNOOZE`."""
    if isinstance(error, NotAsked) and error.retry_after is not None:
        # Nothing was sent, so no try is spent. The CIO may choose another model once; if it routes
        # the work back here, the work waits here.
        is_new = (is_long or isinstance(error, CircuitOpen)) and not _was_rerouted_back(claimed)
        return FailureAction.REROUTE if is_new and error.reroute else FailureAction.SNOOZE
    if is_long and error.retryable:
        return FailureAction.RETRY if _was_rerouted_back(claimed) else FailureAction.REROUTE
    if error.retryable and claimed.failures + 1 < SAME_MODEL_TRIES:
        return FailureAction.RETRY
    # The CIO stamped the name, so an unknown one means that this executor's catalogue lacks it.
    if error.reroute or isinstance(error, UnknownModel):
        return FailureAction.REROUTE
    return FailureAction.RETRY if error.retryable else FailureAction.GIVE_UP


def _was_rerouted_back(claimed: ClaimedSubtask) -> bool:
    """Return whether the CIO routed back here although it knows that the model must wait."""
    return any(
        each.outcome == "rerouted" and each.model_id == claimed.lane and is_temporary(each)
        for each in list_failed_attempts(claimed)
    )


def _format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
