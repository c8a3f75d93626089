"""Policies that take several attempts or subtasks, on a real database with simulated vendors."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from protocol.lifecycle import TaskState

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]


async def test_a_cascade_pays_for_each_answer_and_stops_at_the_top(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit(
            "[[say:no JSON]]",
            params={"language": "json"},
            preferences={
                "policy": "cascade",
                "preference": "cost",
                "allowed_providers": ["anthropic"],
            },
        )
        ended = await agents.ended(task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)
        selections = await agents.store.fetch_selections(task_id=task.id)

    assert ended.status == TaskState.COMPLETED
    executed = [each for each in attempts if each.lane != "cio"]
    assert {each.outcome for each in executed} == {"completed"}
    assert len({each.model_id for each in executed}) == len(executed) >= 2
    assert [each.selected_model for each in selections] == [each.model_id for each in executed]
    costs = [each.cost_usd for each in executed if each.cost_usd is not None]
    assert len(costs) == len(executed)
    assert ended.cost_usd == sum(costs)
    assert ended.result is not None
    assert ended.result["verification"]["reason"].startswith("parses: ")


async def test_an_ensemble_makes_one_answer_of_several(fleet: OpenFleet) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()
        task = await agents.submit(preferences={"policy": "ensemble"})
        ended = await agents.ended(task.id)
        subtasks = await agents.store.fetch_subtasks(task_id=task.id)
        selections = await agents.store.fetch_selections(task_id=task.id)

    assert ended.status == TaskState.COMPLETED
    team = [each for each in subtasks if each.key.startswith("main_")]
    [synthesis] = [each for each in subtasks if each.sink]
    assert (synthesis.key, synthesis.metadata["answer"]) == ("main", True)
    assert len({each.lane for each in team}) == len(team) >= 2
    assert all(each.status == "completed" for each in subtasks)
    assert {each.subtask_id for each in selections} == {each.id for each in [*team, synthesis]}
    assert ended.result is not None
    assert "is_palindrome" in ended.result["generated_code"]
