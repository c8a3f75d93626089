import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.realtime.changes.filters import (
    BadFilter,
    ColumnCondition,
    FilterOperator,
    parse_binding_filter,
)
from embedded.realtime.changes.subscriptions import ANY, parse_binding


def one(column: str, operator: FilterOperator, *values: str, **rest: Any) -> ColumnCondition:
    return ColumnCondition(column=column, operator=operator, values=values, **rest)


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("", ()),
        ("n=eq.5", (one("n", FilterOperator.EQ, "5"),)),
        ("n=not.gt.5", (one("n", FilterOperator.GT, "5", is_negated=True),)),
        ("n=in.(1,2)", (one("n", FilterOperator.IN, "1", "2"),)),
        ('n=in.("a,b","c)d", e)', (one("n", FilterOperator.IN, "a,b", "c)d", "e"),)),
        (r'n=eq."a\"b\\c,d"', (one("n", FilterOperator.EQ, r'a"b\c,d'),)),
        ("n=is.NULL", (one("n", FilterOperator.IS, "null"),)),
        ("n=eq.a=b.c", (one("n", FilterOperator.EQ, "a=b.c"),)),
        ("n=eq.", (one("n", FilterOperator.EQ, ""),)),
        ("n=gt.1,n=lt.9", (one("n", FilterOperator.GT, "1"), one("n", FilterOperator.LT, "9"))),
        ("d->>k=eq.v", (one("d->>k", FilterOperator.EQ, "v"),)),
    ],
)
def test_a_filter_is_parsed_as_clients_write_it(
    text: str, conditions: tuple[ColumnCondition, ...]
) -> None:
    assert parse_binding_filter(text) == conditions


@pytest.mark.parametrize(
    "text", ["garbage", "n=5", "=eq.5", "n=has.5", "n=is.5", "n=in.1,2", "n=eq"]
)
def test_an_invalid_filter_is_named_in_the_error(text: str) -> None:
    with pytest.raises(BadFilter, match="Error parsing `filter` params"):
        parse_binding_filter(text)


def test_a_list_has_at_most_100_values() -> None:
    parse_binding_filter(f"n=in.({','.join(['1'] * 100)})")

    with pytest.raises(BadFilter, match="Maximum 100"):
        parse_binding_filter(f"n=in.({','.join(['1'] * 101)})")


@given(text=st.text() | st.text(alphabet='n=eq.in()",\\->not'))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(BadFilter):
        parse_binding_filter(text)


def test_missing_fields_of_a_binding_match_everything() -> None:
    binding = parse_binding(7, {})

    assert (binding.id, binding.event, binding.schema, binding.table) == (7, ANY, ANY, ANY)
    assert binding.matches("INSERT", "s", "t")
    assert binding.select is None


def test_parameters_are_described_as_by_the_real_server() -> None:
    asked = parse_binding(
        1, {"event": "*", "schema": "public", "table": "t", "filter": "n=in.(1,2)"}
    )

    assert asked.describe() == (
        '[event: *, schema: public, table: t, filters: [{"n", "in", "{1,2}"}], select: nil]'
    )
