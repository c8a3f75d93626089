"""Requests for responses become tasks, and rows of tasks become responses and their events."""

from typing import Any, cast, get_type_hints
from uuid import UUID, uuid4

import pytest
from openai.types.responses import Response, ResponseItemList, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

from gateway.problems import Problem
from gateway.tasks.openai.responses.answer import build_response
from gateway.tasks.openai.responses.input import (
    list_earlier_turns,
    list_input_items,
    read_response_id,
    write_reasoning_reference,
    write_response_id,
)
from gateway.tasks.openai.responses.request import (
    IGNORED,
    REFUSED,
    ResponseRequest,
    build_response_task,
)
from protocol.ids import utc_now
from protocol.records import NewTask, Task

EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
LOOK: dict[str, Any] = {"type": "function", "name": "look", "parameters": SCHEMA, "strict": True}
CALL: dict[str, Any] = {
    "type": "function_call",
    "call_id": "a",
    "name": "look",
    "arguments": '{"x": 1',
}
RESULT: dict[str, Any] = {"type": "function_call_output", "call_id": "a", "output": "7"}
HELLO: dict[str, Any] = {"role": "user", "content": "hello"}
TASK_ID = UUID(int=7)


def nest(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def task_for(earlier: Any = (), **fields: Any) -> NewTask:
    body = ResponseRequest.model_validate({"input": "hello"} | fields)
    return build_response_task(body, model=None, earlier=earlier)


def a_task(status: str = "completed", **fields: Any) -> Task:
    row = {"id": TASK_ID, "type": "CHAT", "prompt": "p", "status": status, "created_at": utc_now()}
    return Task.model_validate(row | fields)


def test_a_text_and_its_settings_become_params() -> None:
    task = task_for(
        instructions="Be brief.",
        reasoning={"effort": "low"},
        max_output_tokens=50,
        max_tool_calls=3,
        text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        tools=[LOOK, {"type": "web_search"}],
        tool_choice={"type": "function", "name": "look"},
        metadata={"a": "b"},
        cogo_tools=["cogo:run_code"],
    )

    assert (task.type, task.prompt) == ("CHAT", "hello")
    echo = cast("dict[str, Any]", task.params.pop("client_request"))
    assert (echo["instructions"], echo["metadata"]) == ("Be brief.", {"a": "b"})
    assert task.params == {
        "messages": [HELLO],
        "system": "Be brief.",
        "max_output_tokens": 50,
        "reasoning_effort": "low",
        "response_schema": SCHEMA,
        "client_tools": [{"name": "look", "description": "", "parameters": SCHEMA, "strict": True}],
        "tools": ["cogo:run_code", "web_search"],
        "tool_choice": {"name": "look"},
        "tool_limits": {"calls": 3},
    }


def test_items_are_turns_and_several_items_are_one_turn_of_the_model() -> None:
    image = {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,"}
    said = {"type": "output_text", "text": "I look", "annotations": []}
    task = task_for(
        input=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "see"}, image, file]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "role": "assistant", "content": [said], "id": "msg_1"},
            CALL,
            CALL | {"call_id": "b"},
            RESULT,
            RESULT | {"call_id": "b", "output": [{"type": "input_text", "text": "8"}]},
        ]
    )

    assert task.params["system"] == "Be brief."
    call = {"id": "a", "name": "look", "arguments": '{"x": 1'}
    assert task.params["messages"] == [
        {
            "role": "user",
            "content": "see",
            "attachments": [
                {"url": "https://a.example/x.png", "type": "image/*"},
                {"url": "data:application/pdf;base64,", "name": "a.pdf"},
            ],
        },
        {"role": "assistant", "content": "I look", "tool_calls": [call, call | {"id": "b"}]},
        {"role": "tool", "content": "7", "tool_call_id": "a"},
        {"role": "tool", "content": "8", "tool_call_id": "b"},
    ]
    items = list_input_items(a_task(params=task.params))
    listed = {"object": "list", "data": items, "first_id": "", "last_id": "", "has_more": False}
    assert [each.type for each in ResponseItemList.model_validate(listed).data] == [
        "message",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]


def test_a_request_goes_on_after_the_previous_response() -> None:
    calls = [{"id": "a", "name": "look", "arguments": "{}"}]
    before = a_task(params={"messages": [HELLO]}, result={"text": "so", "tool_calls": calls})

    task = task_for(earlier=list_earlier_turns(before), input=[RESULT])

    assert task.params["messages"] == [
        HELLO,
        {"role": "assistant", "content": "so", "tool_calls": calls, "answer_of": str(TASK_ID)},
        {"role": "tool", "content": "7", "tool_call_id": "a"},
    ]
    with pytest.raises(Problem) as refused:
        task_for(earlier=list_earlier_turns(before))
    assert refused.value.extra["param"] == "previous_response_id"


@pytest.mark.parametrize(
    ("thought", "tokens", "has_reasoning"),
    [("", 0, False), ("Hm.", 0, True), ("", 7, True)],
)
def test_a_previous_answer_says_whether_it_had_reasoning(
    thought: str, tokens: int, has_reasoning: bool
) -> None:
    calls = [{"id": "a", "name": "look", "arguments": "{}"}]
    result = {"text": "", "tool_calls": calls, "reasoning_content": thought}
    before = a_task(params={"messages": [HELLO]}, result=result, reasoning_tokens=tokens)

    task = task_for(earlier=list_earlier_turns(before), input=[RESULT])

    assert task.params["messages"][1].get("has_reasoning", False) is has_reasoning


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"conversation": "c"}, "conversation", "previous_response_id"),
        ({"prompt": {"id": "p"}}, "prompt", "instructions"),
        ({"top_logprobs": 3}, "top_logprobs", "leave it out"),
        ({"input": []}, "input", "no message"),
        ({"input": [RESULT]}, "input.0", "no open call 'a'"),
        ({"input": [HELLO, CALL]}, "input.1", "missing: 'a'"),
        ({"input": [CALL | {"name": None}]}, "input.0", "call_id, name and arguments"),
        ({"input": [RESULT | {"output": None}]}, "input.0", "call_id and output"),
        ({"input": [{"role": "tool"}]}, "input.0.role", "the role is"),
        ({"input": [{"type": "computer_call"}]}, "input.0", "function_call_output"),
        ({"tools": [{"type": "code_interpreter"}]}, "tools.0", "cogo:run_code"),
        ({"tools": [{"type": "mcp"}]}, "tools.0", "mcp:SERVER"),
        ({"tools": [LOOK | {"name": "a\nb"}]}, "tools.0", "letters"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "not auto"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format", "json_schema"),
        (
            {"text": {"format": {"type": "json_schema", "schema": {"type": 7}}}},
            "text.format.schema",
            "cannot be used",
        ),
        (
            {"tools": [{"type": "web_search"}, LOOK | {"parameters": {"type": 7}}]},
            "tools.1.parameters",
            "'look' cannot be used",
        ),
        ({"tools": [{"type": "web_search"}, LOOK, LOOK]}, "tools.2", "two tools"),
        ({"include": ["message.output_text.logprobs"]}, "include.0", "encrypted_content"),
        ({"max_tokens": 5}, "max_tokens", "did you mean max_output_tokens?"),
        ({"input": [HELLO] * 2_001}, "input", "at most 2000"),
        ({"user": nest(200)}, "user", "levels deep"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_with_what_to_do(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(Problem) as refused:
        task_for(**fields)

    assert (refused.value.status_code, refused.value.extra["param"]) == (400, param)
    assert words in f"{refused.value.detail} {refused.value.hint}"


def test_each_parameter_of_openai_has_an_effect_or_is_ignored_or_refused_by_name() -> None:
    known = {*IGNORED, *REFUSED, *ResponseRequest.model_fields}

    assert set(get_type_hints(ResponseCreateParamsStreaming)) - known == set()


def test_reasoning_that_comes_back_names_the_task_of_its_answer() -> None:
    sealed = {
        "type": "reasoning",
        "id": "",
        "summary": [],
        "encrypted_content": write_reasoning_reference(TASK_ID),
    }
    by_id = {"type": "reasoning", "id": f"rs_{TASK_ID.hex}", "summary": []}
    text = {"role": "assistant", "content": "I look."}
    ran = {"type": "mcp_call", "id": f"mcp_{TASK_ID.hex}_1", "name": "list_files"}
    for items, has_reasoning in (
        ([ran, CALL], False),
        ([text, ran, text, CALL], False),
        ([sealed, ran, CALL], True),
        ([sealed, CALL], True),
        ([by_id, text, CALL], True),
        ([text, sealed, CALL], True),
    ):
        turn = task_for(input=[HELLO, *items, RESULT]).params["messages"][1]
        assert turn["answer_of"] == str(TASK_ID)
        assert turn.get("has_reasoning", False) is has_reasoning
    for items in ([CALL, sealed], [sealed, text]):
        rest = [RESULT] if CALL in items else []
        task = task_for(input=[HELLO, *items, *rest, HELLO])
        assert "answer_of" not in task.params["messages"][1]


def test_reasoning_of_others_is_ignored_by_name() -> None:
    foreign = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
    forged = foreign | {"encrypted_content": "cogo_" + "x" * 32}
    body = ResponseRequest.model_validate({"input": [HELLO, foreign, forged, CALL, RESULT]})

    assert body.ignored == ["input.1", "input.2"]
    task = build_response_task(body, model=None)
    assert "answer_of" not in task.params["messages"][1]


@pytest.mark.parametrize("include", [None, ["reasoning.encrypted_content"]])
def test_an_answer_with_calls_has_its_reasoning_if_that_is_asked_for(include: Any) -> None:
    params = task_for(include=include, store=False).params
    result = {"tool_calls": [{"id": "a", "name": "look", "arguments": "{}"}]}

    found = Response.model_validate(
        build_response(a_task(params=params, result=result, reasoning_tokens=5))
    )

    assert [each.type for each in found.output] == ["reasoning"] * bool(include) + ["function_call"]
    if include:
        assert found.output[0].encrypted_content == write_reasoning_reference(TASK_ID)  # type: ignore[union-attr]


def test_an_answer_with_calls_names_its_task_if_a_tool_of_ours_ran_before() -> None:
    params = task_for(include=["reasoning.encrypted_content"]).params
    result: dict[str, Any] = {"tool_calls": [{"id": "a", "name": "look", "arguments": "{}"}]}
    result |= {"tools_used": [{"tool": "cogo:list_files", "calls": 1}]}

    sealed, call = build_response(a_task(params=params, result=result))["output"]

    assert (sealed["type"], call["type"]) == ("reasoning", "function_call")
    assert sealed["encrypted_content"] == write_reasoning_reference(TASK_ID)


def test_the_id_of_a_response_names_its_task() -> None:
    task_id = uuid4()

    assert read_response_id(write_response_id(task_id)) == task_id
    for strange in ("", "resp_", str(task_id), f"resp_{task_id}", f"resp_{task_id.hex}0"):
        assert read_response_id(strange) is None


@pytest.mark.parametrize(
    ("status", "row", "told"),
    [
        ("pending", {}, "queued"),
        ("running", {}, "in_progress"),
        ("completed", {"result": {"text": "hello"}}, "completed"),
        ("completed", {"result": {"text": "hel", "finish_reason": "length"}}, "incomplete"),
        ("completed", {"result": {"text": " "}}, "failed"),
        ("failed", {"error": {"class": "overloaded", "message": "why"}}, "failed"),
        ("cancelled", {}, "cancelled"),
    ],
)
def test_a_response_has_the_state_of_its_task(status: str, row: dict[str, Any], told: str) -> None:
    task = a_task(status, params=task_for(tools=[LOOK]).params, input_tokens=3, **row)

    found = Response.model_validate(build_response(task))

    assert found.status == told
    assert (found.error is not None) == (told == "failed")
    assert [each.type for each in found.tools] == ["function"]
    assert (found.usage is not None) == task.status.is_final


def test_a_failed_response_names_its_input() -> None:
    error = {"class": "invalid_attachment", "message": "messages.3.attachments.0 (x): it is empty"}

    found = Response.model_validate(build_response(a_task("failed", error=error)))

    assert found.error is not None
    assert found.error.message == "input.attachments.0 (x): it is empty"


def test_a_response_has_reasoning_text_and_calls() -> None:
    calls = [{"id": "a", "name": "look", "arguments": '{"x": 1'}]
    result = {"text": "hello", "reasoning_content": "hm", "tool_calls": calls}
    cited = result | {"citations": [{"url": "https://a.example", "title": "A"}]}

    found = Response.model_validate(build_response(a_task(result=cited)))

    assert [each.type for each in found.output] == ["reasoning", "message", "function_call"]
    assert found.output_text == "hello"
    assert found.output[2].arguments == '{"x": 1'  # type: ignore[union-attr]
