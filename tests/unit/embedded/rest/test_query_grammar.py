import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.rest.errors import ApiError
from embedded.rest.request.filters import (
    ComparisonPredicate,
    Filter,
    Group,
    InPredicate,
    IsPredicate,
    TextSearchPredicate,
    parse_filter,
    parse_group,
)
from embedded.rest.request.query import Clauses, OrderTerm, parse_pairs, parse_query
from embedded.rest.request.select import (
    AllColumns,
    Embed,
    Field,
    JsonStep,
    SelectedField,
    parse_columns,
    parse_select,
)

NAME = Field("name")


def test_a_select_names_columns_aliases_casts_and_json_paths() -> None:
    items = parse_select("*,id,total:price::text,data->a->>b,data->0")

    assert items == (
        AllColumns(),
        SelectedField(Field("id")),
        SelectedField(Field("price"), "total", "text"),
        SelectedField(Field("data", (JsonStep("a", False), JsonStep("b", True)))),
        SelectedField(Field("data", (JsonStep("0", False),))),
    )


def test_aggregates_follow_a_field_and_may_have_a_cast() -> None:
    items = parse_select("count(),n:price::int.sum()::text,data->a.max()")

    assert items == (
        SelectedField(Field("*"), aggregate="count"),
        SelectedField(Field("price"), "n", "int", "sum", "text"),
        SelectedField(Field("data", (JsonStep("a", False),)), aggregate="max"),
    )


def test_a_json_path_is_named_by_its_last_key() -> None:
    names = [
        item.output_name
        for item in parse_select("data->a->>b,data->a->0,x:data->a,data->0,price.sum(),n:count()")
        if isinstance(item, SelectedField)
    ]

    assert names == ["b", "a", "x", "data", "sum", "n"]


def test_embedded_resources_nest_and_take_hints_and_joins() -> None:
    (item,) = parse_select("w:widgets!fk!inner(id,...makers(name))")

    assert item == Embed(
        "widgets",
        (
            SelectedField(Field("id")),
            Embed("makers", (SelectedField(Field("name")),), is_spread=True),
        ),
        alias="w",
        hint="fk",
        is_inner=True,
    )


def test_an_empty_select_selects_everything() -> None:
    assert parse_select("") == (AllColumns(),)
    assert parse_query([]).select == (AllColumns(),)


def test_quoted_names_may_contain_any_character() -> None:
    assert parse_select('"a,(b"') == (SelectedField(Field("a,(b")),)
    assert parse_columns('"a,b",c,"d\\"e"') == ("a,b", "c", 'd"e')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eq.1", Filter(NAME, ComparisonPredicate("eq", "1"))),
        ("eq.", Filter(NAME, ComparisonPredicate("eq", ""))),
        ('eq."quoted"', Filter(NAME, ComparisonPredicate("eq", '"quoted"'))),
        ("not.eq.a.b,c", Filter(NAME, ComparisonPredicate("eq", "a.b,c"), is_negated=True)),
        ("like(any).{a*,b}", Filter(NAME, ComparisonPredicate("like", "{a*,b}", "any"))),
        ('in.(a,"b,c",)', Filter(NAME, InPredicate(("a", "b,c", "")))),
        ("in.()", Filter(NAME, InPredicate(()))),
        ("is.NULL", Filter(NAME, IsPredicate("null"))),
        ("not.is.true", Filter(NAME, IsPredicate("true"), is_negated=True)),
        ("wfts(english).a b", Filter(NAME, TextSearchPredicate("wfts", "a b", "english"))),
    ],
)
def test_a_filter_is_an_operator_and_an_operand(text: str, expected: Filter) -> None:
    assert parse_filter(NAME, text) == expected


def test_logic_trees_nest_and_negate_and_quotes_protect_commas() -> None:
    text = '(a.eq."x,y",not.and(b.in.(1,2),c.cs.{p,q}),d.not.is.null,e->>f.gt.2)'

    assert parse_group("or", text, is_negated=False) == Group(
        "or",
        (
            Filter(Field("a"), ComparisonPredicate("eq", "x,y")),
            Group(
                "and",
                (
                    Filter(Field("b"), InPredicate(("1", "2"))),
                    Filter(Field("c"), ComparisonPredicate("cs", "{p,q}")),
                ),
                is_negated=True,
            ),
            Filter(Field("d"), IsPredicate("null"), is_negated=True),
            Filter(Field("e", (JsonStep("f", True),)), ComparisonPredicate("gt", "2")),
        ),
    )


def test_clauses_belong_to_the_resource_in_their_name() -> None:
    query = parse_query(
        [
            ("id", "eq.1"),
            ("widgets.data->>k", "eq.2"),
            ("widgets.or", "(a.eq.1,b.eq.2)"),
            ("widgets.makers.limit", "3"),
            ("order", "a.desc.nullslast,makers(name).asc"),
            ("limit", "5"),
            ("offset", "10"),
        ]
    )

    assert query.root.order == (
        OrderTerm(Field("a"), None, True, "last"),
        OrderTerm(Field("name"), "makers", False, None),
    )
    assert (query.root.limit, query.root.offset) == (5, 10)
    assert query.root.conditions == (Filter(Field("id"), ComparisonPredicate("eq", "1")),)
    assert len(query.clauses["widgets",].conditions) == 2
    assert query.clauses["widgets", "makers"] == Clauses(limit=3)


def test_arguments_of_a_call_are_the_parameters_without_an_operator() -> None:
    pairs = [("p_name", "x.y"), ("id", "eq.1"), ("limit", "2"), ("p_name", "z")]

    query = parse_query(pairs, has_arguments=True)

    assert query.arguments == (("p_name", "x.y"), ("p_name", "z"))
    assert query.root == Clauses((Filter(Field("id"), ComparisonPredicate("eq", "1")),), limit=2)


@pytest.mark.parametrize(
    "pair",
    [
        ("id", "1"),
        ("id", "foo.1"),
        ("id", "is.maybe"),
        ("id", "in.1"),
        ("id", "neq(any).{1}"),
        ("or", "a.eq.1"),
        ("or", "(a.eq.1"),
        ("or", "(a.eq.1)x"),
        ("select", "a,"),
        ("select", "a(b"),
        ("select", "a\0b"),
        ("select", "a/b"),
        ("select", "a->b/c"),
        ("select", "a->-1x"),
        ("select", "a::text[]"),
        ("select", "a::numeric(5,2)"),
        ("select", "a.sum"),
        ("select", "a.median()"),
        ("select", "count(id)"),
        ("select", "a!b!inner!left(id)"),
        ("a;b", "eq.1"),
        ("order", "a.sideways"),
        ("limit", "many"),
        ("limit", "9" * 5000),
        ("offset", "-1"),
        ("columns", "a,,b"),
        ("or", "(" + "and(" * 5000 + "a.eq.1"),
        ("select", "a(" * 5000),
    ],
)
def test_a_syntax_error_is_a_400(pair: tuple[str, str]) -> None:
    with pytest.raises(ApiError) as raised:
        parse_query([pair])

    assert (raised.value.status, raised.value.code) == (400, "PGRST100")


def test_a_negative_limit_is_an_unsatisfiable_range() -> None:
    with pytest.raises(ApiError) as raised:
        parse_query([("limit", "-1")])

    assert (raised.value.status, raised.value.code) == (416, "PGRST103")


def test_query_strings_are_utf8() -> None:
    assert parse_pairs(b"a=eq.%C3%A9+b&c") == [("a", "eq.\u00e9 b"), ("c", "")]
    with pytest.raises(ApiError):
        parse_pairs(b"a=eq.%ED%A0%80")


_words = st.sampled_from(
    ["select", "order", "or", "not.and", "limit", "a.b", "id", "columns", "on_conflict", "a->b"]
)
_fragments = st.lists(
    st.sampled_from([*'(){},.:*!"\\->', "eq", "not.", "in.", "and", "is.null", "a", "\0", "'"]),
    max_size=12,
).map("".join)


@given(st.lists(st.tuples(_words | st.text(), _fragments | st.text()), max_size=4), st.booleans())
def test_any_query_string_is_parsed_or_refused(
    pairs: list[tuple[str, str]], has_arguments: bool
) -> None:
    try:
        parse_query(pairs, has_arguments=has_arguments)
    except ApiError as error:
        assert error.status in {400, 416}
