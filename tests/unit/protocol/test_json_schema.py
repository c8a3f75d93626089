"""Schemas that can be used, those that cannot, and where data does not follow one."""

from typing import Any

import pytest

from protocol.json_schema import MAX_PROBLEM_CHARACTERS, check_schema, find_mismatch, is_quick

TREE = {"type": "object", "properties": {"child": {"$ref": "#"}}}


def nest(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


def double(levels: int, **more: Any) -> dict[str, Any]:
    """Return a schema in which each definition refers twice to the next one."""
    last = {f"d{levels}": {"type": "integer"}}
    definitions = {
        f"d{each}": {"allOf": [{"$ref": f"#/$defs/d{each + 1}"}] * 2, **more}
        for each in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": definitions | last}


def chain(links: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        str(each): {"$ref": f"#/$defs/{each + 1}"} for each in range(links)
    }
    return {"$ref": "#/$defs/0", "$defs": {**definitions, str(links): {"type": "integer"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        TREE,
        nest(49),
        {"enum": list(range(10_000))},
        {"not": {}},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"pattern": "^(?=a)(b|c)+$"},
        {"pattern": "(a+)+$"},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}},
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "minimum": 1,
            "exclusiveMinimum": True,
        },
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{}]},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"properties": {"a": {}}, "unevaluatedProperties": False},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
        double(10),
    ],
)
def test_a_schema_that_can_be_used(schema: Any) -> None:
    assert check_schema(schema) is None


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, "it must be a JSON object"),
        (True, "it must be a JSON object"),
        ([{"type": "object"}], "it must be a JSON object"),
        ({"type": "strin"}, '$.type: "strin" is not one of'),
        ({"properties": {"a": {"type": "strin"}}}, '$.properties.a.type: "strin" is not one of'),
        ({"properties": {"a b": {"minLength": -1}}}, '$.properties["a b"].minLength: -1 is less'),
        ({"anyOf": []}, "$.anyOf: [] has less than 1 item"),
        ({"$ref": "https://example.org/schema.json"}, "must name a part of the schema"),
        ({"$ref": "file:///etc/passwd"}, "must name a part of the schema"),
        ({"$ref": "#/$defs/missing"}, "Pointer '/$defs/missing' does not exist"),
        ({"$ref": "#missing"}, "Anchor 'missing' does not exist"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "4, 6, 7, 2019-09 and 2020-12"),
        ({"pattern": "("}, '$.pattern: "(" is not a "regex"'),
        ({"pattern": "((a{100}){100}){100}"}, 'is not a "regex"'),
        ({"allOf": [{"pattern": "a"}] * 101}, "more than 100 patterns"),
        ({"patternProperties": {str(each): {} for each in range(101)}}, "more than 100 patterns"),
        (double(25), "its $refs multiply"),
        (double(9, unevaluatedProperties=False), "unevaluatedProperties"),
        ({**TREE, "unevaluatedProperties": False}, "unevaluatedProperties"),
        (chain(2_000), "its $refs follow each other too far"),
        (nest(50), "more than 100 levels"),
        (nest(10_000), "more than 100 levels"),
        ({"enum": ["x" * 70_000]}, "it has 70013 bytes; at most 65536"),
        ({"const": "\ud800"}, "it is not JSON"),
        ({"const": {1}}, "it is not JSON"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used(schema: Any, problem: str) -> None:
    found = check_schema(schema)

    assert found is not None
    assert problem in found
    assert len(found) <= 2 * MAX_PROBLEM_CHARACTERS


@pytest.mark.parametrize(
    ("schema", "data", "problem"),
    [
        ({"type": "integer"}, 7, None),
        ({"type": "integer"}, "7", '$: "7" is not of type "integer"'),
        (TREE, {"child": {"child": 1}}, '$.child.child: 1 is not of type "object"'),
        ({"items": {"enum": [1, 2]}}, [1, 3], "$[1]: 3 is not one of 1 or 2"),
        ({"not": {}}, 1, "$: {} is not allowed for 1"),
        (
            {"anyOf": [{"properties": {"a": {"type": "integer"}}, "type": "object"}, {"const": 1}]},
            {"a": "x"},
            'the nearest alternative fails at $.a: "x" is not of type "integer"',
        ),
        ({"pattern": r"^(a|a?)+\1$"}, "a" * 60 + "b", "backtracking"),
        ({"type": "nonsense"}, 1, "is not valid"),
        ({"const": 1}, "\ud800", "it cannot be checked"),
    ],
)
def test_where_data_does_not_follow_its_schema(schema: Any, data: Any, problem: str | None) -> None:
    found = find_mismatch(schema, data)

    assert found == problem if problem is None else problem in str(found)


def test_a_long_value_is_cut_in_the_middle() -> None:
    found = str(find_mismatch({"type": "integer"}, "x" * 100_000))

    assert found.endswith('is not of type "integer"')
    assert len(found) < MAX_PROBLEM_CHARACTERS


@pytest.mark.parametrize(
    ("schema", "data", "expected"),
    [
        ({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "integer"}}}, 1, True),
        (TREE, 1, False),
        ({"$ref": "#a", "$defs": {"a": {"$anchor": "a"}}}, 1, False),
        ({"$dynamicRef": "#a"}, 1, False),
        ({"$defs": {"a": {"$id": "https://example.org/a"}}}, 1, False),
        (double(9), 1, False),
        (chain(2_000), 1, False),
        ({"pattern": "a"}, "a", False),
        ({"patternProperties": {"a": {}}}, {}, False),
        ({}, "x" * 20_000, False),
    ],
)  # fmt: skip
def test_what_can_be_checked_at_once(schema: Any, data: Any, expected: bool) -> None:
    assert is_quick(schema, data) is expected
