"""From a stamped subtask to the request that goes to its model."""

from typing import Any

import pytest

from agents.questions import question_of
from agents.workflows.prompts import EXPERT
from agents.workflows.registry import WORKFLOWS, plan_of
from protocol.records import SessionMessage
from providers.chat import ChatRequest
from providers.errors import InvalidRequest
from tests.support.claims import a_plan, a_subtask


def asked(type_: str = "GENERATE_CODE", **params: Any) -> ChatRequest:
    return question_of(a_subtask(type=type_, params={"generation_prompt": "Write it"} | params))


@pytest.mark.parametrize("type_", WORKFLOWS)
def test_only_code_is_written_at_a_low_temperature(type_: str) -> None:
    request = asked(type_)
    sampling = (request.temperature, request.top_p)

    assert sampling == ((0.2, 0.9) if type_ in {"GENERATE_CODE", "OPTIMIZE_CODE"} else (None, None))


def test_the_question_names_the_lane_and_what_surrounds_the_code() -> None:
    request = asked(language="rust", framework="axum", code_context="fn main() {}")

    (message,) = request.messages
    assert request.model == "claude-sonnet-5-5"
    assert message.role == "user"
    assert message.content == (
        "Write it\n\nLanguage: rust\n\nFramework: axum\n\n"
        "Existing code for context:\n\nfn main() {}"
    )


@pytest.mark.parametrize("watched", [True, False])
def test_what_nobody_watches_may_come_in_one_piece(watched: bool) -> None:
    assert question_of(a_subtask(task={"stream": watched})).whole is not watched


def test_a_planner_in_another_language_needs_to_give_a_prompt_only() -> None:
    assert asked().system == EXPERT
    assert asked("CHAT").system is None
    assert asked("CHAT", system="Be brief.").system == "Be brief."


def test_earlier_turns_come_first() -> None:
    memory = [
        SessionMessage(role="user", content="Hi"),
        SessionMessage(role="assistant", content="Hello"),
    ]

    request = question_of(a_subtask(type="CHAT"), memory=memory)

    assert [each.role for each in request.messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("prompt", [None, "", 7, ["Write it"]])
def test_a_subtask_without_a_prompt_is_refused(prompt: object) -> None:
    with pytest.raises(InvalidRequest, match="generation_prompt"):
        asked(generation_prompt=prompt)


@pytest.mark.parametrize("effort", ["huge", 3, {}, ["high"], ""])
def test_an_effort_that_does_not_exist_is_refused_with_those_that_do(effort: object) -> None:
    with pytest.raises(InvalidRequest, match="minimal, low, medium"):
        asked(reasoning_effort=effort)


def test_an_effort_is_passed_on() -> None:
    assert asked(reasoning_effort="high").reasoning_effort == "high"
    assert asked(reasoning_effort=None).reasoning_effort is None


@pytest.mark.parametrize("language", [7, [], {}, ""])
def test_params_of_a_wrong_type_are_not_written_into_the_question(language: object) -> None:
    assert asked(language=language).messages[0].content == "Write it"


PLANNED: list[tuple[str, dict[str, Any], str]] = [
    ("GENERATE_CODE", {}, "Sort it"),
    ("OPTIMIZE_CODE", {}, "Please analyze and optimize the following code"),
    ("ANALYZE_CODE", {}, "Please review the following code"),
    ("ANALYZE_CODE", {"analysis_type": "debug", "code": "x = y"}, "potential bugs"),
    ("ANALYZE_CODE", {"analysis_type": "document"}, "comprehensive documentation"),
    ("ANALYZE_CODE", {"analysis_type": "optimize"}, "performance and efficiency"),
    ("CHAT", {}, "Sort it"),
]


@pytest.mark.parametrize(("type_", "params", "words"), PLANNED)
def test_every_plan_can_be_asked(type_: str, params: dict[str, Any], words: str) -> None:
    task = a_plan({"type": type_, "params": params, "prompt": "Sort it"}).task

    step = plan_of(task)
    request = question_of(a_subtask(type=step.type, params=step.params))

    content = request.messages[-1].content
    assert words in content
    assert "Sort it" in content
    assert params.get("code", "") in content
    assert request.system


def test_a_synthesis_sees_every_answer_and_no_author() -> None:
    inputs = {
        "main_2": {"text": "two", "model_used": "b"},
        "main_1": {"text": "one", "model_used": "a"},
        "main_3": None,
    }
    params = {"generation_prompt": "Write it", "synthesize": True}
    synthesis, plain = (
        question_of(a_subtask(params=each, inputs=inputs)).messages[-1].content
        for each in (params, {"generation_prompt": "Write it"})
    )

    assert plain == "Write it"
    assert synthesis.startswith("Write it\n\n2 independent answers")
    assert synthesis.index("one") < synthesis.index("two")
    assert "model_used" not in synthesis


def test_a_synthesis_of_nothing_answers_by_itself() -> None:
    params = {"generation_prompt": "Write it", "synthesize": True}

    assert question_of(a_subtask(params=params)).messages[-1].content == "Write it"


def test_a_conversation_that_is_written_out_reaches_the_model_whole_and_in_order() -> None:
    turns = [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    params = {
        "messages": turns,
        "system": "Be brief.",
        "max_output_tokens": 50,
        "temperature": 0.7,
        "top_p": 0.5,
        "stop": ["END"],
    }
    plan = a_plan({"type": "CHAT", "prompt": "What is my name?", "params": params})

    request = question_of(a_subtask(type="CHAT", params=plan_of(plan.task).params))

    assert [{"role": each.role, "content": each.content} for each in request.messages] == turns
    assert (request.system, request.max_output_tokens) == ("Be brief.", 50)
    assert (request.temperature, request.top_p, request.stop) == (0.7, 0.5, ("END",))
