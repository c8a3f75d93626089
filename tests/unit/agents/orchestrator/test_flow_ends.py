"""Results of workflows."""

from typing import Any

import pytest

from agents.orchestrator.flows.ends import build_finish
from agents.workflows.engine import Finished
from protocol.ids import utc_now
from protocol.records.flows import FlowRecord, StepRecord
from tests.support.agents.subtasks import a_plan

_PASSED = "2 of 2 tests passed"


def a_step(key: str, end_no: int, kind: str = "ask", **fields: Any) -> StepRecord:
    row = {"key": key, "kind": kind, "status": "completed", "end_no": end_no, "attempt": 1}
    return StepRecord.model_validate(row | fields)


@pytest.mark.parametrize(
    ("output", "models", "checks"),
    [
        ({}, ["b-model", "a-model"], [{"key": "check", "text": _PASSED}]),
        ({"model_used": "a-model", "verification": {"status": "unverified"}}, None, None),
        ({"models": "mine"}, "mine", [{"key": "check", "text": _PASSED}]),
    ],
)
def test_a_result_names_the_models_of_its_steps_and_what_its_checks_said(
    output: dict[str, Any], models: object, checks: object
) -> None:
    steps = [
        a_step("a", 2, model_id="a-model"),
        a_step("b", 1, model_id="b-model"),
        a_step("c", 3, model_id="b-model"),
        a_step("lost", 5, model_id="c-model", status="failed"),
        a_step("check", 4, "check", output={"text": _PASSED}),
    ]
    flow = FlowRecord(steps=steps, first_claimed_at=utc_now())

    done = build_finish(a_plan(kind="flow", flow=flow), Finished(text="t", output=output), [])

    assert done.output["text"] == "t"
    assert done.output.get("models") == models
    assert done.output.get("checks") == checks


def test_a_check_whose_output_the_lease_leaves_out_is_named_with_its_status() -> None:
    step = a_step("check", 1, "check", is_output_left_out=True)
    flow = FlowRecord(steps=[step], first_claimed_at=utc_now())

    done = build_finish(a_plan(kind="flow", flow=flow), Finished(text="t", output={}), [])

    assert done.output["checks"] == [{"key": "check", "text": "completed"}]
