"""EMBED, and `run.embed` in other workflows."""

from typing import Any

import pytest

from agents.orchestrator.flows.stamping import build_step
from agents.workflows.embed import embed
from agents.workflows.engine import Result, Run, StepFailed
from cogo.testing import Unanswered, fail_with, play, suggest_answer
from protocol.embeddings import encode_vector
from tests.unit.agents.workflows.flows import TASK, a_flow

VECTORS = [[0.5, -1.0], [0.25, 2.0]]


@a_flow
async def compares(run: Run) -> Result:
    try:
        one, other = await run.embed("vectors", ["a", "b"], model="small", dimensions=2)
    except StepFailed as error:
        return Result(error.error_class)
    return Result(str(sum(a * b for a, b in zip(one, other, strict=True))))


def test_a_workflow_gets_the_vectors_as_numbers() -> None:
    played = play(compares, answers={"vectors": [VECTORS]})

    assert played.text == str(0.5 * 0.25 - 2.0)
    step = build_step(played.steps[0], TASK)
    assert (step.kind, step.lane) == ("call", "tools:cogo.embeddings/small")
    assert step.params["arguments"] == {
        "texts": ["a", "b"], "dimensions": 2, "encoding_format": "float", "purpose": "document",
    }  # fmt: skip
    coded = play(compares, answers={"vectors": [[encode_vector(each) for each in VECTORS]]})
    assert coded.text == played.text


@pytest.mark.parametrize("vectors", [7, None, ["no base64"], [["a"]]])
def test_vectors_that_cannot_be_read_fail_the_step(vectors: Any) -> None:
    if vectors is None:
        played = play(compares, answers={"vectors": fail_with("no_model")})
        assert played.text == "no_model"
    else:
        assert play(compares, answers={"vectors": [vectors]}).text == "invalid_answer"


def test_a_script_must_have_the_vectors() -> None:
    with pytest.raises(Unanswered) as raised:
        play(compares, answers={})

    assert suggest_answer(raised.value.request) == [[0.0, 1.0]]
    assert play(compares, answers={}, call_tools=True).text == "unknown_tool"


@pytest.mark.parametrize(
    ("params", "texts"),
    [({}, ["Do it."]), ({"input": ["a", "b"]}, ["a", "b"]), ({"input": [[1, 2]]}, [[1, 2]])],
)
def test_a_task_is_one_step_that_ends_it(params: dict[str, Any], texts: list[Any]) -> None:
    played = play(embed, params=params, answers={"main": [VECTORS]}, decisions={"embedding": "m"})

    [step] = played.steps
    assert step.request["module"] == "cogo.embeddings/m"
    arguments: Any = step.request["arguments"]
    assert arguments["texts"] == texts


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"input": []}, "params.input"),
        ({"temperature": 1}, "params.temperature"),
        ({"encoding_format": "int8"}, "params.encoding_format"),
        ({"response_schema": {"type": "object"}}, "params.response_schema"),
        ({"dimensions": 0}, "params.dimensions"),
    ],
)
def test_params_that_it_has_not_are_refused(params: dict[str, Any], field: str) -> None:
    failed = play(embed, params=params, answers={})

    assert failed.failure is not None
    assert (failed.failure.error_class, failed.failure.field) == ("invalid_task", field)
