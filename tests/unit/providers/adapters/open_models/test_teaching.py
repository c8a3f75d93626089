import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.open_models import AnswerReader, teach
from providers.chat import (
    ChatRequest,
    Done,
    FinishReason,
    Message,
    NamedTool,
    TextCalls,
    TextDelta,
    Tool,
    ToolCall,
)
from providers.schemas import fits_grammar

READ = Tool(
    name="read_file",
    description="Read a file.",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "range": {"$ref": "#/$defs/Range"},
            "mode": {"enum": ["text", "bytes"]},
        },
        "required": ["path", "mode"],
        "$defs": {"Range": {"type": "array", "items": {"type": "integer"}}},
    },
)
PING = Tool(name="ping", description="", parameters={})


def a_request(**changes: Any) -> ChatRequest:
    fields: dict[str, Any] = {
        "model": "m",
        "messages": (Message(role="user", content="hi"),),
        "tools": (READ, PING),
        "text_calls": TextCalls(tool_mode="text"),
        **changes,
    }
    return ChatRequest(**fields)


def read_calls(text: str, request: ChatRequest) -> list[ToolCall]:
    reader = AnswerReader(request)
    end = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")
    events = [*reader.feed(TextDelta(text)), *reader.feed(end)]
    return [each for each in events if isinstance(each, ToolCall)]


def test_tools_are_in_the_instructions_alone() -> None:
    taught = teach(a_request(system="Be brief.", parallel_tool_calls=True))

    assert taught.tools == ()
    assert (taught.tool_choice, taught.parallel_tool_calls) == ("auto", None)
    assert taught.system is not None
    assert taught.system.startswith("Be brief.\n\n")
    described = [json.loads(line) for line in taught.system.splitlines() if line[:8] == '{"name":']
    assert [each["name"] for each in described] == ["read_file", "ping"]
    assert described[0]["parameters"] == READ.parameters


def test_the_example_is_a_call_that_would_be_accepted() -> None:
    request = a_request()
    system = teach(request).system or ""

    [call] = read_calls(system[system.rindex("<tool_use>") :], request)

    assert call.name == "read_file"
    assert json.loads(call.arguments) == {"path": "...", "mode": "text"}
    assert (call.repairs, call.rejection) == ((), None)


def test_invented_results_end_the_answer() -> None:
    assert teach(a_request(stop=("END",))).stop == ("END", "<tool_result", "<tool_response")


@pytest.mark.parametrize("count", [3, 4, 5])
def test_no_more_stops_are_sent_than_servers_take(count: int) -> None:
    own = tuple(map(str, range(count)))

    assert teach(a_request(stop=own)).stop == (*own, "<tool_result")[: max(4, count)]


def test_only_one_call_is_asked_for_where_only_one_is_wanted() -> None:
    assert "one block at most" in (teach(a_request(parallel_tool_calls=False)).system or "")
    assert "one block at most" not in (teach(a_request()).system or "")


@pytest.mark.parametrize("changes", [{"tools": ()}, {"tool_choice": "none"}])
def test_nothing_is_taught_where_nothing_may_be_called(changes: dict[str, Any]) -> None:
    taught = teach(a_request(system="Be brief.", **changes))

    assert (taught.system, taught.stop, taught.tools) == ("Be brief.", (), ())


def test_a_call_that_must_come_is_constrained_by_a_schema() -> None:
    taught = teach(a_request(tool_choice="required"))

    schema = taught.response_schema
    assert schema is not None
    assert fits_grammar(schema)
    validator = jsonschema_rs.validator_for(dict(schema))
    arguments: dict[str, Any] = {"path": "a", "mode": "text", "range": [1]}
    good = {"tool_name": "read_file", "arguments": arguments}
    assert validator.is_valid(good)
    assert validator.is_valid({"tool_name": "ping", "arguments": {}})
    assert not validator.is_valid({**good, "arguments": {**arguments, "range": ["x"]}})
    assert not validator.is_valid({"tool_name": "nope", "arguments": {}})
    [call] = read_calls(json.dumps(good), a_request())
    assert (call.name, call.rejection) == ("read_file", None)


@pytest.mark.parametrize("others", [(), (PING,)])
def test_references_of_a_tool_lead_to_its_own_schema(others: tuple[Tool, ...]) -> None:
    tree = Tool(
        name="plant",
        description="",
        parameters={
            "type": "object",
            "properties": {
                "children": {"type": "array", "items": {"$ref": "#"}},
                "kind": {"enum": ["oak"]},
                "other": {"$ref": "#/properties/kind"},
            },
            "additionalProperties": False,
        },
    )

    schema = teach(a_request(tools=(*others, tree), tool_choice="required")).response_schema

    assert schema is not None
    assert fits_grammar(schema)
    validator = jsonschema_rs.validator_for(dict(schema))

    def is_valid(arguments: Any) -> bool:
        return validator.is_valid({"tool_name": "plant", "arguments": arguments})

    assert is_valid({"children": [{"children": [{"kind": "oak"}]}], "other": "oak"})
    assert not is_valid({"children": [{"children": [{"kind": "elm"}]}]})
    assert not is_valid({"other": "elm"})


def test_a_named_tool_is_the_only_one() -> None:
    taught = teach(a_request(tool_choice=NamedTool("ping")))

    assert "read_file" not in (taught.system or "")
    assert taught.response_schema is not None
    assert taught.response_schema["properties"]["tool_name"] == {"const": "ping"}


def test_without_schemas_a_call_is_asked_for() -> None:
    taught = teach(a_request(tool_choice=NamedTool("ping")), takes_schemas=False)

    assert taught.response_schema is None
    assert "Use the tool ping before you answer." in (taught.system or "")


def test_a_schema_of_the_answer_does_not_forbid_calls() -> None:
    taught = teach(a_request(response_schema={"type": "object"}))

    assert taught.response_schema is None
    assert '{"type": "object"}' in (taught.system or "")
    assert "<tool_use>" in (taught.system or "")


_SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "$ref", "$defs", "enum", "default", "examples"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["properties", "required", "$defs", "type"]), _SCHEMAS))
def test_parameters_of_any_shape_can_be_taught(parameters: dict[str, Any]) -> None:
    tool = Tool(name="x", description="", parameters=parameters)

    assert "tool_name: x" in (teach(a_request(tools=(tool,))).system or "")
    assert teach(a_request(tools=(tool,), tool_choice="required")).response_schema is not None
