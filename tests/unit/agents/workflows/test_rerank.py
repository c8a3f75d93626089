"""`run.rerank` in workflows."""

from typing import Any

import pytest

from agents.orchestrator.flows.stamping import build_step
from agents.workflows.engine import Result, Run, StepFailed
from cogo.testing import Unanswered, fail_with, play, suggest_answer
from tests.unit.agents.workflows.flows import TASK, a_flow

DOCUMENTS = ["closed", "money back", "goods"]


@a_flow
async def ranks(run: Run) -> Result:
    documents = run.params.get("documents", DOCUMENTS)
    assert isinstance(documents, list)
    try:
        found = await run.rerank("best", "refunds", [str(each) for each in documents], top_n=2)
    except StepFailed as error:
        return Result(f"{error.error_class}: {error}")
    return Result(" ".join(f"{DOCUMENTS[each.place]}={each.score}" for each in found))


def test_a_workflow_gets_places_and_scores() -> None:
    played = play(ranks, answers={"best": [[[1, 0.9], [2, 0.4]]]}, decisions={"rerank": "m"})

    assert played.text == "money back=0.9 goods=0.4"
    step = build_step(played.steps[0], TASK)
    assert (step.kind, step.lane, step.error) == ("call", "tools:cogo.rerank/m", None)
    assert step.params["arguments"] == {"query": "refunds", "documents": DOCUMENTS, "top_n": 2}


@pytest.mark.parametrize(
    "ranking", [7, [["a", 1.0]], [[0]], [[3, 0.5]], [[-1, 0.5]], [None], fail_with("no_agent")]
)
def test_a_ranking_that_cannot_be_read_fails_the_step(ranking: Any) -> None:
    played = play(ranks, answers={"best": [ranking]})

    expected = "no_agent" if isinstance(ranking, dict) else "invalid_answer"
    assert str(played.text).startswith(expected)


def test_without_a_model_the_step_has_failed_before_it_began() -> None:
    nobody = {"model": None, "problem": "no executor can rank documents"}
    with pytest.raises(Unanswered) as raised:
        play(ranks, answers={}, decisions={"rerank": nobody})

    step = build_step(raised.value.request, TASK)
    assert step.lane == "wait"
    assert step.error is not None
    assert (step.error.class_, step.error.message) == ("no_model", nobody["problem"])


def test_a_script_begins_with_the_order_that_is_there() -> None:
    with pytest.raises(Unanswered) as raised:
        play(ranks, answers={})

    assert suggest_answer(raised.value.request) == [[0, 1.0]]
    assert str(play(ranks, answers={}, call_tools=True).text).startswith("unknown_tool")


@pytest.mark.parametrize("documents", [[], [" "], ["a"] * 1_001])
def test_documents_that_cannot_be_ranked_are_a_mistake_of_the_workflow(
    documents: list[str],
) -> None:
    played = play(ranks, params={"documents": [*documents]}, answers={})

    assert played.failure is not None
    assert "step 'best'" in played.failure.message
