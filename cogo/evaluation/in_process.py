"""Runs one workflow to its end in this process: the real engine, with steps done by a function.

There is no database and no queue, so that thousands of tasks take minutes. Steps are done one after
the other, in the order in which the workflow asked for them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from agents.workflows.engine import (
    Advance,
    DecisionRequest,
    Finished,
    HandedOver,
    NeedsDecisions,
    StepRequest,
    Suspended,
    Workflow,
    advance,
)
from protocol.ids import utc_now
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """The end of a step: its output, or why it failed."""

    output: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    model: str | None = None
    cost_usd: Decimal | None = None


PerformStep = Callable[[StepRequest], Awaitable[StepDone]]
Decide = Callable[[DecisionRequest], JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """How a workflow has ended."""

    outcome: Advance
    steps: Sequence[StepRecord]
    result: dict[str, Any] | None
    """The task's result; None if it failed."""


async def run_workflow(
    workflow: Workflow, task: TaskBrief, *, perform: PerformStep, decide: Decide
) -> WorkflowRun:
    """Advance a workflow and perform its steps until it has ended."""
    flow = _Flow(perform)
    while True:
        outcome = advance(workflow, task, flow.record)
        match outcome:
            case NeedsDecisions(requests=requests):
                flow.decisions |= {each.key: decide(each) for each in requests}
            case Suspended():
                await flow.perform_until_woken(outcome)
            case Finished(text=text, output=output):
                return flow.conclude(outcome, {"text": text, **output})
            case HandedOver(step=step):
                flow.add(step)
                return flow.conclude(outcome, await flow.perform(step))
            case _:
                return flow.conclude(outcome, None)


class _Flow:
    """The record of a workflow, as the database would keep it."""

    def __init__(self, perform: PerformStep) -> None:
        self.decisions: dict[str, JsonValue] = {}
        self._perform = perform
        self._began_at = utc_now()
        self._requests: dict[str, StepRequest] = {}
        self._steps: dict[str, StepRecord] = {}
        self._ends = 0

    @property
    def record(self) -> FlowRecord:
        return FlowRecord(
            steps=list(self._steps.values()),
            decisions=self.decisions,
            first_claimed_at=self._began_at,
        )

    def add(self, request: StepRequest) -> None:
        self._requests[request.key] = request
        self._steps[request.key] = StepRecord(
            key=request.key,
            kind=request.kind,
            digest=request.digest,
            status=SubtaskState.QUEUED,
        )

    async def perform_until_woken(self, suspended: Suspended) -> None:
        for request in suspended.steps:
            self.add(request)
        for key in suspended.cancel:
            self._change(key, status=SubtaskState.CANCELLED, not_needed=True)
        awaited = [key for key in suspended.awaits if not self._steps[key].has_ended]
        for key in awaited:
            await self.perform(self._requests[key])
            if suspended.wait == "any":
                return

    async def perform(self, request: StepRequest) -> dict[str, Any] | None:
        done = await self._perform(request)
        self._ends += 1
        self._change(
            request.key,
            status=SubtaskState.FAILED if done.error else SubtaskState.COMPLETED,
            end_no=self._ends,
            ended_at=utc_now(),
            attempt=1,
            model_id=done.model,
            cost_usd=done.cost_usd,
            output=done.output,
            error=done.error,
        )
        return done.output

    def conclude(self, outcome: Advance, result: dict[str, Any] | None) -> WorkflowRun:
        return WorkflowRun(outcome=outcome, steps=list(self._steps.values()), result=result)

    def _change(self, key: str, **changes: Any) -> None:
        self._steps[key] = self._steps[key].model_copy(update=changes)
