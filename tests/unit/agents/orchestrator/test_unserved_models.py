"""Steps that came back to the CIO because no executor serves their model any more."""

from datetime import timedelta

import pytest

from agents.runtime.attempt import WorkFailed
from protocol.records import Failure, FailureAction
from tests.support.agents.flows import LANES, handle
from tests.support.agents.subtasks import a_subtask

WAITED = {"attempt": 1, "outcome": "released", "error": {"class": "no_model"}}


async def test_a_step_whose_model_nobody_serves_goes_to_another_one_with_the_reason() -> None:
    claimed = a_subtask(lane="cio", params={"model_id": "ollama/gone"})

    elsewhere = await handle(claimed)
    back = await handle(claimed, lanes=["ollama/gone"])

    assert elsewhere.route is not None
    assert back.route is not None
    reason = elsewhere.route.selection.reason
    assert reason.startswith("no running executor served ollama/gone, so another model is asked. ")
    assert back.route.lane == "ollama/gone"
    assert "no running executor" not in back.route.selection.reason


async def test_a_step_waits_ten_minutes_for_its_model_if_no_other_one_may_answer() -> None:
    async def fail(waits: int) -> Failure:
        history = [WAITED] * waits
        denied = {"preferences": {"denied_models": LANES}}
        params = {"model_id": "ollama/gone"}
        with pytest.raises(WorkFailed) as caught:
            await handle(a_subtask(denied, lane="cio", params=params, history=history))
        return caught.value.failure

    failures = [await fail(waits) for waits in range(24)]

    waited = [each.retry_after for each in failures[:-1]]
    assert {each.action for each in failures[:-1]} == {FailureAction.SNOOZE}
    assert timedelta(minutes=8) < sum(filter(None, waited), timedelta()) < timedelta(minutes=12)
    assert failures[-1].action == FailureAction.GIVE_UP
