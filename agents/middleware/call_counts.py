"""What calls say about the place where they were made: pure bookkeeping between two reports."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any, Literal
from uuid import UUID

from protocol.records.deployments import CallsReport, Draw
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

_ERROR_CHARACTERS = 500

WORTH_TELLING = timedelta(seconds=5)
"""A shorter wait is over before others hear of it."""

TrialState = Literal["running", "answered", "failed", "void"]


class CallOutcome(Enum):
    """What the end of one call says about its deployment."""

    ANSWERED = auto()
    """It works, also when it only said that it will not do this."""
    FAILED = auto()
    """The vendor failed."""
    UNREACHABLE = auto()
    """No connection, which may be our own fault."""
    LIMITED = auto()
    """It works, and wants fewer calls."""
    NOTHING = auto()
    """Nobody waited for the end, or nothing was sent."""


def classify_call(report: CallReport) -> CallOutcome:
    """Judge one call by its end."""
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
    return CallOutcome.ANSWERED  # it refused the key or the request, so it is alive


@dataclass(slots=True, kw_only=True)
class CallCounts:
    """What was seen of one deployment since the last report."""

    deployment: str
    model_id: str
    provider: str
    answered: int = 0
    failed: int = 0
    in_a_row: int = 0
    unreachable: int = 0
    """Unlike the others this is not forgotten with a report: it is a row up to now."""
    tried: bool = False
    retry_after: timedelta = timedelta()
    error: dict[str, Any] | None = None
    trial: tuple[UUID, TrialState] | None = None
    given_back: list[Draw] = field(default_factory=list)

    def note(self, report: CallReport, *, others_may_ask: bool) -> CallOutcome:
        """Count one call. With more keys (`others_may_ask`) its limit is not everybody's."""
        verdict = classify_call(report)
        error = report.error
        if isinstance(error, CallFailed) and verdict is not CallOutcome.NOTHING:
            self.error = {
                "class": error.code,
                "message": str(error)[:_ERROR_CHARACTERS],
                "status": error.status,
            }
            wait = error.retry_after or timedelta()
            if wait >= WORTH_TELLING and not others_may_ask:
                self.retry_after = max(self.retry_after, wait)
        match verdict:
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
        self.tried = self.tried or verdict is not CallOutcome.NOTHING
        return verdict

    def report(self, *, concurrency: int | None, running: int | None) -> CallsReport:
        """Give what is to be told."""
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

    def after_report(self) -> "CallCounts":
        """What goes on: the row of failed connections, and a trial that still runs."""
        goes_on = self.trial is not None and self.trial[1] == "running"
        return CallCounts(
            deployment=self.deployment,
            model_id=self.model_id,
            provider=self.provider,
            unreachable=self.unreachable,
            trial=self.trial if goes_on else None,
        )
