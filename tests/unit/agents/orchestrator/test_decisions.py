"""Decisions that workflows ask for."""

from itertools import permutations
from typing import Any

import pytest

from agents.runtime.attempt import WorkFailed
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.evidence.observations import Observations
from agents.workflows.engine import Result, Run, workflow
from protocol.records import FailureAction
from tests.support.agents.flows import an_executor, claim, ended, run_of, suspended
from tests.support.agents.selection import seen


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


async def test_a_flow_with_steps_decides_nothing_while_no_executor_is_known() -> None:
    @workflow("TEST")
    async def races(run: Run) -> Result:
        await run.sleep_until("nap", run.now)
        return Result(", ".join(run.different_models(2)))

    napped = claim(ended("nap", kind="sleep"))
    with pytest.raises(WorkFailed) as caught:
        await run_of(races, an_executor([])).handle(napped)

    assert caught.value.failure.action == FailureAction.SNOOZE
    assert (await run_of(races).handle(napped)).output["text"]


UNPRICED = "fireworks/nobody-knows-its-price"
RIVALS = ("claude-sonnet-5-5", "gpt-6.1-sol", "claude-haiku-4-5", UNPRICED)


def know_rivals(*, rescued: float) -> Knowledge:
    """Know of models that are equally good, and what each does of what another one left."""
    kind = "code-generation"
    equal = seen(500, 0.8, total_ms=20_000.0)
    return Knowledge(
        observations=Observations(
            outcomes={(each, kind): equal for each in RIVALS},
            rescues={
                ((one,), other, kind): seen(110, rescued) for one, other in permutations(RIVALS, 2)
            },
        )
    )


@pytest.mark.parametrize(
    ("rescued", "seconds_left", "rungs"),
    [(0.7, None, 3), (0.7, 200.0, 3), (0.7, 60.0, 2), (0.7, 30.0, 1), (0.1, None, 1)],
)
async def test_a_workflows_ladder_has_prices_and_ends_in_time_and_where_it_gains_nothing(
    rescued: float, seconds_left: float | None, rungs: int
) -> None:
    @workflow("TEST")
    async def write(run: Run) -> Result:
        """Ask the first model of the ladder for code."""
        return Result((await run.ask("draft", run.prompt, model=run.ladder("coding")[0])).text)

    runner = run_of(write, an_executor([*RIVALS]), knowledge=know_rivals(rescued=rescued))

    asked = await suspended(runner, claim(seconds_left=seconds_left))

    ladder: Any = asked.decisions["ladder:coding"]
    named = [each["model"] for each in ladder["models"]]
    assert len(named) == len({*named}) == rungs
    assert UNPRICED not in named
    assert all(each["expected_usd"] > 0 for each in ladder["models"])
    assert all("(quality 0." in each["reason"] for each in ladder["models"][1:])
