"""Tasks, records and workflows for tests."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from agents.workflows.engine import (
    Advance,
    FlowFailed,
    Run,
    StepRequest,
    Workflow,
    workflow,
)
from cogo.testing import START
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

TASK = TaskBrief(id=UUID(int=1), type="TEST", prompt="Do it.", params={})


def a_flow(function: Callable[[Run], Awaitable[Any]]) -> Workflow:
    return workflow("TEST")(function)


def a_step(key: str, end_no: int | None = None, **changes: Any) -> StepRecord:
    ended = end_no is not None
    values: dict[str, Any] = {
        "kind": "ask",
        "status": SubtaskState.COMPLETED if ended else SubtaskState.QUEUED,
        "end_no": end_no,
        "ended_at": START + timedelta(minutes=end_no or 0) if ended else None,
        "output": {"text": key} if ended else None,
    }
    return StepRecord(key=key, **values | changes)


def a_record(*steps: StepRecord, **changes: Any) -> FlowRecord:
    return FlowRecord(steps=list(steps), first_claimed_at=START, **changes)


def get_failure(outcome: Advance) -> tuple[str, str]:
    assert isinstance(outcome, FlowFailed)
    return outcome.error_class, outcome.message


def echo(request: StepRequest) -> str:
    return request.key
