"""The request to a model for a stamped subtask."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.attachments import LoadedFiles
from agents.errors import suggest_similar
from agents.executor.call_context import build_cached_call, build_call_context
from agents.executor.request import build_request
from agents.workflows.prompts.code import EXPERT
from agents.workflows.registry import WORKFLOWS
from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import Attachment, ChatRequest
from providers.errors import InvalidRequest
from providers.router import Router
from tests.support.agents.flows import begin
from tests.support.agents.subtasks import a_subtask
from tests.support.json_values import JSON

ASKING = sorted(WORKFLOWS.keys() - {"EMBED"})
"""Types of tasks whose steps ask a model."""


def asked(type_: str = "GENERATE_CODE", **params: Any) -> ChatRequest:
    return build_request(a_subtask(type=type_, params={"generation_prompt": "Write it"} | params))


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
def test_an_answer_without_watchers_may_come_in_one_piece(watched: bool) -> None:
    assert build_request(a_subtask(task={"stream": watched})).stream is watched


def test_a_planner_in_another_language_needs_to_give_a_prompt_only() -> None:
    assert asked().system == EXPERT
    assert asked("CHAT").system is None
    assert asked("CHAT", system="Be brief.").system == "Be brief."


def test_the_audit_of_a_kept_answer_shows_no_key_that_is_loaded_here() -> None:
    key = "0123456789abcdef0123"  # of a vendor whose keys have no shape
    router = Router(Catalogue.load(), {"anthropic": Credential(key=SecretStr(key))})
    [place] = router.list_deployments("claude-sonnet-5-5")
    request = asked(generation_prompt=f"Use {key}")

    call = build_cached_call(request, place, CallContext(), router.get_redactor(place))

    assert (key in repr(call.request), call.masked_keys) == (False, 1)


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
    ("OPTIMIZE_CODE", {}, "Sort it"),
    ("ANALYZE_CODE", {}, "Please review the following code"),
    ("ANALYZE_CODE", {"analysis_type": "debug", "code": "x = y"}, "potential bugs"),
    ("ANALYZE_CODE", {"analysis_type": "document"}, "comprehensive documentation"),
    ("ANALYZE_CODE", {"analysis_type": "optimize"}, "performance and efficiency"),
    ("CHAT", {}, "Sort it"),
]


@pytest.mark.parametrize(("type_", "params", "words"), PLANNED)
async def test_every_type_can_be_asked(type_: str, params: dict[str, Any], words: str) -> None:
    step = await begin(type=type_, params=params, prompt="Sort it")
    request = build_request(a_subtask(type=step.type, params=step.params))

    content = request.messages[-1].content
    assert words in content
    assert "Sort it" in content
    assert params.get("code", "") in content
    assert request.system


def test_a_synthesis_of_an_old_plan_sees_every_answer_and_no_author() -> None:
    inputs = {
        "main_2": {"text": "two", "model_used": "b"},
        "main_1": {"text": "one", "model_used": "a"},
        "main_3": None,
    }
    params = {"generation_prompt": "Write it", "synthesize": True}
    synthesis, plain = (
        build_request(a_subtask(params=each, inputs=inputs)).messages[-1].content
        for each in (params, {"generation_prompt": "Write it"})
    )

    assert plain == "Write it"
    assert synthesis.startswith("Write it\n\n2 independent answers")
    assert synthesis.index("one") < synthesis.index("two")
    assert "model_used" not in synthesis


def test_an_old_synthesis_of_nothing_answers_by_itself() -> None:
    params = {"generation_prompt": "Write it", "synthesize": True}

    assert build_request(a_subtask(params=params)).messages[-1].content == "Write it"


async def test_a_conversation_that_is_written_out_reaches_the_model_whole_and_in_order() -> None:
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
    step = await begin(type="CHAT", prompt="What is my name?", params=params)

    request = build_request(a_subtask(type="CHAT", params=step.params))

    assert [{"role": each.role, "content": each.content} for each in request.messages] == turns
    assert (request.system, request.max_output_tokens) == ("Be brief.", 50)
    assert (request.temperature, request.top_p, request.stop) == (0.7, 0.5, ("END",))


WRITTEN: dict[str, Any] = {
    "analysis_type": "debug",
    "code": "the code",
    "code_context": "the context",
    "framework": "a framework",
    "language": "a language",
    "max_output_tokens": 77,
    "messages": [{"role": "user", "content": "the turn"}],
    "reasoning_effort": "high",
    "stop": ["the end"],
    "system": "the system",
    "target_file": "src/the_file.py",
    "temperature": 0.75,
    "tests": "the tests",
    "top_p": 0.25,
}
"""A value for every param that goes to the model."""
USED_ELSEWHERE = {
    "git_branch", "cache", "timeouts", "task_requirements", "files", "test_command", "verify",
    "on_budget", "tools", "client_tools", "tool_choice", "parallel_tool_calls", "tool_limits",
    "attachments", "response_schema", "client_request", "history", "fork_session",
    "confirm_above_usd", "review_plan", "review", "sources", "rerank", "recalled", "remember",
}  # fmt: skip
"""In the result, by the answer cache, as deadlines, in the selection, in the sandbox, by caps, in
loops, as files, in the step that gives the answer, by the gateway, with the session,
before the steps of a plan, and after the result."""
SENT_AS = {"analysis_type": "potential bugs", "messages": "the turn", "stop": "the end"}


async def planned(type_: str, params: dict[str, Any]) -> tuple[ChatRequest, list[str]]:
    """Return the first request for a task, and what its result reports about the params."""
    step = await begin(type=type_, params=params)
    request = build_request(a_subtask(type=type_, params=step.params))
    return request, WORKFLOWS[type_].list_notes(params)


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (type_, name)
        for type_ in ASKING
        for name in sorted(WORKFLOWS[type_].params.model_fields.keys() - USED_ELSEWHERE)
    ],
)
async def test_every_param_of_a_type_goes_to_the_model(type_: str, name: str) -> None:
    request, notes = await planned(type_, {name: WRITTEN[name]})

    assert str(SENT_AS.get(name, WRITTEN[name])) in str(request)
    assert notes == []


@pytest.mark.parametrize("type_", ASKING)
async def test_files_of_a_task_go_to_the_model(type_: str) -> None:
    params: dict[str, Any] = {"attachments": ["data:,hello"]}
    step = await begin(type=type_, params=params)
    files = LoadedFiles((Attachment(media_type="text/plain", data=b"hello"),))
    request = build_request(a_subtask(type=type_, params=step.params), files=files)

    assert step.params["attachments"] == [{"url": "data:,hello"}]
    assert request.messages[-1].attachments == files.prompt
    assert WORKFLOWS[type_].list_notes(params) == []


@pytest.mark.parametrize("type_", ASKING)
@given(name=st.text() | st.sampled_from([*WRITTEN, *USED_ELSEWHERE]).map(lambda name: f"{name}s"))
async def test_a_param_that_does_not_exist_is_named_in_the_notes(type_: str, name: str) -> None:
    assume(name not in WORKFLOWS[type_].params.model_fields)

    request, [note] = await planned(type_, {name: "the value"})

    assert note.startswith(f"params.{name[:100]} is not known and was ignored.")
    assert "the value" not in str(request)


@pytest.mark.parametrize(
    ("type_", "params", "note"),
    [
        ("GENERATE_CODE", {"temprature": 1}, "params.temprature is not known and was ignored. "
         "Did you mean temperature?"),
        ("CHAT", {"messages": [{"role": "user", "content": "Hi", "contents": "x"}]},
         "params.messages.0.contents is not known and was ignored. Did you mean content?"),
        ("CHAT", {"task_requirements": {"taskType": "general", "complexitty": "high"}},
         "params.task_requirements.complexitty is not known and was ignored. "
         "Did you mean complexity?"),
    ],
)  # fmt: skip
async def test_a_misspelt_param_gets_the_nearest_name(
    type_: str, params: dict[str, Any], note: str
) -> None:
    assert (await planned(type_, params))[1] == [note]


async def test_thousands_of_unknown_params_get_a_short_list_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def suggest(name: str, choices: list[str]) -> str:
        compared.append(name)
        return suggest_similar(name, choices)

    compared = list[str]()
    monkeypatch.setattr("agents.workflows.params.task_params.suggest_similar", suggest)
    _, notes = await planned("CHAT", {f"param {number}": 1 for number in range(100_000)})

    assert len(notes) == 21
    assert notes[-1] == "99980 more unknown params were ignored."
    assert len(set(compared)) == 20, "names that nobody reads are looked for"


NAMES = st.sampled_from(
    [
        "generation_prompt",
        "language",
        "messages",
        "stop",
        "temperature",
        "top_p",
        "role",
        "max_output_tokens",
        "reasoning_effort",
        "system",
        "content",
        "code_context",
        "tests",
    ]
)
VALUES = JSON | st.sampled_from([10**308, 10**400, -(10**18), 1e308, True])


@given(st.dictionaries(NAMES, VALUES | st.lists(st.dictionaries(NAMES, VALUES)), max_size=6))
def test_any_plan_of_another_planner_is_asked_or_refused(params: dict[str, Any]) -> None:
    try:
        request = build_request(a_subtask(params=params))
    except InvalidRequest as error:
        assert str(error)
    else:
        assert all(isinstance(each, str) for each in request.stop)
        assert request.max_output_tokens is None or request.max_output_tokens <= 1.8e308


def test_the_rest_of_a_deadline_comes_from_the_database_not_the_agents_clock() -> None:
    long_ago = {"deadline": "2000-01-01T00:00:00Z", "seconds_left": 30}

    assert build_call_context(a_subtask(long_ago)).time_left == timedelta(seconds=30)
    assert build_call_context(a_subtask()).time_left is None
