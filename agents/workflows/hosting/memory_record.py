"""The record of a flow in memory, for workflows that are run without a database."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from agents.workflows.engine import StepRequest, Suspended
from protocol.lifecycle import SubtaskState
from protocol.records.flows import FlowRecord, StepRecord


class MemoryRecord:
    """Steps, their ends and decisions, changed by the same rules as in the database."""

    def __init__(self, *, first_claimed_at: datetime) -> None:
        self.steps: dict[str, StepRecord] = {}
        self.requests: dict[str, StepRequest] = {}
        self.decisions: dict[str, JsonValue] = {}
        self.deadline_passed = False
        self.ends = 0
        """How many steps have ended."""
        self._first_claimed_at = first_claimed_at
        self._marks: set[str] = set()
        self._left = 0

    def build_lease(self) -> FlowRecord:
        """Return the record as the lease of a flow carries it."""
        return FlowRecord(
            steps=list(self.steps.values()),
            decisions=self.decisions,
            first_claimed_at=self._first_claimed_at,
            deadline_passed=self.deadline_passed,
        )

    @property
    def is_woken(self) -> bool:
        """Whether the workflow can go on."""
        return self._left <= 0

    def list_open(self) -> list[str]:
        """Return the keys of the steps that have not ended."""
        return [each.key for each in self.steps.values() if not each.has_ended]

    def list_awaited(self) -> list[str]:
        """Return the keys of the open steps that the workflow waits for."""
        return [key for key in self.list_open() if key in self._marks]

    def add(self, request: StepRequest) -> None:
        """Add a step."""
        self.requests[request.key] = request
        self.steps[request.key] = StepRecord(
            key=request.key,
            kind=request.kind,
            digest=request.digest,
            status=SubtaskState.QUEUED,
        )

    def suspend(self, suspended: Suspended) -> None:
        """Add new steps, cancel those that are not needed, and mark those that are awaited."""
        for request in suspended.steps:
            self.add(request)
        for key in suspended.cancel:
            self._update(key, status=SubtaskState.CANCELLED, not_needed=True)
        self._marks = set(suspended.awaits)
        self._left = len(self._marks) if suspended.wait == "all" else 1

    def end(
        self,
        key: str,
        *,
        at: datetime,
        output: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        model: str | None = None,
        cost_usd: Decimal | None = None,
    ) -> None:
        """End a step with its output, or with the error for which it failed."""
        self.ends += 1
        self._update(
            key,
            status=SubtaskState.FAILED if error else SubtaskState.COMPLETED,
            end_no=self.ends,
            ended_at=at,
            attempt=1,
            model_id=model,
            cost_usd=cost_usd,
            output=None if error or output is None else dict(output),
            error=dict(error) if error else None,
        )
        if key in self._marks:
            self._marks.discard(key)
            self._left -= 1

    def _update(self, key: str, **changes: Any) -> None:
        self.steps[key] = self.steps[key].model_copy(update=changes)
