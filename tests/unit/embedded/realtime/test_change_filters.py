import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.realtime.changes.bindings import ANY, read_binding
from embedded.realtime.changes.filters import BadFilter, Condition, Operator, parse_filter


def one(column: str, operator: Operator, *values: str, **rest: Any) -> Condition:
    return Condition(column=column, operator=operator, values=values, **rest)


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("", ()),
        ("n=eq.5", (one("n", Operator.EQ, "5"),)),
        ("n=not.gt.5", (one("n", Operator.GT, "5", is_negated=True),)),
        ("n=in.(1,2)", (one("n", Operator.IN, "1", "2"),)),
        ('n=in.("a,b","c)d", e)', (one("n", Operator.IN, "a,b", "c)d", "e"),)),
        (r'n=eq."a\"b\\c,d"', (one("n", Operator.EQ, r'a"b\c,d'),)),
        ("n=is.NULL", (one("n", Operator.IS, "null"),)),
        ("n=eq.a=b.c", (one("n", Operator.EQ, "a=b.c"),)),
        ("n=eq.", (one("n", Operator.EQ, ""),)),
        ("n=gt.1,n=lt.9", (one("n", Operator.GT, "1"), one("n", Operator.LT, "9"))),
        ("d->>k=eq.v", (one("d->>k", Operator.EQ, "v"),)),
    ],
)
def test_a_filter_is_read_as_the_clients_write_it(
    text: str, conditions: tuple[Condition, ...]
) -> None:
    assert parse_filter(text) == conditions


@pytest.mark.parametrize(
    "text", ["garbage", "n=5", "=eq.5", "n=has.5", "n=is.5", "n=in.1,2", "n=eq"]
)
def test_what_is_no_filter_is_named_in_the_refusal(text: str) -> None:
    with pytest.raises(BadFilter, match="Error parsing `filter` params"):
        parse_filter(text)


def test_a_list_has_at_most_100_values() -> None:
    parse_filter(f"n=in.({','.join(['1'] * 100)})")

    with pytest.raises(BadFilter, match="Maximum 100"):
        parse_filter(f"n=in.({','.join(['1'] * 101)})")


@given(text=st.text() | st.text(alphabet='n=eq.in()",\\->not'))
def test_no_text_can_do_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(BadFilter):
        parse_filter(text)


def test_what_a_binding_does_not_say_is_everything() -> None:
    binding = read_binding(7, {})

    assert (binding.id, binding.event, binding.schema, binding.table) == (7, ANY, ANY, ANY)
    assert binding.wants("INSERT", "s", "t")
    assert binding.select is None


def test_parameters_are_shown_as_the_real_server_shows_them() -> None:
    asked = read_binding(
        1, {"event": "*", "schema": "public", "table": "t", "filter": "n=in.(1,2)"}
    )

    assert asked.inspect() == (
        '[event: *, schema: public, table: t, filters: [{"n", "in", "{1,2}"}], select: nil]'
    )
