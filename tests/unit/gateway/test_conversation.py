"""Requests in OpenAI's format become tasks, or are refused by name."""

from typing import Any

import pytest

from gateway.problems import Problem
from gateway.tasks.conversation import ChatCompletionRequest, build_task

HELLO: dict[str, Any] = {"role": "user", "content": "hello"}


def request(**fields: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest.model_validate({"model": "auto", "messages": [HELLO]} | fields)


def test_every_message_is_kept() -> None:
    messages = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": "d"},
    ]

    task = build_task(request(messages=messages, max_tokens=7, stop="END"), model=None)

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


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"n": 2}, "n"),
        ({"messages": [{"role": "tool", "content": "1"}]}, "messages.0"),
        ({"messages": [HELLO, {"role": "assistant", "tool_calls": [{}]}]}, "messages.1"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0"),
        ({"messages": [{"role": "system", "content": "alone"}]}, "messages"),
    ],
)
def test_an_unsupported_field_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as refused:
        build_task(request(**fields), model=None)

    assert (refused.value.status_code, refused.value.extra["param"]) == (400, param)


@pytest.mark.parametrize(
    "fields", [{"tools": []}, {"n": 1}, {"response_format": {"type": "text"}}, {"logprobs": False}]
)
def test_default_parameters_of_clients_are_accepted(fields: dict[str, Any]) -> None:
    assert build_task(request(**fields), model="m").model == "m"


def test_parameters_without_effect_are_named() -> None:
    assert request(seed=1, presence_penalty=0, frequency_penalty=0.5).ignored == [
        "frequency_penalty",
        "seed",
    ]
