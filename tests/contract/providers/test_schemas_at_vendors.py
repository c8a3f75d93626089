"""Schemas that people write, at every vendor: none refuses what it is sent, and answers follow."""

import json
from typing import Any

import httpx
import pytest
from jsonschema_rs import validator_for
from pydantic import BaseModel, Field, TypeAdapter

from protocol.json_schema import check_schema
from providers.adapters.base import Timeouts
from providers.calls.refused_schemas import NOTE, stream_with_schema
from providers.chat_response import collect_response
from tests.contract.providers.conftest import BASE_URLS, MODELS, Opener


class Point(BaseModel):
    """A place."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(gt=-180, lt=180)


class Report(BaseModel):
    """What pydantic makes of a usual model."""

    title: str = Field(min_length=3, max_length=80)
    code: str = Field(pattern=r"^[A-Z]{2}-\d{3}$")
    tags: list[str] = Field(min_length=2, max_length=5)
    place: Point | None = None
    scores: dict[str, int] = {}
    state: str | int = "new"


class Tree(BaseModel):
    """A model that holds itself."""

    name: str
    children: list["Tree"]


STRICT = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 3}, "unit": {"enum": ["m", "km"]}},
    "required": ["n", "unit"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "strict": STRICT,
    "optional": {**STRICT, "required": ["n"]},
    "open": {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "additionalProperties": True,
    },
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    "model": Report.model_json_schema(),
    "recursive": Tree.model_json_schema(),
    "list": TypeAdapter(list[Point]).json_schema(),
    "enumeration": {"enum": ["yes", "no"]},
    "objects in enum": {
        "type": "object",
        "properties": {"a": {"enum": [{"b": 1}, [2]]}},
        "required": ["a"],
        "additionalProperties": False,
    },
    "whole document": {
        "type": "object",
        "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["kids"],
        "additionalProperties": False,
    },
    "anything within": {"type": "object", "properties": {"a": True}, "required": ["a"]},
    "alternatives": {
        "type": "object",
        "oneOf": [
            {
                "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
                "required": ["kind", "x"],
            },
            {"properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ],
    },
    "unique": {
        "type": "object",
        "properties": {
            "ids": {
                "type": "array",
                "items": {"type": "string", "format": "uuid"},
                "minItems": 3,
                "uniqueItems": True,
            }
        },
        "required": ["ids"],
        "additionalProperties": False,
    },
    "condition": {
        **STRICT,
        "if": {"properties": {"unit": {"const": "m"}}},
        "then": {"properties": {"n": {"minimum": 10}}},
    },
}


@pytest.fixture(params=sorted(BASE_URLS))
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_no_vendor_refuses_what_it_is_sent(adapter_with_key: Opener, ask: Any) -> None:
    adapter = adapter_with_key("a-key")
    for name, schema in SCHEMAS.items():
        assert check_schema(schema) is None
        request = ask("Give an example.", response_schema=schema)

        answer = await collect_response(stream_with_schema(adapter, request, timeouts=Timeouts()))

        assert NOTE not in answer.done.notes, (name, answer.done.notes)
        assert validator_for(schema).is_valid(json.loads(answer.text)), (name, answer.text)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/openai/v1/responses",
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "answer",
                        "strict": True,
                        "schema": SCHEMAS["optional"],
                    }
                },
                "input": "Hello",
            },
        ),
        (
            "/openai/v1/responses",
            {
                "text": {
                    "format": {"type": "json_schema", "name": "answer", "schema": SCHEMAS["list"]}
                },
                "input": "Hello",
            },
        ),
        (
            "/anthropic/v1/messages",
            {
                "output_config": {"format": {"type": "json_schema", "schema": STRICT}},
                "max_tokens": 9,
            },
        ),
        (
            "/anthropic/v1/messages",
            {
                "output_config": {"format": {"type": "json_schema", "schema": SCHEMAS["open"]}},
                "max_tokens": 9,
            },
        ),
        (
            "/anthropic/v1/messages",
            {
                "output_config": {
                    "format": {"type": "json_schema", "schema": SCHEMAS["recursive"]}
                },
                "max_tokens": 9,
            },
        ),
        (
            "/llamacpp/v1/chat/completions",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMAS["whole document"]},
                }
            },
        ),
        (
            "/llamacpp/v1/chat/completions",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMAS["anything within"]},
                }
            },
        ),
    ],
)
def test_the_simulator_refuses_what_vendors_refuse(
    simulator: str, path: str, body: dict[str, Any]
) -> None:
    turns = {} if "input" in body else {"messages": [{"role": "user", "content": "Hello"}]}
    model = MODELS[path.split("/")[1]]

    answer = httpx.post(
        simulator + path,
        json={"model": model, **turns, **body},
        headers={"authorization": "Bearer a-key", "anthropic-version": "2026-10-21"},
    )

    assert answer.status_code == 400, answer.text
    assert "schema" in answer.text
