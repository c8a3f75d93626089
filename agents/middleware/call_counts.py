"""Counts of a deployment's calls between two reports to the database."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any, Literal
from uuid import UUID

from protocol.records.models import CallsReport, Draw
from providers.calls.middleware import CallReport
from providers.errors import (
    CallFailed,
    ConnectionFailed,
    IncompleteStream,
    MalformedResponse,
    NotAsked,
    Overloaded,
    RateLimited,
    TimedOut,
    TimeoutPhase,
)

_MAX_ERROR_CHARACTERS = 500

MIN_REPORTED_WAIT = timedelta(seconds=5)
"""A shorter Retry-After is over before other executors are informed of it."""

TrialState = Literal["running", "answered", "failed", "void"]


class CallOutcome(Enum):
    """The meaning of one call's end for its deployment."""

    ANSWERED = auto()
    """It works, even if it refused this request."""
    FAILED = auto()
    """The vendor failed."""
    UNREACHABLE = auto()
    """No connection, which may be the fault of this machine."""
    LIMITED = auto()
    """It works but asks for fewer calls."""
    NOTHING = auto()
    """The call was cancelled, or nothing was sent."""


def classify_call(report: CallReport) -> CallOutcome:
    """Return the outcome of a call."""
    error = report.error
    if report.done is not None:
        return CallOutcome.ANSWERED
    if not report.sent or not isinstance(error, CallFailed) or isinstance(error, NotAsked):
        return CallOutcome.NOTHING
    if isinstance(error, RateLimited):
        return CallOutcome.LIMITED
    if isinstance(error, TimedOut) and error.phase is TimeoutPhase.CONNECT:
        return CallOutcome.UNREACHABLE
    if isinstance(error, ConnectionFailed):
        return CallOutcome.UNREACHABLE if report.first_token is None else CallOutcome.FAILED
    if isinstance(error, TimedOut | Overloaded | MalformedResponse | IncompleteStream):
        return CallOutcome.FAILED
    return CallOutcome.ANSWERED  # it refused the key or the request, so it works


@dataclass(slots=True, kw_only=True)
class CallCounts:
    """The calls of one deployment since the last report."""

    deployment: str
    model_id: str
    provider: str
    answered: int = 0
    failed: int = 0
    in_a_row: int = 0
    unreachable: int = 0
    """Consecutive; unlike the other counts it is not reset by a report."""
    tried: bool = False
    retry_after: timedelta = timedelta()
    error: dict[str, Any] | None = None
    trial: tuple[UUID, TrialState] | None = None
    given_back: list[Draw] = field(default_factory=list)

    def add(self, report: CallReport, *, has_spare_keys: bool) -> CallOutcome:
        """Count one call. A limit of one key is not reported if there are spare keys."""
        outcome = classify_call(report)
        error = report.error
        if isinstance(error, CallFailed) and outcome is not CallOutcome.NOTHING:
            self.error = {
                "class": error.code,
                "message": str(error)[:_MAX_ERROR_CHARACTERS],
                "status": error.status,
            }
            wait = error.retry_after or timedelta()
            if wait >= MIN_REPORTED_WAIT and not has_spare_keys:
                self.retry_after = max(self.retry_after, wait)
        match outcome:
            case CallOutcome.ANSWERED:
                self.answered += 1
                self.in_a_row = self.unreachable = 0
            case CallOutcome.FAILED:
                self.failed += 1
                self.in_a_row += 1
                self.unreachable = 0
            case CallOutcome.UNREACHABLE:
                self.unreachable += 1
            case CallOutcome.LIMITED:
                self.unreachable = 0
            case CallOutcome.NOTHING:
                pass
        self.tried = self.tried or outcome is not CallOutcome.NOTHING
        return outcome

    def build_report(self, *, concurrency: int | None, running: int | None) -> CallsReport:
        """Return the report for the database."""
        trial_id, trial = self.trial or (None, None)
        return CallsReport(
            deployment=self.deployment,
            model_id=self.model_id,
            provider=self.provider,
            answered=self.answered,
            failed=self.failed,
            in_a_row=self.in_a_row,
            unreachable=self.unreachable if self.tried else None,
            retry_after_seconds=self.retry_after.total_seconds() or None,
            error=self.error,
            concurrency=concurrency,
            running=running,
            trial=trial,
            trial_id=trial_id,
            given_back=self.given_back,
        )

    def reset(self) -> "CallCounts":
        """Return new counts that keep the consecutive failed connections and a running trial."""
        goes_on = self.trial is not None and self.trial[1] == "running"
        return CallCounts(
            deployment=self.deployment,
            model_id=self.model_id,
            provider=self.provider,
            unreachable=self.unreachable,
            trial=self.trial if goes_on else None,
        )
