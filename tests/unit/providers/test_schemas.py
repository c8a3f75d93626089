"""JSON Schemas in vendors' subsets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.schemas import (
    ANTHROPIC_SUBSET,
    GEMINI_SUBSET,
    SchemaSubset,
    build_schema_rule,
    complete_parameters,
    fits_grammar,
    make_strict,
    reduce_schema,
)

TEXT = {"type": "string"}
CLOSED = {
    "type": "object",
    "properties": {"a": TEXT},
    "required": ["a"],
    "additionalProperties": False,
}
SUBSETS = pytest.mark.parametrize("subset", [ANTHROPIC_SUBSET, GEMINI_SUBSET])


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


@SUBSETS
def test_a_schema_in_the_subset_stays_as_it_is(subset: SchemaSubset) -> None:
    reduced = reduce_schema(CLOSED, subset)

    assert reduced is not None
    assert (reduced.schema, reduced.dropped) == (CLOSED, ())


def test_objects_are_closed_where_the_vendor_requires_that() -> None:
    inner = an_object(b=TEXT)
    reduced = reduce_schema(an_object(a={"type": "array", "items": inner}), ANTHROPIC_SUBSET)

    assert reduced is not None
    assert reduced.schema["additionalProperties"] is False
    assert reduced.schema["properties"]["a"]["items"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": True},
        an_object(a={"type": "object"}),
        {"anyOf": [{"type": "object"}, TEXT]},
        {"type": "array", "items": True},
        {"type": "object", "properties": {"a": True}},
        {"$ref": "https://example.com/schema"},
        {"anyOf": "no list"},
        {"properties": []},
        {
            "type": "object",
            "properties": {"next": {"$ref": "#"}},
        },
        {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": an_object(b={"$ref": "#/$defs/b"}),
                "b": an_object(a={"$ref": "#/$defs/a"}),
            },
        },
    ],
)
def test_what_a_vendor_has_no_form_for_is_not_sent(schema: dict[str, Any]) -> None:
    assert reduce_schema(schema, ANTHROPIC_SUBSET) is None


def test_constraints_that_are_not_enforced_are_told_instead() -> None:
    schema = an_object(
        a={"type": "string", "minLength": 2, "description": "A name", "default": "x"},
        b={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 3},
        c={"type": "array", "items": TEXT, "minItems": 2},
        d={"oneOf": [TEXT, {"type": "null"}]},
    )

    reduced = reduce_schema(schema, ANTHROPIC_SUBSET)

    assert reduced is not None
    assert reduced.dropped == ("maxItems", "minItems", "minLength")
    assert reduced.schema["properties"] == {
        "a": {"type": "string", "description": 'A name {"minLength": 2}'},
        "b": {"type": "array", "items": TEXT, "minItems": 1, "description": '{"maxItems": 3}'},
        "c": {"type": "array", "items": TEXT, "description": '{"minItems": 2}'},
        "d": {"anyOf": [TEXT, {"type": "null"}]},
    }


def test_a_constant_is_an_enumeration_of_one_for_google() -> None:
    reduced = reduce_schema(an_object(a={"type": "string", "const": "x"}), GEMINI_SUBSET)

    assert reduced is not None
    assert reduced.schema["properties"]["a"] == {"type": "string", "enum": ["x"]}


@pytest.mark.parametrize(
    ("schema", "is_strict"),
    [
        (CLOSED, True),
        (an_object(a=TEXT), True),
        (an_object(a={"type": "integer", "minimum": 1, "maximum": 5}), True),
        (an_object(a={"$ref": "#"}), True),
        ({**CLOSED, "required": []}, False),
        (an_object(a={"type": "string", "minLength": 1}), False),
        (an_object(a={"type": "object"}), False),
        ({"type": "array", "items": TEXT}, False),
        ({"anyOf": [CLOSED]}, False),
        (an_object(a={"enum": list(range(1_001))}), False),
    ],
)
def test_strict_is_only_asked_for_what_openai_enforces(
    schema: dict[str, Any], is_strict: bool
) -> None:
    strict = make_strict(schema)

    assert (strict is not None) is is_strict
    if strict is not None:
        assert strict == {**schema, "additionalProperties": False}


def test_a_schema_nested_too_deeply_is_not_strict() -> None:
    schema = an_object(a=TEXT)
    for _ in range(12):
        schema = an_object(a=schema)

    assert make_strict(schema) is None
    for _ in range(100):
        schema = an_object(a=schema)
    assert reduce_schema(schema, GEMINI_SUBSET) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "$ref", "anyOf", "$defs", "required"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["properties", "items", "$defs", "x", "$ref"]), JSON))
def test_no_schema_breaks_the_reduction(schema: dict[str, Any]) -> None:
    for subset in (ANTHROPIC_SUBSET, GEMINI_SUBSET):
        reduce_schema(schema, subset)
    make_strict({"type": "object", **schema})
    fits_grammar(schema)


@pytest.mark.parametrize("value", [[], {}, [{}], 3, None, "x"])
@pytest.mark.parametrize("keyword", ["required", "format", "minItems", "enum", "const", "type"])
def test_keywords_of_any_shape_break_nothing(keyword: str, value: object) -> None:
    for subset in (ANTHROPIC_SUBSET, GEMINI_SUBSET):
        reduce_schema({**CLOSED, keyword: value}, subset)
    make_strict({**CLOSED, keyword: value})
    fits_grammar({**CLOSED, keyword: value})


def test_openai_gets_the_properties_of_every_object_of_arguments() -> None:
    assert complete_parameters({}) == {"type": "object", "properties": {}}
    assert complete_parameters(CLOSED) == CLOSED
    assert complete_parameters({"type": "array"}) == {"type": "array"}


def test_an_instruction_says_whether_an_object_is_wanted() -> None:
    assert build_schema_rule(CLOSED).startswith("Answer with one JSON object, without")
    assert build_schema_rule({"type": "array"}).startswith("Answer with JSON alone, without")


NUMBER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (an_object(a={"type": "integer", "minimum": 1, "maximum": 5}), True),
        (an_object(minimum=NUMBER, minItems=TEXT, pattern=TEXT, enum=TEXT), True),
        (an_object(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": TEXT}}, True),
        (an_object(a={"anyOf": [TEXT]}, b={"$ref": "#/properties/a/anyOf/0"}), True),
        ({"$ref": "#/$defs/N", "$defs": {"N": an_object(next={"$ref": "#/$defs/N"})}}, True),
        ({"type": "string", "pattern": "^[A-Z]{3}$", "maxLength": 50_000}, True),
        (an_object(a={"$ref": "#"}), False),
        (an_object(a={"$ref": "#name"}), False),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": TEXT}}, False),
        ({"$ref": "#/$defs/a%25b", "$defs": {"a%b": TEXT}}, False),
        ({"$id": "https://example.org/a", "$ref": "https://example.org/a#/$defs/a"}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
         False),
        ({"$ref": "#/$defs/none"}, False),
        ({"$ref": "#/anyOf/7", "anyOf": [TEXT]}, False),
        ({"$ref": 7}, False),
        (an_object(a=True), False),
        ({"anyOf": [TEXT, True]}, False),
        ({"type": "array", "prefixItems": [NUMBER], "items": False}, False),
        ({"enum": []}, False),
        ({"type": "array", "items": NUMBER, "minItems": 2.0}, False),
        ({"type": "string", "minLength": 3_000}, False),
        ({"type": "string", "pattern": "^a{3000}$"}, False),
        ({"type": "string", "pattern": '^"a"$'}, False),
        ({"type": "integer", "maximum": 1e30}, False),
    ],
)  # fmt: skip
def test_a_grammar_is_only_asked_for_where_the_server_can_make_one(
    schema: dict[str, Any], expected: bool
) -> None:
    assert fits_grammar(schema) is expected
