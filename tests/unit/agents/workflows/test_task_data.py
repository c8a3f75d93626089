"""`params.response_schema`: the step that is asked for the data of a task, and refused schemas."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from agents.orchestrator.flows.stamping import build_needs
from agents.workflows.engine import (
    Again,
    Answer,
    Finished,
    FlowFailed,
    HandedOver,
    LastStep,
    Repeats,
    Result,
    Run,
    StepRequest,
    Workflow,
    advance,
    workflow,
)
from agents.workflows.registry import WORKFLOWS
from cogo.testing import Played, fail_with, play
from protocol.lifecycle import SubtaskState
from tests.support.agents.flows import begin
from tests.unit.agents.workflows.flows import TASK, a_flow, a_record, a_step

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
}
TREE: dict[str, Any] = {"type": "object", "properties": {"child": {"$ref": "#"}}}
GIVEN = {"text": '{"n": 7}', "data": {"n": 7}}


def play_with_schema(flow: Workflow, answers: Any, **more: Any) -> Played:
    return play(flow, params={"response_schema": SCHEMA}, answers=answers, **more)


def list_asked(played: Played) -> list[str]:
    """Return the keys of the steps that were asked for data of the schema."""
    return [each.key for each in played.steps if is_asked(each)]


def is_asked(request: StepRequest) -> bool:
    asked = request.request.get("schema")
    return isinstance(asked, dict) and asked["schema"] == SCHEMA


@workflow("LAST")
async def end_with_step(run: Run) -> LastStep:
    return run.hand_over(run.ask("main", run.prompt))


@workflow("RESULT")
async def end_with_result(run: Run) -> Result:
    answer = await run.ask("draft", run.prompt)
    return Result(answer.text, output={"seen": True})


def test_the_last_step_is_asked_for_the_data_itself() -> None:
    played = play_with_schema(end_with_step, {"main": GIVEN})

    assert isinstance(played.outcome, HandedOver)
    assert list_asked(played) == ["main"]
    assert played.output["data"] == {"n": 7}


def test_a_result_gets_one_more_step_that_reads_request_and_result() -> None:
    played = play_with_schema(
        end_with_result, {"draft": "Seven it is.", "data": GIVEN}, prompt="Which number?"
    )

    assert isinstance(played.outcome, Finished)
    assert played.output == {"text": "Seven it is.", "seen": True, "data": {"n": 7}}
    assert list_asked(played) == ["data"]
    prompt = str(played.steps[-1].request["prompt"])
    assert "Which number?" in prompt
    assert "Seven it is." in prompt


def test_without_a_schema_nothing_is_added() -> None:
    played = play(end_with_result, answers={"draft": "Seven it is."})

    assert [each.key for each in played.steps] == ["draft"]
    assert "data" not in played.output


def test_an_answer_that_never_follows_fails_the_task_and_says_why() -> None:
    failed = fail_with("invalid_answer", "$.n: null is not of type integer")

    played = play_with_schema(end_with_result, {"draft": "None.", "data": failed})

    assert played.failure == FlowFailed(
        error_class="invalid_answer", message="$.n: null is not of type integer", step="data"
    )


@pytest.mark.parametrize(
    ("data", "keys"),
    [({"n": 3}, ["draft"]), ({"n": "3"}, ["draft", "data"]), ({"n": None}, ["draft", "data"])],
)
def test_data_of_the_workflow_is_kept_if_it_follows(data: Any, keys: list[str]) -> None:
    @workflow("OWN")
    async def own(run: Run) -> Result:
        return Result((await run.ask("draft", "?")).text, output={"data": data})

    played = play_with_schema(own, {"draft": "x", "data": GIVEN})

    assert [each.key for each in played.steps] == keys
    if keys == ["draft"]:
        assert played.output["data"] == data
    else:
        assert played.output["data"] == {"n": 7}
        assert played.output["own_data"] == data


def test_data_that_a_step_gave_for_the_schema_is_not_asked_for_again() -> None:
    @workflow("STEP")
    async def flow(run: Run) -> Result:
        step = run.ask("draft", "?")
        step.request["schema"] = {"name": "x", "schema": TREE}
        answer: Answer = await step
        return Result(answer.text, output=answer.output)

    given = {"text": "{}", "data": {"child": {}}}
    played = play(flow, params={"response_schema": TREE}, answers={"draft": given})

    assert [each.key for each in played.steps] == ["draft"]
    assert played.output["data"] == {"child": {}}


def test_the_result_of_a_run_that_repeats_itself_gets_data_too() -> None:
    @workflow("NIGHTLY")
    async def nightly(run: Run) -> Again:
        return run.again(result=(await run.ask("draft", "?")).text)

    played = play_with_schema(nightly, {"draft": "Seven.", "data": GIVEN})

    assert isinstance(played.outcome, Repeats)
    assert played.output["data"] == {"n": 7}


def test_a_step_of_the_workflow_may_have_the_same_key() -> None:
    @workflow("SAME")
    async def same(run: Run) -> Result:
        return Result((await run.ask("data", "?")).text)

    played = play_with_schema(same, {"data": ["Seven.", GIVEN]})

    assert [each.key for each in played.steps] == ["data", "data#2"]


def test_a_mistake_of_the_workflow_is_said_before_more_is_asked() -> None:
    @workflow("LOOSE")
    async def loose(run: Run) -> Result:
        run.ask("forgotten", "?")
        return Result("done")

    failure = play_with_schema(loose, {}).failure

    assert failure is not None
    assert "'forgotten' was described and never awaited" in failure.message


def test_a_result_that_cannot_be_stored_is_a_mistake_of_the_workflow() -> None:
    @workflow("ODD")
    async def odd(run: Run) -> Result:
        return Result(run.prompt, output={"odd": object()})  # type: ignore[dict-item]

    failure = play_with_schema(odd, {}).failure

    assert failure is not None
    assert failure.error_class == "workflow_error"


def test_params_that_forbid_what_they_do_not_know_need_not_know_the_schema() -> None:
    class Own(BaseModel):
        model_config = ConfigDict(extra="forbid")

        city: str = "Paris"

    @workflow("OWN_PARAMS", params=Own)
    async def flow(run: Run) -> LastStep:
        return run.hand_over(run.ask("main", run.params_as(Own).city))

    assert play_with_schema(flow, {"main": GIVEN}).output["data"] == {"n": 7}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (True, "params.response_schema: it must be a JSON object"),
        ("{}", "params.response_schema: it must be a JSON object"),
        (
            {"properties": {"n": {"type": "int"}}},
            'params.response_schema: $.properties.n.type: "int" is not one of',
        ),
        ({"$ref": "https://example.org/a.json"}, "must name a part of the schema"),
    ],
)
@pytest.mark.parametrize("type_", WORKFLOWS)
def test_a_schema_that_cannot_be_used_ends_every_task_before_its_first_step(
    type_: str, schema: Any, problem: str
) -> None:
    task = TASK.model_copy(update={"type": type_, "params": {"response_schema": schema}})

    failed = advance(WORKFLOWS[type_], task, a_record())

    assert isinstance(failed, FlowFailed)
    assert (failed.error_class, failed.field) == ("invalid_task", "params.response_schema")
    assert problem in failed.message


def test_code_stays_code_and_data_stands_beside_it() -> None:
    played = play_with_schema(
        WORKFLOWS["GENERATE_CODE"],
        {"draft": "```python\ndef f(): ...\n```", "main": "```python\ndef f(): ...\n```",
         "data": GIVEN},
        decisions={"sandbox": False},
    )  # fmt: skip

    assert [each.key for each in played.steps][-1] == "data"
    assert list_asked(played) == ["data"]
    assert "def f()" in str(played.text)
    assert played.output["data"] == {"n": 7}


async def test_findings_stay_beside_the_data() -> None:
    findings = {"summary": "Fine.", "findings": []}

    played = play_with_schema(
        WORKFLOWS["ANALYZE_CODE"], {"findings": findings, "data": GIVEN}, prompt="Review: x = 1"
    )

    assert played.output["data"] == {"n": 7}
    assert played.output["own_data"]["summary"] == "Fine."


@pytest.mark.parametrize("policy", ["rules", "cascade", "ensemble"])
def test_a_single_question_asks_for_data_without_another_step(policy: str) -> None:
    answers = {"main": GIVEN, "main_1": "seven", "main_2": "seven", "main_3": "seven"}

    played = play_with_schema(
        WORKFLOWS["CHAT"], answers, decisions={"policy": policy, "team": ["a", "b", "c"]}
    )

    assert played.output["data"] == {"n": 7}
    assert list_asked(played) == ["main"]


def test_a_cheap_answer_that_does_not_follow_is_followed_by_a_better_model() -> None:
    answers = {"main": [fail_with("invalid_answer"), GIVEN]}

    played = play_with_schema(WORKFLOWS["CHAT"], answers, decisions={"policy": "cascade"})

    assert list_asked(played) == ["main", "main#2"]
    assert played.output["data"] == {"n": 7}


async def test_the_step_carries_the_schema_and_prefers_models_that_take_one() -> None:
    step = await begin(type="CHAT", params={"response_schema": SCHEMA})
    request = StepRequest(
        key="main", kind="ask", request={"schema": {"schema": SCHEMA}}, digest="d"
    )

    assert step.params["response_schema"] == SCHEMA
    assert build_needs(request, TASK).structured_output
    assert not build_needs(request.model_copy(update={"request": {}}), TASK).structured_output


async def test_only_the_step_that_answers_carries_the_schema() -> None:
    step = await begin(type="STRATEGY", params={"response_schema": SCHEMA})

    assert step.params["response_schema"] != SCHEMA


def test_a_task_that_had_failed_steps_is_judged_by_their_failure() -> None:
    async def flow(run: Run) -> Result:
        return Result((await run.ask("a", "?")).text)

    task = TASK.model_copy(update={"params": {"response_schema": SCHEMA}})
    failed = a_step(
        "a", 1, status=SubtaskState.FAILED, output=None, error={"class": "x", "message": "y"}
    )

    assert advance(a_flow(flow), task, a_record(failed)) == FlowFailed(
        error_class="x", message="y", step="a"
    )
