"""Decisions that workflows ask for."""

from typing import Any

from agents.workflows.engine import Result, Run, workflow
from tests.support.agents.flows import claim, run_of, suspended


async def test_a_panel_is_decided_once_with_the_role_of_each_model() -> None:
    @workflow("TEST")
    async def speak(run: Run) -> Result:
        """Ask a panel."""
        steps = [
            run.ask(each.role, "?", model=each.model, role=each.role)
            for each in run.panel("debate_1", "debate_2").members
        ]
        return Result(str(await run.settled(*steps)))

    asked = await suspended(run_of(speak), claim())

    panel: Any = asked.decisions["panel:debate_1:debate_2"]
    assert [each["role"] for each in panel["models"]] == ["debate_1", "debate_2"]
    assert len({each["maker"] for each in panel["models"]}) == 2
    assert [each.lane for each in asked.steps] == [each["model"] for each in panel["models"]]
    assert [each.reason for each in asked.selections] == [
        each["reason"] for each in panel["models"]
    ]
    assert panel["strongest"]["model"]
