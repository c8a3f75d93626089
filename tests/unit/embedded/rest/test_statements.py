"""The SQL of requests: names from the catalogue, values only as parameters."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.rest.errors import ApiError
from embedded.rest.request.body import parse_body
from embedded.rest.request.headers import Media
from embedded.rest.request.preferences import parse_preferences
from embedded.rest.request.query import parse_query
from embedded.rest.schema.objects import (
    Column,
    Function,
    FunctionArgument,
    Relation,
    ResultKind,
    Schema,
    build_scalar_relation,
)
from embedded.rest.schema.relationships import ForeignKey, find_relationships
from embedded.rest.statements.fragments import Statement
from embedded.rest.statements.mutations import MutationBuilder
from embedded.rest.statements.reads import build_read_statement
from embedded.rest.statements.rpc import CallBuilder


def a_relation(name: str, types: dict[str, str]) -> Relation:
    columns = {column: Column(column, type_) for column, type_ in types.items()}
    return Relation(name, f'"public"."{name}"', columns, ("id",), is_table=True)


def a_function(name: str = "add", *arguments: FunctionArgument) -> Function:
    return Function(
        name=name,
        sql=f'"public"."{name}"',
        arguments=arguments,
        kind=ResultKind.SCALAR,
        returns_set=False,
        is_volatile=True,
        rows=build_scalar_relation("integer"),
        statement_timeout=None,
    )


def an_argument(name: str, type_: str = "integer", *, is_required: bool = True) -> FunctionArgument:
    return FunctionArgument(name, type_, is_required=is_required, is_variadic=False)


def a_schema(*functions: Function) -> Schema:
    widgets = {
        "id": "bigint",
        "name": "text",
        "data": "jsonb",
        "maker_id": "integer",
        "old_maker": "integer",
    }
    relations = {
        "widgets": a_relation("widgets", widgets),
        "makers": a_relation("makers", {"id": "integer", "name": "text"}),
        "notes": a_relation("notes", {"id": "integer", "widget_id": "bigint"}),
    }
    keys = [
        ForeignKey("widgets_maker_id_fkey", "widgets", "makers", (("maker_id", "id"),), False),
        ForeignKey("notes_widget_id_fkey", "notes", "widgets", (("widget_id", "id"),), False),
        ForeignKey("widgets_old_maker_fkey", "widgets", "makers", (("old_maker", "id"),), False),
    ]
    overloads: dict[str, tuple[Function, ...]] = {}
    for function in functions:
        overloads[function.name] = (*overloads.get(function.name, ()), function)
    types = {"text": "text", "integer": "integer"}
    return Schema(relations, find_relationships(relations, keys), overloads, types, {})


def a_read(*pairs: tuple[str, str], table: str = "widgets") -> Statement:
    schema = a_schema()
    query = parse_query(pairs)
    relation = schema.relations[table]
    return build_read_statement(schema, relation, query, query.root, Media(), count=None)


def a_writer(*pairs: tuple[str, str], prefer: str = "") -> MutationBuilder:
    schema = a_schema()
    relation = schema.relations["widgets"]
    return MutationBuilder(
        schema, relation, parse_query(pairs), parse_preferences([prefer]), Media()
    )


@given(st.text())
def test_a_value_never_becomes_sql(value: str) -> None:
    plain = a_read(("name", "eq.x"), ("data->>k", "not.like.y"))
    other = a_read(("name", f"eq.{value}"), ("data->>k", f"not.like.{value}"))

    assert other.sql == plain.sql
    assert other.parameters.values[:3] == [value, "k", value.replace("*", "%")]


@given(st.text(min_size=1, alphabet=st.characters(exclude_characters="\0", codec="utf-8")))
def test_an_alias_stays_inside_its_quotes(alias: str) -> None:
    quoted = '"' + alias.replace("\\", "\\\\").replace('"', '\\"') + '"'

    sql = a_read(("select", f"{quoted}:id")).sql

    assert f'''t0."id" as "{alias.replace('"', '""')}" from''' in sql


@pytest.mark.parametrize(
    "pairs",
    [
        [("nope", "eq.1")],
        [("select", 'id,"x"" from pg_authid --"')],
        [("order", "nope")],
        [("select", "id::nope")],
        [("select", "id,makers!widgets_maker_id_fkey(nope)")],
    ],
)
def test_unknown_names_never_reach_the_database(
    pairs: list[tuple[str, str]],
) -> None:
    with pytest.raises(ApiError) as raised:
        a_read(*pairs)

    assert raised.value.status == 400


def test_a_filter_compares_in_the_type_of_its_column() -> None:
    sql = a_read(("id", "eq.1"), ("maker_id", "in.(1,2)"), ("data->k", "cs.[]")).sql

    assert 't0."id" = $1::text::bigint' in sql
    assert 't0."maker_id" = any($2::text[]::integer[])' in sql
    assert '(t0."data" -> $3::text) @> $4::text::jsonb' in sql


def test_two_foreign_keys_to_one_table_are_ambiguous_until_one_is_named() -> None:
    with pytest.raises(ApiError) as raised:
        a_read(("select", "id,makers(name)"))

    assert (raised.value.status, raised.value.code) == (300, "PGRST201")
    for hint in ("makers!old_maker", "makers!widgets_old_maker_fkey", "old_maker"):
        assert '"id" = t0."old_maker"' in a_read(("select", f"id,{hint}(name)")).sql


def test_rows_of_a_response_are_limited() -> None:
    assert a_read().parameters.values == ["1000"]
    assert a_read(("limit", "5000")).parameters.values == ["1000"]
    assert a_read(("limit", "2"), ("offset", "3")).parameters.values == ["2", "3"]


def test_clauses_of_a_resource_that_is_not_selected_are_refused() -> None:
    with pytest.raises(ApiError) as raised:
        a_read(("notes.id", "eq.1"))

    assert raised.value.code == "PGRST108"


def test_a_body_is_one_parameter() -> None:
    body = b'{"id":1,"name":"it\'s $1"}'

    statement = a_writer().insert(parse_body("application/json", body))

    assert statement.parameters.values == ["[" + body.decode() + "]"]
    assert 'as _new("id" bigint, "name" text)' in statement.sql


def test_a_minimal_write_returns_no_column() -> None:
    statement = a_writer(("id", "eq.1")).delete()

    assert "returning 1)" in statement.sql


@pytest.mark.parametrize("pairs", [[], [("select", "id")], [("order", "id")], [("limit", "1")]])
def test_a_write_without_a_filter_is_refused(pairs: list[tuple[str, str]]) -> None:
    payload = parse_body(None, b'{"name":"x"}')

    with pytest.raises(ApiError) as deleting:
        a_writer(*pairs).delete()
    with pytest.raises(ApiError) as updating:
        a_writer(*pairs).update(payload)

    for raised in (deleting, updating):
        assert (raised.value.status, raised.value.code) == (400, "21000")


def test_a_written_column_that_does_not_exist_is_named() -> None:
    with pytest.raises(ApiError) as raised:
        a_writer().insert(parse_body(None, b'{"nope":1}'))

    assert raised.value.code == "PGRST204"
    assert "'nope' column of 'widgets'" in str(raised.value)


def test_the_overload_is_chosen_by_the_names_of_its_arguments() -> None:
    one = a_function("f", an_argument("a"))
    two = a_function("f", an_argument("a"), an_argument("b"), an_argument("c", is_required=False))

    def chosen(*names: str) -> Function:
        query = parse_query([(name, "1") for name in names], has_arguments=True)
        return CallBuilder(a_schema(one, two), "f", query, Media()).choose_by_query()

    assert chosen("a") is one
    assert chosen("b", "a") is two
    assert chosen("a", "b", "c") is two
    for names in ([], ["b"], ["a", "x"]):
        with pytest.raises(ApiError) as raised:
            chosen(*names)
        assert (raised.value.status, raised.value.code) == (404, "PGRST202")


def test_overloads_that_differ_only_in_types_are_ambiguous() -> None:
    schema = a_schema(a_function("f", an_argument("a")), a_function("f", an_argument("a", "text")))

    with pytest.raises(ApiError) as raised:
        CallBuilder(
            schema, "f", parse_query([("a", "1")], has_arguments=True), Media()
        ).choose_by_query()

    assert (raised.value.status, raised.value.code) == (300, "PGRST203")


def test_a_call_names_only_the_arguments_that_were_given() -> None:
    function = a_function("add", an_argument("a"), an_argument("b", is_required=False))
    payload = parse_body(None, b'{"a":1}')
    caller = CallBuilder(a_schema(function), "add", parse_query([]), Media())

    statement = caller.call_with_body(
        caller.choose_by_body(payload), payload, parse_query([]).root, counts=False
    )

    assert '"public"."add"("a" := _args."a")' in statement.sql
    assert statement.parameters.values == ['{"a":1}', "1000"]


def test_a_junction_relates_the_tables_of_two_keys_in_its_primary_key() -> None:
    pair = a_relation("pairs", {"a": "integer", "b": "integer"})
    relations = {
        "pairs": replace(pair, primary_key=("a", "b")),
        "left": a_relation("left", {"id": "integer"}),
        "right": a_relation("right", {"id": "integer"}),
        "right_view": replace(a_relation("right_view", {"id": "integer"}), is_table=False),
    }
    keys = [
        ForeignKey("a_fkey", "pairs", "left", (("a", "id"),), is_unique=False),
        ForeignKey("b_fkey", "pairs", "right", (("b", "id"),), is_unique=False),
        ForeignKey("b_fkey", "pairs", "right_view", (("b", "id"),), is_unique=False),
    ]

    relationships = find_relationships(relations, keys)

    assert sorted(each.target for each in relationships["left"]) == [
        "pairs",
        "right",
        "right_view",
    ]
    assert sorted(each.target for each in relationships["right"]) == [
        "left",
        "pairs",
    ]
