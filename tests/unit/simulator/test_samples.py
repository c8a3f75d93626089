"""Samples follow the schemas that people write, and hostile ones take no time."""

import json
from typing import Any

import pytest
from jsonschema_rs import validator_for
from pydantic import JsonValue

from simulator.answers.samples import build_sample
from simulator.answers.structured import NO_SAMPLE
from simulator.planned import plan_response
from simulator.request import CompletionRequest, Conversation, Vendor
from simulator.schemas.fit import fits

ID = {"type": "string", "format": "uuid"}
NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
    "required": ["value", "kids"],
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 5, "maximum": 9},
    {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "multipleOf": 7, "minimum": 15},
    {"type": "integer", "not": {"const": 1}},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "minimum": -90, "maximum": -89.5},
    {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
    {"type": "string", "minLength": 20},
    {"type": "string", "minLength": 2, "maxLength": 2},
    {"type": ["string", "null"], "maxLength": 4},
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
    {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"},
    {"type": "string", "pattern": "[0-9]+"},
    {"type": "string", "pattern": "^[a-z]+$", "minLength": 5, "maxLength": 8},
    {"type": "string", "pattern": "^(?=.*[0-9])(?=.*[A-Z]).{8,}$"},
    {"type": "string", "pattern": r"\.(png|jpg)$"},
    {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$"},
    {"type": "string", "pattern": r"^#?([a-f0-9]{6}|[a-f0-9]{3})$"},
    *(
        {
            "type": "array",
            "items": {"type": "string", "format": each},
            "minItems": 3,
            "uniqueItems": True,
        }
        for each in (
            "date",
            "date-time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "time",
            "uri",
            "uuid",
        )
    ),
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {
        "type": "array",
        "items": {"properties": {"id": ID}, "required": ["id"]},
        "minItems": 2,
        "uniqueItems": True,
    },
    {
        "type": "array",
        "prefixItems": [{"type": "number"}, {"type": "string"}],
        "items": False,
        "minItems": 2,
    },
    {"type": "array", "contains": {"const": "x"}, "items": {"type": "string"}, "minItems": 2},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {
        "allOf": [
            {
                "type": "object",
                "properties": {"a": {"type": "integer", "minimum": 3}},
                "required": ["a"],
            },
            {"properties": {"a": {"maximum": 4}, "b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    {"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
    {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
    {
        "type": "object",
        "oneOf": [
            {
                "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
                "required": ["kind", "x"],
            },
            {"properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ],
    },
    {"const": {"a": [1]}},
    {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
    {
        "$defs": {
            "L": {
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/L"}, {"type": "null"}]}},
                "required": ["next"],
            }
        },
        "$ref": "#/$defs/L",
    },
    {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
    {
        "type": "object",
        "patternProperties": {"^x_": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "propertyNames": {"pattern": "^[A-Z]{2}$"}, "minProperties": 1},
    {
        "type": "object",
        "properties": {"p": {"enum": ["x", "y"]}, "q": {"type": "string"}},
        "required": ["p"],
        "if": {"properties": {"p": {"const": "x"}}},
        "then": {"required": ["q"]},
    },
    {
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["a"],
        "dependentRequired": {"a": ["b"]},
    },
    {
        "properties": {"a": {"allOf": [{"$ref": "#/$defs/A"}], "description": "x"}},
        "required": ["a"],
        "$defs": {"A": {"enum": ["u", "v"]}},
    },
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "array",
        "minItems": 2,
        "items": [{"type": "integer"}, {"type": "string"}],
        "additionalItems": False,
    },
    {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "integer",
        "minimum": 3,
        "exclusiveMinimum": True,
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_a_sample_follows_its_schema(schema: dict[str, Any]) -> None:
    sample = build_sample(schema)

    validator_for(schema, offline=True, validate_formats=True).validate(sample)
    assert fits(schema, sample)


def test_types_in_capitals_are_those_of_google() -> None:
    schema: JsonValue = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}

    assert build_sample(schema) == {"a": "simulated"}
    assert fits(schema, {"a": "simulated"})


def test_constraints_in_a_description_are_followed() -> None:
    sample = build_sample({"type": "integer", "description": 'How many. {"minimum": 10}'})

    assert sample == 10


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"oneOf": [{"oneOf": [{"oneOf": [{"not": {}}] * 15}] * 15}] * 15},
        {"anyOf": [{"not": {}}] * 50_000},
        {
            "type": "array",
            "minItems": 10**9,
            "items": {"minItems": 10**9, "items": {"type": "array"}},
        },
        {"type": "string", "minLength": 10**18},
        {"type": "string", "pattern": "(((a{1000}){1000}){1000}){1000}"},
        {"type": "string", "pattern": "^(a|a)*(?!.)b"},
        {"type": "string", "pattern": "^(a+)+$", "minLength": 99_999, "maxLength": 99_999},
        {"enum": list(range(5_000)), "minimum": 4_999},
        {
            "allOf": [{"$ref": "#/$defs/0"}],
            "$defs": {str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(25)},
        },
    ],
    ids=lambda schema: json.dumps(schema)[:60],
)
def test_hostile_schemas_get_small_samples(schema: dict[str, Any]) -> None:
    assert len(json.dumps(build_sample(schema))) < 150_000


def ask(schema: JsonValue, prompt: str = "Why?", context: str = "") -> str:
    request = CompletionRequest(
        vendor=Vendor.OPENAI,
        model="m",
        conversation=Conversation(prompt=prompt, context=context),
        message_count=1,
        max_tokens=None,
        stream=False,
        wants_reasoning=False,
        shows_reasoning=False,
        wants_usage=False,
        is_cacheable=False,
        schema=schema,
    )
    return plan_response(request, number=1).text


def test_an_answer_without_a_sample_says_so() -> None:
    assert ask({"not": {}}) == NO_SAMPLE


def test_a_schema_in_the_instructions_is_followed_like_one_of_the_request() -> None:
    rule = 'Answer with JSON alone that follows this JSON Schema: {"type": "integer", "minimum": 7}'

    assert ask(None, context=rule) == "7"
    assert ask({"type": "object"}, context=rule) == "7"
    assert ask({"type": "integer"}, context=rule) == "1"
    assert ask({"type": "integer"}, prompt=rule) == "7"
    assert "Simulated answer" in ask(None, context="It follows this JSON Schema: {oops")
