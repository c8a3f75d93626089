"""Runs one workflow to its end in this process: the real engine, with steps done by a function.

There is no database and no queue, so that thousands of tasks take minutes. Steps are done one after
the other, in the order in which the workflow asked for them.
"""

from collections.abc import Awaitable, Callable
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
from agents.workflows.hosting.memory_record import MemoryRecord
from protocol.ids import utc_now
from protocol.records import TaskBrief


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
    result: dict[str, Any] | None
    """The task's result; None if it failed."""


async def run_workflow(
    workflow: Workflow, task: TaskBrief, *, perform: PerformStep, decide: Decide
) -> WorkflowRun:
    """Advance a workflow and perform its steps until it has ended."""
    record = MemoryRecord(first_claimed_at=utc_now())
    while True:
        outcome = advance(workflow, task, record.build_lease())
        match outcome:
            case NeedsDecisions(requests=requests):
                record.decisions |= {each.key: decide(each) for each in requests}
            case Suspended():
                record.suspend(outcome)
                while not record.is_woken:
                    await _end_step(record, record.list_awaited()[0], perform)
            case Finished(text=text, output=output):
                return WorkflowRun(outcome=outcome, result={"text": text, **output})
            case HandedOver(step=step):
                record.add(step)
                result = await _end_step(record, step.key, perform)
                return WorkflowRun(outcome=outcome, result=result)
            case _:
                return WorkflowRun(outcome=outcome, result=None)


async def _end_step(record: MemoryRecord, key: str, perform: PerformStep) -> dict[str, Any] | None:
    done = await perform(record.requests[key])
    record.end(
        key,
        at=utc_now(),
        output=done.output,
        error=done.error,
        model=done.model,
        cost_usd=done.cost_usd,
    )
    return done.output
