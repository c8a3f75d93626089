"""The failure policy: retry, reroute, snooze or give up after a failed call.

Retry: the same model, after a backoff. Reroute: back to the CIO for another model. Snooze: later,
without counting a failure. Give up: dead letter.
"""

from datetime import datetime, timedelta
from typing import Final

from agents.attachments import AttachmentInvalid, AttachmentUnavailable
from agents.executor.response import ResponseBuilder
from agents.executor.steps.calls import NOT_BEGUN
from agents.memory.conversation import History
from agents.runtime.attempt import WorkFailed, WorkWaits
from agents.runtime.failed_attempts import (
    compute_snooze,
    is_temporary,
    list_failed_attempts,
    read_error_class,
    read_retry_at,
    summarize_errors,
)
from protocol.ids import utc_now
from protocol.json_values import repair_surrogates
from protocol.records import (
    Checkpoint,
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    ToolWait,
    Usage,
)
from providers.catalogue.catalogue import Catalogue
from providers.errors import (
    BadToolCalls,
    CallFailed,
    CircuitOpen,
    ConnectionFailed,
    NotAsked,
    NotServed,
    ProviderError,
    SpendCapReached,
    UnknownModel,
)

SAME_MODEL_TRIES = 2
"""Number of failures after which the CIO chooses again, because another model may succeed."""

MAX_SNOOZE: Final = timedelta(minutes=5)
"""If a vendor asks for a longer wait, the subtask waits only if no other model is eligible."""

MAX_MESSAGE_CHARACTERS = 2_000
"""Maximum length of a quoted message; some vendors send a page of HTML."""


SERVER_AWAY: Final = (
    "Start the model server again. If no other provider may be asked, the task waits for it."
)
"""What to do about a server of the operator that cannot be reached."""


def build_failure(
    error: ProviderError,
    claimed: ClaimedSubtask,
    usage: Usage | None,
    output: Checkpoint | None = None,
) -> Failure:
    """Return the failure for an error of a call, with the action that `decide_action` chooses."""
    called = error if isinstance(error, CallFailed) else None
    wait = called.retry_after if called else None
    is_away = isinstance(error, ConnectionFailed) and error.is_local
    if is_away:
        wait = compute_snooze(claimed, error.code)
    until = utc_now() + wait if wait is not None and (is_away or wait > MAX_SNOOZE) else None
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
            hint=SERVER_AWAY if is_away else (type(error).__doc__ or "").splitlines()[0],
            retry_at=until,
        ),
        action=decide_action(error, claimed, is_long=until is not None),
        retry_after=wait,
        usage=usage,
        output=output,
    )


def end_attempt(
    error: ProviderError,
    claimed: ClaimedSubtask,
    usage: Usage | None,
    history: History | None = None,
    output: Checkpoint | None = None,
) -> WorkFailed | WorkWaits:
    """Return how an attempt ends after an error of a call: as failed, or waiting for a budget.

    `output` is what it had written. An answer that did not fit beside the conversation is asked for
    again with less of it.
    """
    question = error.question if isinstance(error, SpendCapReached) else None
    if question is None or _may_avoid_cap(error, claimed):
        failure = build_failure(error, claimed, usage, output)
        if history is not None and history.shorten_after(error):
            failure = failure.model_copy(update={"action": FailureAction.RETRY})
        return WorkFailed(failure)
    wait = ToolWait(budget=question)
    return WorkWaits(Completion(ref=claimed.ref, usage=usage, wait=wait))


def build_bad_calls_failure(
    error: BadToolCalls, claimed: ClaimedSubtask, catalogue: Catalogue
) -> Failure:
    """Return the failure of a model whose calls cannot be run; another one is tried.

    Not if the task names this model. What the attempt has cost is added later.
    """
    failure = build_failure(error, claimed, usage=None)
    if not _is_named(claimed, catalogue):
        return failure
    message = f"{failure.error.message} No other model is asked, as the task names this one."
    info = failure.error.model_copy(update={"message": message, "field": "model"})
    return failure.model_copy(update={"error": info, "action": FailureAction.GIVE_UP})


def _is_named(claimed: ClaimedSubtask, catalogue: Catalogue) -> bool:
    """Return whether the task asks for this model, and not for a role, which others may have."""
    name = claimed.task.model
    if name is None or name.strip().lower() in catalogue.roles:
        return False
    try:
        found = catalogue.resolve(name)
    except UnknownModel:
        return name == claimed.lane
    return claimed.lane in {name, found.requested_id, found.model.id}


def end_irreplaceable(error: ProviderError, claimed: ClaimedSubtask) -> WorkFailed | WorkWaits:
    """Return how an attempt ends whose model no other may replace: embeddings, rankings.

    What it has cost is in the audit log, from which the database books it.
    """
    ending = end_attempt(error, claimed, usage=None)
    if isinstance(ending, WorkWaits):
        return ending
    if isinstance(error, NotAsked) and error.retry_after is not None:
        action = FailureAction.SNOOZE
    else:
        # The orchestrator has checked the model, so another executor can call it.
        is_retried = error.retryable or isinstance(error, NotServed | UnknownModel)
        action = FailureAction.RETRY if is_retried else FailureAction.GIVE_UP
    failure = build_failure(error, claimed, usage=None)
    return WorkFailed(failure.model_copy(update={"action": action}))


def shorten_history(history: History, error: ProviderError, response: ResponseBuilder) -> bool:
    """Return whether to ask the same model at once with less of the conversation.

    Not after the first word of an answer, which watchers have read and somebody has paid.
    """
    has_begun = bool(response.text or response.reasoning or response.tokens)
    return not has_begun and history.shorten_after(error)


def _may_avoid_cap(error: ProviderError, claimed: ClaimedSubtask) -> bool:
    """Return whether the CIO may find a model of another provider before people are asked."""
    if not error.reroute or claimed.task.model is not None or claimed.kind != "ask":
        return False
    return not any(
        each.model_id == claimed.lane and read_error_class(each) == error.code
        for each in list_failed_attempts(claimed)
    )


def build_file_failure(
    error: AttachmentInvalid | AttachmentUnavailable, claimed: ClaimedSubtask
) -> Failure:
    """Return the failure for a file that no model gets; nothing was sent."""
    is_final = isinstance(error, AttachmentInvalid)
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="invalid_attachment" if is_final else "attachment_unavailable",
            message=repair_surrogates(str(error))[:MAX_MESSAGE_CHARACTERS],
            field="params.attachments",
        ),
        action=FailureAction.GIVE_UP if is_final else FailureAction.RETRY,
    )


def build_handing_back(claimed: ClaimedSubtask) -> Failure:
    """Return the failure with which an agent that stops hands back a loop, at once."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=NOT_BEGUN, message="The agent stopped between two turns of a tool loop."
        ),
        action=FailureAction.SNOOZE,
        retry_after=timedelta(0),
    )


def build_snooze(claimed: ClaimedSubtask, *, now: datetime) -> Failure | None:
    """Return a snooze if the model must not be called yet, else None.

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
            message=f"{claimed.lane} must not be called before {_format_time(until)}, "
            "and no other model is eligible",
            hint="Allow another model, or add a key of another provider.",
            retry_at=until,
        ),
        action=FailureAction.SNOOZE,
        retry_after=until - now,
    )


def decide_action(error: ProviderError, claimed: ClaimedSubtask, *, is_long: bool) -> FailureAction:
    """Return the action. `is_long`: the model must not be called before a stored time.

    That is, the vendor asks for a longer wait than `MAX_SNOOZE`, or a server of the operator is
    away: other models there would fail, too. Only calls that were sent count, so that a request
    that stops its server each time is not repeated for ever.
    """
    if isinstance(error, NotAsked) and error.retry_after is not None:
        # Nothing was sent, so no failure is counted. The CIO may choose another model once; if it
        # routes the subtask back here, the subtask waits here.
        is_new = (is_long or isinstance(error, CircuitOpen)) and not _was_rerouted_back(claimed)
        return FailureAction.REROUTE if is_new and error.reroute else FailureAction.SNOOZE
    if is_long and error.retryable:
        if not _was_rerouted_back(claimed):
            return FailureAction.REROUTE
        was_sent = not (isinstance(error, ConnectionFailed) and error.was_refused)
        return FailureAction.RETRY if was_sent else FailureAction.SNOOZE
    if error.retryable and claimed.failures + 1 < SAME_MODEL_TRIES:
        return FailureAction.RETRY
    # The CIO stamped the name, so an unknown one means that this executor's catalogue lacks it.
    if error.reroute or isinstance(error, UnknownModel):
        return FailureAction.REROUTE
    return FailureAction.RETRY if error.retryable else FailureAction.GIVE_UP


def _was_rerouted_back(claimed: ClaimedSubtask) -> bool:
    """Return whether the CIO chose this model again after it had failed temporarily."""
    return any(
        each.outcome == "rerouted" and each.model_id == claimed.lane and is_temporary(each)
        for each in list_failed_attempts(claimed)
    )


def _format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
