"""Requests for chat completions become tasks, or are refused by name."""

import json
from typing import Any, get_type_hints

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from gateway.problems import Problem
from gateway.tasks.openai.chat_request import (
    IGNORED,
    REFUSED,
    ChatCompletionRequest,
    build_chat_task,
)
from protocol.records import NewTask

HELLO: dict[str, Any] = {"role": "user", "content": "hello"}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
LOOK: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look", "description": "Look.", "parameters": SCHEMA},
}
SAVE: dict[str, Any] = {"type": "function", "function": {"name": "save"}}
IMAGE = "data:image/png;base64,iVBORw0KGgo="


TOOL_SCHEMA = "tools.0.function.parameters"


def function(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f"} | fields}


def nest(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"not": inner}
    return inner


DEEP = [function(parameters=nest(150))]


def request(**fields: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest.model_validate({"model": "auto", "messages": [HELLO]} | fields)


def task_for(**fields: Any) -> NewTask:
    return build_chat_task(request(**fields), model=None)


def call(id_: str, name: str = "look", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(each) for each in ids]}


def result(id_: str, content: Any = "7") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def refusal(**fields: Any) -> Problem:
    with pytest.raises(Problem) as refused:
        task_for(**fields)
    assert refused.value.status_code == 400
    return refused.value


def test_every_message_is_kept() -> None:
    messages = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": "d"},
    ]

    task = task_for(messages=messages, max_tokens=7, stop="END")

    assert (task.type, task.prompt, task.model) == ("CHAT", "d", None)
    assert task.params == {
        "system": "One.\n\nTwo.",
        "messages": [
            {"role": "user", "content": "ab"},
            {"role": "assistant", "content": "c"},
            {"role": "user", "content": "d"},
        ],
        "max_output_tokens": 7,
        "stop": ["END"],
    }


def test_calls_and_their_results_are_turns() -> None:
    image = {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}
    messages = [
        HELLO,
        {
            "role": "assistant",
            "content": "so",
            "tool_calls": [call("a", arguments='{"x": '), call("b")],
        },
        result("b", [{"type": "text", "text": "seen"}, image]),
        result("a"),
    ]

    assert task_for(messages=messages, tools=[LOOK]).params["messages"][1:] == [
        {
            "role": "assistant",
            "content": "so",
            "tool_calls": [
                {"id": "a", "name": "look", "arguments": '{"x": '},
                {"id": "b", "name": "look", "arguments": "{}"},
            ],
        },
        {
            "role": "tool",
            "content": "seen",
            "attachments": [{"url": IMAGE, "type": "image/*"}],
            "tool_call_id": "b",
        },
        {"role": "tool", "content": "7", "tool_call_id": "a"},
    ]


def test_images_and_pdf_files_are_attachments() -> None:
    pdf = {"filename": "a.pdf", "file_data": "JVBERi0="}
    content = [
        {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        {"type": "text", "text": "compare"},
        {"type": "file", "file": pdf},
    ]

    task = task_for(messages=[{"role": "user", "content": content}])

    assert (task.prompt, task.params["messages"][0]["content"]) == ("compare", "compare")
    assert task.params["messages"][0]["attachments"] == [
        {"url": "https://a.example/x.png", "type": "image/*"},
        {"url": "data:application/pdf;base64,JVBERi0=", "name": "a.pdf"},
    ]


@pytest.mark.parametrize(
    ("url", "type_"),
    [
        ("https://a.example/signed?name=a.pdf", "image/*"),
        ("https://a.example/x.jpg", "image/*"),
        ("data:image/jpeg;base64,iVBO", "image/*"),
        ("storage:photos/me", "image/*"),
        ("https://a.example/x.PDF?signature=1", None),
        ("data:application/pdf;base64,JVBERi0=", None),
    ],
)
def test_a_part_of_an_image_is_one_whatever_its_address(url: str, type_: str | None) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]

    (turn,) = task_for(messages=[{"role": "user", "content": content}]).params["messages"]

    assert turn["attachments"] == [{"url": url} | ({"type": type_} if type_ else {})]


@pytest.mark.parametrize(
    ("fields", "params"),
    [
        ({"tool_choice": "auto"}, {"tool_choice": "auto"}),
        ({"tool_choice": "none"}, {"tool_choice": "none"}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "save"}}},
            {"tool_choice": {"name": "save"}},
        ),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        (
            {"cogo_tools": ["cogo:run_code"], "web_search_options": {}},
            {"tools": ["cogo:run_code", "web_search"]},
        ),
    ],
)
def test_tools_and_their_choice_become_params(
    fields: dict[str, Any], params: dict[str, Any]
) -> None:
    task = task_for(tools=[LOOK, SAVE], **fields)

    assert task.params.pop("client_tools") == [
        {"name": "look", "description": "Look.", "parameters": SCHEMA, "strict": False},
        {
            "name": "save",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        },
    ]
    del task.params["messages"]
    assert task.params == params


def test_allowed_tools_are_the_only_ones_that_are_offered() -> None:
    named = {"type": "function", "function": {"name": "save"}}
    allowed = {"mode": "required", "tools": [named]}

    params = task_for(
        tools=[LOOK, SAVE], tool_choice={"type": "allowed_tools", "allowed_tools": allowed}
    ).params

    assert [each["name"] for each in params["client_tools"]] == ["save"]
    assert params["tool_choice"] == "required"


def test_our_tools_can_be_named_in_a_header() -> None:
    task = build_chat_task(
        request(cogo_tools=["mcp:files"]), model=None, own_tools="cogo:run_code, mcp:files,"
    )

    assert task.params["tools"] == ["mcp:files", "cogo:run_code"]


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            SCHEMA,
        ),
    ],
)
def test_the_format_of_an_answer_is_a_schema(wanted: dict[str, Any], schema: object) -> None:
    assert task_for(response_format=wanted).params.get("response_schema") == schema


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"functions": [{"name": "f"}]}, "functions", "use tools"),
        ({"function_call": "auto"}, "function_call", "use tool_choice"),
        ({"logprobs": True}, "logprobs", "leave it out"),
        ({"modalities": ["text", "audio"]}, "modalities", "answers are text"),
        ({"n": 2}, "n", "send the request n times"),
        ({"logit_bias": {"50256": -100}}, "logit_bias", "instructions"),
        ({"presence_penalty": 0.5}, "presence_penalty", "temperature"),
        ({"max_tokenz": 5}, "max_tokenz", "did you mean max_tokens?"),
        ({"chat_template_kwargs": {"a": 1}}, "chat_template_kwargs", "leave it out"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
            "needs a text",
        ),
        ({"web_search_options": {"x": 1}, "stop": ["a"] * 3, "tools": DEEP}, TOOL_SCHEMA, "levels"),
        ({"tools": [function(parameters={"type": "strange"})]}, TOOL_SCHEMA, "strange"),
        ({"tools": [function(parameters={"$ref": "https://x.example"})]}, TOOL_SCHEMA, "cannot"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 7}}}},
            "response_format.json_schema.schema",
            "cannot be used",
        ),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema.schema",
            "missing",
        ),
        ({"tools": [{"type": "custom"}]}, "tools.0", "describe it as a function"),
        ({"tools": [{"type": "function"}]}, "tools.0.function", "no function"),
        ({"tools": [LOOK, LOOK]}, "tools.1", "two tools are named 'look'"),
        ({"tool_choice": "required"}, "tool_choice", "no tools"),
        ({"tool_choice": "sometimes"}, "tool_choice", "not auto"),
        (
            {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "not among",
        ),
        (
            {
                "tools": [LOOK],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [SAVE]}},
            },
            "tool_choice",
            "not among",
        ),
        ({"messages": [{"role": "system", "content": "alone"}]}, "messages", "no message"),
        ({"messages": [result("a")]}, "messages.0", "no open call 'a'"),
        ({"messages": [HELLO, calling("a"), result("a"), result("a")]}, "messages.3", "once each"),
        ({"messages": [HELLO, calling("a", "b"), result("a")]}, "messages.1", "missing: 'b'"),
        ({"messages": [HELLO, calling("a"), HELLO]}, "messages.1", "missing: 'a'"),
        ({"messages": [HELLO, calling("a", "a")]}, "messages.1", "two calls"),
        ({"messages": [{"role": "tool", "content": "1"}]}, "messages.0", "tool_call_id"),
        (
            {"messages": [HELLO | {"tool_calls": [call("a")]}]},
            "messages.0",
            "only messages of the assistant",
        ),
        (
            {"messages": [HELLO, {"role": "assistant", "function_call": {"name": "f"}}]},
            "messages.1",
            "use tool_calls",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0",
            "no url",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image_url", "image_url": {"url": IMAGE + "A" * 1_000_000}}
                        ],
                    }
                ]
            },
            "messages.0.content.0",
            "put it into Supabase Storage",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages.0.content.0",
            "transcript",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}
                ]
            },
            "messages.0.content.0",
            "data URL",
        ),
        (
            {
                "messages": [
                    HELLO,
                    {
                        "role": "assistant",
                        "content": [{"type": "image_url", "image_url": {"url": IMAGE}}],
                    },
                ]
            },
            "messages.1.content.0",
            "of the user",
        ),
        (
            {"tools": [LOOK | {"function": {"name": "big", "parameters": {"d": "x" * 100_000}}}]},
            TOOL_SCHEMA,
            "65536 are allowed",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_with_what_to_do(
    fields: dict[str, Any], param: str, words: str
) -> None:
    problem = refusal(**fields)

    assert problem.extra["param"] == param
    assert words in f"{problem.detail} {problem.hint}"


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []},
        {"tools": None, "tool_choice": None, "functions": None},
        {"n": 1},
        {"response_format": {"type": "text"}},
        {"logprobs": False, "top_logprobs": 0, "modalities": ["text"]},
    ],
)
def test_default_parameters_of_clients_are_accepted(fields: dict[str, Any]) -> None:
    assert task_for(**fields).params == {"messages": [HELLO]}


def test_parameters_without_effect_are_named() -> None:
    assert request(seed=1, verbosity="low", user="").ignored == ["seed", "user", "verbosity"]


def test_each_parameter_of_openai_has_an_effect_or_is_ignored_or_refused_by_name() -> None:
    known = {*IGNORED, *REFUSED, *ChatCompletionRequest.model_fields}

    assert set(get_type_hints(CompletionCreateParamsStreaming)) - known == set()


def test_a_task_is_json() -> None:
    json.dumps(task_for(tools=[LOOK], messages=[HELLO, calling("a"), result("a")]).params)
