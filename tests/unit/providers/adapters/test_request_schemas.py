"""Schemas and breakpoints of prompt caches in the bodies of requests, for each wire."""

import json
from typing import Any

import pytest

from providers.adapters.anthropic.request import build_anthropic_body
from providers.adapters.openai.dialect import apply_dialect
from providers.catalogue.schema import RequestDialect
from providers.chat import Message, Tool
from tests.unit.providers.adapters.bodies import (
    CALLS,
    CLOSED,
    LOOK,
    LOOP,
    SAVE,
    a_request,
    anthropic,
    chat,
    gemini,
    responses,
)

LOOSE = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
OPEN = {"type": "object"}


def test_schemas_are_sent_as_far_as_they_are_enforced() -> None:
    closed = a_request(response_schema=CLOSED)
    format_ = chat(closed)["response_format"]["json_schema"]
    assert (format_["strict"], format_["schema"]) == (True, CLOSED)
    assert responses(closed)["text"]["format"]["strict"] is True
    assert anthropic(closed)["output_config"]["format"]["schema"] == CLOSED
    assert gemini(closed)["generationConfig"]["responseJsonSchema"] == CLOSED

    loose = a_request(response_schema=LOOSE)
    assert "strict" not in chat(loose)["response_format"]["json_schema"]
    assert responses(loose)["text"]["format"]["strict"] is False
    body, notes = build_anthropic_body(loose, "anthropic")
    assert body["output_config"]["format"]["schema"]["properties"]["a"] == {
        "type": "string",
        "description": '{"minLength": 2}',
    }
    assert notes == ("this API does not enforce minLength in schemas",)


def test_a_schema_that_a_vendor_cannot_enforce_becomes_an_instruction() -> None:
    items = {"type": "array", "items": {"type": "string"}}
    for schema, body, system in (
        (OPEN, anthropic(a_request(response_schema=OPEN, system="s")), "system"),
        (items, anthropic(a_request(response_schema=items, system="s")), "system"),
        (items, responses(a_request(response_schema=items, system="s")), "instructions"),
    ):
        assert body[system].startswith("s\n\nAnswer with ")
        assert body[system].endswith(json.dumps(schema))
        assert not {"output_config", "text"} & set(body)


@pytest.mark.parametrize("schema", [CLOSED, {"type": "array"}])
def test_a_vendor_that_only_guarantees_json_is_told_the_schema(schema: dict[str, Any]) -> None:
    body = chat(a_request(response_schema=schema), RequestDialect(schemas="json_object"))

    is_object = schema["type"] == "object"
    assert body.get("response_format") == ({"type": "json_object"} if is_object else None)
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][0]["content"].endswith(json.dumps(schema))


def test_a_model_behind_a_grammar_is_told_the_schema_too() -> None:
    dialect = RequestDialect(constrains_only=True)
    body = chat(a_request(response_schema=CLOSED), dialect)
    assert body["response_format"]["json_schema"]["schema"] == CLOSED
    assert body["messages"][0]["content"].endswith(json.dumps(CLOSED))

    for part in (True, {"$ref": "#"}):
        schema = {"type": "object", "properties": {"a": part}}
        request = a_request(response_schema=schema)
        body, [note] = apply_dialect(request, dialect, vendor="llamacpp")
        assert "response_format" not in body
        assert body["messages"][0]["content"].endswith(json.dumps(schema))
        assert "cannot enforce" in note


LONG = "x" * 5_000


def marks(body: Any) -> list[Any]:
    """Return the places of all breakpoints."""
    found = [("tools", n) for n, each in enumerate(body["tools"]) if "cache_control" in each]
    found += [("system", 0)] if "cache_control" in json.dumps(body.get("system", "")) else []
    return found + [
        ("messages", n)
        for n, turn in enumerate(body["messages"])
        if "cache_control" in json.dumps(turn["content"])
    ]


def test_breakpoints_are_set_where_a_loop_reads_them_again() -> None:
    loop = (*LOOP, Message(role="assistant", content="", tool_calls=CALLS[:1]), LOOP[2])
    wordy = Tool(name="look", description=LONG, parameters=CLOSED)

    assert marks(anthropic(a_request(messages=loop, tools=(LOOK,), system="s"))) == []
    assert marks(anthropic(a_request(messages=loop, tools=(LOOK,), system=LONG))) == [
        ("system", 0),
        ("messages", 2),
        ("messages", 4),
    ]
    assert marks(anthropic(a_request(messages=loop, tools=(SAVE, wordy), system=LONG))) == [
        ("tools", 1),
        ("system", 0),
        ("messages", 2),
        ("messages", 4),
    ]
    long_prompt = (Message(role="user", content=LONG),)
    assert marks(anthropic(a_request(messages=long_prompt, tools=(LOOK,)))) == [("messages", 0)]
    alone = anthropic(a_request(messages=long_prompt, system=LONG))
    assert "cache_control" not in json.dumps(alone)  # nothing would read it again
