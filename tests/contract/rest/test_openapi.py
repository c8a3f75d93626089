"""The OpenAPI document at the root is valid, complete and correct."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft4Validator

from tests.contract.rest.conftest import fill
from tests.support.servers.contract_target import Target


@pytest.fixture(scope="module")
def document(rest_schema: Target) -> Iterator[dict[str, Any]]:
    headers = {"apikey": rest_schema.secret_key, "Accept": "application/openapi+json"}
    answer = httpx.get(f"{rest_schema.url}/rest/v1/", headers=headers, timeout=60)
    assert answer.headers["content-type"] == "application/openapi+json; charset=utf-8"
    yield answer.json()


def test_the_whole_exposed_schema_is_described(document: dict[str, Any]) -> None:
    assert document["swagger"] == "2.0"
    assert {"/rest_widgets", "/rest_cheap", "/rpc/rest_add"} <= set(document["paths"])
    assert set(document["paths"]["/rest_widgets"]) == {"get", "post", "patch", "delete"}
    assert set(document["paths"]["/rpc/rest_add"]) == {"get", "post"}
    assert set(document["paths"]["/rpc/rest_mark"]) == {"post"}


def test_every_reference_is_defined(document: dict[str, Any]) -> None:
    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref":
                    yield inner
                else:
                    yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_columns_have_their_types_and_keys(document: dict[str, Any]) -> None:
    widgets = document["definitions"]["rest_widgets"]

    assert widgets["required"] == ["id", "name", "tags", "data"]
    assert widgets["properties"]["tags"] == {
        "type": "array",
        "format": "text[]",
        "items": {"type": "string", "format": "text"},
        "default": "'{}'::text[]",
    }
    assert "<pk/>" in widgets["properties"]["id"]["description"]
    maker = widgets["properties"]["maker_id"]["description"]
    assert "<fk table='rest_makers' column='id'/>" in maker


def test_arguments_that_have_a_default_are_not_required(document: dict[str, Any]) -> None:
    call = document["paths"]["/rpc/rest_add"]["post"]["parameters"][0]["schema"]
    by_get = document["paths"]["/rpc/rest_add"]["get"]["parameters"]

    assert call["required"] == ["p_a"]
    assert [each["required"] for each in by_get] == [True, False]


def test_rows_match_their_definition(rest_schema: Target, document: dict[str, Any]) -> None:
    schema = {**document["definitions"]["rest_widgets"], "definitions": document["definitions"]}
    nullable = {
        **schema,
        "properties": {
            name: {"anyOf": [about, {"type": "null"}]}
            for name, about in schema["properties"].items()
        },
    }
    headers = {"apikey": rest_schema.secret_key}
    fill(rest_schema)

    rows = httpx.get(f"{rest_schema.url}/rest/v1/rest_widgets", headers=headers, timeout=60).json()

    assert len(rows) == 3
    for row in rows:
        Draft4Validator(nullable).validate(row)
