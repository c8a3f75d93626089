"""Prompts and answers of open models, without a server."""

from typing import Any

import pytest

from providers import Message, ModelAdapter, Tool
from providers.chat import ToolCall

WEATHER = Tool(
    name="get_weather",
    description="Tell the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)
QUESTION = (Message(role="user", content="Is it raining in Bern?"),)
TEXT = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Bern"}}\n</tool_call>'


@pytest.mark.parametrize("model", ["llama3.1:8b", "qwen2.5-coder", "Qwen3-8B-Q4_K_M"])
def test_a_model_with_tools_gets_them_as_data(model: str) -> None:
    body = ModelAdapter.find(model).format_prompt(QUESTION, "Be brief.", [WEATHER])

    assert body["model"] == model
    assert [each["role"] for each in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"] == "Be brief."
    assert body["tools"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize("model", ["phi3:mini", "deepseek-coder:6.7b"])
def test_a_model_without_tools_is_taught_them(model: str) -> None:
    earlier = Message(
        role="assistant",
        content="",
        tool_calls=(ToolCall(id="1", name="get_weather", arguments='{"city": "Bern"}'),),
    )
    result = Message(role="tool", content="rain", tool_call_id="1")

    body = ModelAdapter.find(model).format_prompt(
        [*QUESTION, earlier, result], "Be brief.", [WEATHER]
    )

    assert "tools" not in body
    assert "<tool_use>" in body["messages"][0]["content"]
    assert "get_weather" in body["messages"][0]["content"]
    assert [each["role"] for each in body["messages"]] == ["system", "user", "assistant", "user"]
    assert "tool_name: get_weather" in body["messages"][2]["content"]
    assert "rain" in body["messages"][3]["content"]


@pytest.mark.parametrize(
    "response",
    [
        TEXT,
        {"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]},
        {"message": {"role": "assistant", "content": TEXT}, "done": True, "done_reason": "stop"},
        {
            "message": {
                "content": "",
                "tool_calls": [
                    {"function": {"name": "get_weather", "arguments": {"city": "Bern"}}}
                ],
            },
            "done": True,
        },
        {
            "choices": [
                {
                    "message": {
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "a",
                                "type": "function",
                                "function": {
                                    "name": "get_weather",
                                    "arguments": '{"city": "Bern"}',
                                },
                            }
                        ],
                    },
                    "finish_reason": "tool_calls",
                }
            ]
        },
    ],
)
def test_an_answer_is_read_in_whatever_form_it_comes(response: dict[str, Any] | str) -> None:
    message = ModelAdapter.find("qwen2.5-coder").parse_response(response, [WEATHER])

    assert [(each.name, each.arguments) for each in message.tool_calls] == [
        ("get_weather", {"city": "Bern"})
    ]
    assert message.content.strip() == ""
    assert message.rejected == ()


def test_calls_are_extracted_from_a_stream_and_from_a_text() -> None:
    adapter = ModelAdapter.find("mistral:7b")
    parser = adapter.stream([WEATHER])
    for character in TEXT:
        parser.feed({"choices": [{"delta": {"content": character}}]})

    assert (
        parser.finish("stop").tool_calls == adapter.extract_tool_calls(TEXT, [WEATHER]).tool_calls
    )


def test_a_sentence_that_names_a_tool_is_an_intent_and_no_call() -> None:
    text = "I'll use the get_weather tool with city='Bern'."

    message = ModelAdapter.find("llama3.1:8b").extract_tool_calls(text, [WEATHER])

    assert message.tool_calls == ()
    assert message.intent is not None
    assert message.intent.name == "get_weather"
