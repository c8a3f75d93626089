"""Earlier failed attempts at a subtask, for decisions about the next one and for messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from protocol.backoff import compute_backoff
from protocol.records import ClaimedSubtask
from protocol.records.leases import EarlierAttempt
from providers import errors
from providers.errors import ProviderError

MAX_SHOWN: Final = 300
"""Maximum characters of one vendor's message when several are quoted."""

_TIME: Final = TypeAdapter(AwareDatetime)
_TRY_LATER: Final = "try again later: `cogo tasks redrive TASK`"
_NEXT_STEPS: Final[Mapping[type[ProviderError], str]] = {
    errors.AuthenticationFailed: "replace the key of {provider} (`cogo doctor`)",
    errors.PermissionDenied: "allow the key of {provider} to use this model",
    errors.BudgetExhausted: "add credit or quota at {provider}",
    errors.ConnectionFailed: "start the server of {provider} if it is yours, or try again later",
    errors.ModelNotFound: "use another model (`cogo models`)",
    errors.ContextTooLong: "shorten the prompt",
    errors.ContentFiltered: "change what the prompt asks for",
    errors.EmptyAnswer: "raise params.max_output_tokens, or use another model",
    errors.BadToolCalls: "use a model that is better at calling tools, or fewer and simpler tools",
    errors.SpendCapReached: "raise the cap (`cogo budget`)",
    errors.ProviderCapReached: "raise the cap (`cogo budget`)",
    errors.NotServed: "start an executor or server for the model (`cogo doctor`)",
    errors.ModelNotGranted: "have the model granted (`cogo grants`)",
    errors.Banned: "have the model allowed (`cogo models allow`)",
}


def list_failed_attempts(claimed: ClaimedSubtask) -> list[EarlierAttempt]:
    """Return the failed attempts since the subtask was created or redriven.

    Drains and deaths of agents are omitted, because they are not failures of a model.
    """
    failed = [each for each in claimed.history if each.outcome in {"failed", "rerouted"}]
    return failed[-claimed.failures :] if claimed.failures else []


def read_error_class(attempt: EarlierAttempt) -> str:
    """Return the class of the attempt's error."""
    return str((attempt.error or {}).get("class") or "failed")


def read_retry_at(attempt: EarlierAttempt) -> datetime | None:
    """Return when the vendor may be called again, if it said so."""
    try:
        return _TIME.validate_python((attempt.error or {}).get("retry_at"))
    except ValidationError:
        return None


def is_temporary(attempt: EarlierAttempt) -> bool:
    """Return whether the failure is temporary, so that the model may be used after a wait."""
    code = read_error_class(attempt)
    return code == errors.CircuitOpen.code or read_retry_at(attempt) is not None


def compute_snooze(claimed: ClaimedSubtask, error_class: str) -> timedelta:
    """Return how long to wait before another look, longer each time."""
    failures = 1 + count_waits(claimed, error_class)
    return timedelta(seconds=compute_backoff(failures, first=2, longest=30))


def count_waits(claimed: ClaimedSubtask, error_class: str) -> int:
    """Return how many attempts ended with errors of this class."""
    return sum((each.error or {}).get("class") == error_class for each in claimed.history)


def is_server_away(attempt: EarlierAttempt) -> bool:
    """Return whether the connection to a server of the operator failed."""
    return read_error_class(attempt) == errors.ConnectionFailed.code and is_temporary(attempt)


def is_cap_of_provider(attempt: EarlierAttempt) -> bool:
    """Return whether the cap on a provider was reached, which people may raise."""
    return read_error_class(attempt) == errors.ProviderCapReached.code


def quote_errors(attempts: Sequence[EarlierAttempt]) -> str:
    """Return the last message of each model and provider."""
    messages = {
        _name_place(each): str((each.error or {}).get("message") or "failed") for each in attempts
    }
    return "; ".join(f"{place}: {_shorten(text)}" for place, text in messages.items())


def summarize_errors(attempts: Sequence[EarlierAttempt]) -> str:
    """Return the error class of each attempt, without duplicates."""
    classes = (f"{_name_place(each)}: {read_error_class(each)}" for each in attempts)
    return "; ".join(dict.fromkeys(classes))


def suggest_next_steps(attempts: Sequence[EarlierAttempt]) -> str:
    """Return what a user can do about the failures."""
    by_code = {kind.code: step for kind, step in _NEXT_STEPS.items()}
    steps = dict.fromkeys(
        by_code.get(read_error_class(each), _TRY_LATER).format(
            provider=each.provider or "the provider"
        )
        for each in attempts
    )
    return "; or ".join(steps)


def _name_place(attempt: EarlierAttempt) -> str:
    model = attempt.model_id or "no model"
    return f"{model} at {attempt.provider}" if attempt.provider else model


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
