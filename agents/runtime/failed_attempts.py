"""What was tried at a subtask before, for those who decide what comes next and for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from protocol.records import ClaimedSubtask
from protocol.records.leases import EarlierAttempt
from providers import errors
from providers.errors import ProviderError

SHOWN_CHARACTERS: Final = 300
"""Of what one vendor said, where several are quoted."""

_TIME: Final = TypeAdapter(AwareDatetime)
_LATER: Final = "try again later: `cogo tasks redrive TASK`"
_NEXT_STEPS: Final[Mapping[type[ProviderError], str]] = {
    errors.AuthenticationFailed: "replace the key of {provider} (`cogo doctor`)",
    errors.PermissionDenied: "let the key of {provider} use this model",
    errors.BudgetExhausted: "add credit or quota at {provider}",
    errors.ModelNotFound: "ask another model (`cogo models`)",
    errors.ContextTooLong: "shorten the prompt",
    errors.ContentFiltered: "change what the prompt asks for",
    errors.EmptyAnswer: "raise params.max_output_tokens, or ask another model",
    errors.SpendCapReached: "raise the cap (`cogo budget`)",
    errors.ProviderCapReached: "raise the cap (`cogo budget`)",
    errors.NotServed: "start what serves the model (`cogo doctor`)",
    errors.NotGranted: "have the model granted (`cogo grants`)",
    errors.Banned: "have the model allowed (`cogo models allow`)",
}


def list_failed_attempts(claimed: ClaimedSubtask) -> list[EarlierAttempt]:
    """Return the failed attempts since the subtask was made or last put back by hand.

    A drain or the death of an agent says nothing about a model.
    """
    failed = [each for each in claimed.history if each.outcome in {"failed", "rerouted"}]
    return failed[-claimed.failures :] if claimed.failures else []


def read_error_class(attempt: EarlierAttempt) -> str:
    """Return the class of its error."""
    return str((attempt.error or {}).get("class") or "failed")


def read_retry_at(attempt: EarlierAttempt) -> datetime | None:
    """Return when its vendor may be asked again, if it said so."""
    try:
        return _TIME.validate_python((attempt.error or {}).get("retry_at"))
    except ValidationError:
        return None


def is_temporary(attempt: EarlierAttempt) -> bool:
    """Whether to wait for its model is better than to have none."""
    return (
        read_error_class(attempt) == errors.CircuitOpen.code or read_retry_at(attempt) is not None
    )


def quote_errors(attempts: Sequence[EarlierAttempt]) -> str:
    """Return what each vendor said last, once for each model and provider."""
    said = {_place(each): str((each.error or {}).get("message") or "failed") for each in attempts}
    return "; ".join(f"{place}: {_shortened(text)}" for place, text in said.items())


def summarize_errors(attempts: Sequence[EarlierAttempt]) -> str:
    """Return in a few words how each attempt ended."""
    return "; ".join(
        dict.fromkeys(f"{_place(each)}: {read_error_class(each)}" for each in attempts)
    )


def suggest_next_steps(attempts: Sequence[EarlierAttempt]) -> str:
    """Return what a person can do about it."""
    by_code = {kind.code: step for kind, step in _NEXT_STEPS.items()}
    steps = dict.fromkeys(
        by_code.get(read_error_class(each), _LATER).format(provider=each.provider or "the provider")
        for each in attempts
    )
    return "; or ".join(steps)


def _place(attempt: EarlierAttempt) -> str:
    model = attempt.model_id or "no model"
    return f"{model} at {attempt.provider}" if attempt.provider else model


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
