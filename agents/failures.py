"""Who may try again after a model's call failed."""

from agents.mending import mended
from agents.selection.case import CHECK_FAILED
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction, Usage
from providers.errors import CallFailed, CircuitOpen, NotAsked, ProviderError, UnknownModel

SAME_MODEL_TRIES = 2
"""After so many failures the subtask goes back to the CIO, for another model may do better."""


MESSAGE_CHARACTERS = 2_000
"""Some vendors send a page of HTML."""


def failure_of(error: ProviderError, claimed: ClaimedSubtask, usage: Usage | None) -> Failure:
    """Classify: the same model later, another model now, or nobody."""
    called = error if isinstance(error, CallFailed) else None
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=error.code,
            message=mended(str(error))[:MESSAGE_CHARACTERS],
            status=called.status if called else None,
            vendor=called.vendor if called else None,
            hint=(type(error).__doc__ or "").splitlines()[0],
        ),
        action=_action(error, claimed),
        retry_after=called.retry_after if called else None,
        usage=usage,
    )


def refused(claimed: ClaimedSubtask, problem: str, usage: Usage) -> Failure:
    """Hand an answer that a check refused back to the CIO, which planned for that."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=CHECK_FAILED,
            message=mended(f"the answer of {claimed.lane} was refused: {problem}"),
            hint="A cascade goes on with the next dearer model.",
        ),
        action=FailureAction.REROUTE,
        usage=usage,
    )


def _action(error: ProviderError, claimed: ClaimedSubtask) -> FailureAction:
    if isinstance(error, NotAsked) and error.retry_after is not None:
        # Nothing was tried, so nothing is spent. The CIO is asked once whether another model may do
        # what this one cannot do now; when it sends the work back here, the work waits here.
        is_news = isinstance(error, CircuitOpen) and not _came_back(claimed)
        return FailureAction.REROUTE if is_news else FailureAction.SNOOZE
    if error.retryable and claimed.failures + 1 < SAME_MODEL_TRIES:
        return FailureAction.RETRY
    # The CIO stamped the name, not the person: here it means that this catalogue lacks the model.
    if error.reroute or isinstance(error, UnknownModel):
        return FailureAction.REROUTE
    return FailureAction.RETRY if error.retryable else FailureAction.GIVE_UP


def _came_back(claimed: ClaimedSubtask) -> bool:
    """Whether the CIO knows that this model's circuit is open, and has nothing better."""
    return any(
        each.outcome == "rerouted"
        and each.model_id == claimed.lane
        and (each.error or {}).get("class") == CircuitOpen.code
        for each in claimed.history
    )
