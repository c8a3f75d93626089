"""SQL fragments that all statements share: parameters, fields, conditions, results."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from embedded.rest.errors import ApiError, unknown_column
from embedded.rest.request.filters import (
    OPERATORS,
    STATES,
    TEXT_SEARCHES,
    ComparisonPredicate,
    Condition,
    Filter,
    Group,
    InPredicate,
    IsPredicate,
    Predicate,
    TextSearchPredicate,
)
from embedded.rest.request.headers import Media, Shape
from embedded.rest.request.select import Field, is_index
from embedded.rest.schema.objects import Relation, quote_identifier

_PATTERNS = frozenset({"like", "ilike"})
_MATCHES = frozenset({"match", "imatch"})


class Parameters:
    """The bound values of a statement, which are never part of its text.

    All are bound as text and cast in SQL, so that Postgres validates them.
    """

    def __init__(self) -> None:
        self.values: list[str | list[str]] = []

    def bind(self, value: str) -> str:
        """Bind a string and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}::text"

    def bind_list(self, values: Sequence[str]) -> str:
        """Bind a list of strings and return its placeholder."""
        self.values.append(list(values))
        return f"${len(self.values)}::text[]"


@dataclass(frozen=True, slots=True)
class EstimateQuery:
    """A select statement whose rows the planner estimates."""

    sql: str
    parameters: Parameters
    exact_up_to: int
    """Up to this number a counted total is preferred to the estimate."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that returns one row: total, page, body, inserted, headers, status."""

    sql: str
    parameters: Parameters
    statement_timeout: str | None = None
    plan: EstimateQuery | None = None


@dataclass(frozen=True, slots=True)
class SqlScope:
    """A relation with its alias, for columns and conditions."""

    relation: Relation
    alias: str
    label: str
    """The name in requests and errors."""
    embeds: Mapping[str, str] = field(default_factory=dict)
    """SQL of the embedded resources by name; null if a row has none."""
    is_written: bool = False
    """Whether the rows are those of a write, with the requested computed columns."""


def build_field(target: Field, scope: SqlScope, parameters: Parameters) -> tuple[str, str]:
    """Return the expression of a column or JSON path, and its type.

    Raise 42703 for an unknown column.
    """
    relation = scope.relation
    column = relation.columns.get(target.name) or relation.computed.get(target.name)
    if column is None:
        raise unknown_column(scope.label, target.name)
    sql, type_ = f"{scope.alias}.{quote_identifier(column.name)}", column.type
    if target.path and type_ not in {"json", "jsonb"}:
        sql, type_ = f"to_jsonb({sql})", "jsonb"
    for step in target.path:
        key = parameters.bind(step.key) + ("::int" if is_index(step.key) else "")
        arrow = "->>" if step.as_text else "->"
        sql = f"({sql} {arrow} {key})"
        type_ = "text" if step.as_text else type_
    return sql, type_


def build_condition(condition: Condition, scope: SqlScope, parameters: Parameters) -> str:
    """Return the boolean expression of a condition."""
    if isinstance(condition, Group):
        parts = [build_condition(child, scope, parameters) for child in condition.conditions]
        sql = "(" + f" {condition.word} ".join(parts) + ")"
    else:
        sql = _build_filter(condition, scope, parameters)
    return f"not ({sql})" if condition.is_negated else sql


def build_where(conditions: Sequence[str]) -> str:
    """Return the where clause with a leading space, or an empty string."""
    return " where " + " and ".join(conditions) if conditions else ""


def build_rows_body(media: Media) -> str:
    """Return the expression that builds the body from the rows of `source`."""
    row = "json_strip_nulls(row_to_json(_row.*))" if media.strips_nulls else "_row.*"
    match media.shape:
        case Shape.ARRAY:
            return f"coalesce(json_agg({row})::text, '[]')"
        case Shape.OBJECT:
            row = row if media.strips_nulls else "row_to_json(_row.*)"
            return f"coalesce(string_agg({row}::text, ','), 'null')"
        case Shape.CSV:
            return (
                "coalesce((select string_agg(_key, ',') from json_object_keys("
                "(select row_to_json(_first.*) from source as _first limit 1)) as _key), '')"
                " || E'\\n' || coalesce(string_agg("
                "substr((_row.*)::text, 2, length((_row.*)::text) - 2), E'\\n'), '')"
            )


def build_result_select(
    body: str, *, source: str, total: str = "null::int8", inserted: str = "0"
) -> str:
    """Return the final select over `source`, with the columns of a `Statement`."""
    return (
        f"select {total} as total, count(*) as page, {body} as body, {inserted}::int8 as inserted,"
        " nullif(current_setting('response.headers', true), '') as headers,"
        " nullif(current_setting('response.status', true), '') as status"
        f" from {source} as _row"
    )


def _build_filter(condition: Filter, scope: SqlScope, parameters: Parameters) -> str:
    target, predicate = condition.field, condition.predicate
    embed = scope.embeds.get(target.name)
    if embed is not None and not target.path:
        if isinstance(predicate, IsPredicate) and predicate.value in {"null", "not_null"}:
            return f"{embed} {STATES[predicate.value]}"
        if target.name not in scope.relation.columns:
            raise _embed_filter_error(target.name)
    sql, type_ = build_field(target, scope, parameters)
    return _build_predicate(predicate, sql, type_, parameters)


def _embed_filter_error(name: str) -> ApiError:
    return ApiError(
        400,
        "PGRST120",
        f"Bad operator on the '{name}' embedded resource",
        details="Only is null or not is null filters are allowed on embedded resources",
    )


def _build_predicate(predicate: Predicate, sql: str, type_: str, parameters: Parameters) -> str:
    match predicate:
        case IsPredicate(value):
            return f"{sql} {STATES[value]}"
        case InPredicate(values):
            return f"{sql} = any({parameters.bind_list(values)}::{type_}[])"
        case TextSearchPredicate():
            return _build_text_search(predicate, sql, type_, parameters)
        case ComparisonPredicate():
            return _build_comparison(predicate, sql, type_, parameters)


def _build_comparison(
    comparison: ComparisonPredicate, sql: str, type_: str, parameters: Parameters
) -> str:
    operator, value = comparison.operator, comparison.value
    if operator in _PATTERNS:
        value = value.replace("*", "%")
    operand_type = "text" if operator in _PATTERNS | _MATCHES else type_
    operand = parameters.bind(value)
    if comparison.quantifier is not None:
        operand = f"{comparison.quantifier}({operand}::{operand_type}[])"
    elif operand_type != "text":
        operand = f"{operand}::{operand_type}"
    return f"{sql} {OPERATORS[operator]} {operand}"


def _build_text_search(
    search: TextSearchPredicate, sql: str, type_: str, parameters: Parameters
) -> str:
    language = ""
    if search.language is not None:
        language = f"{parameters.bind(search.language)}::regconfig, "
    vector = sql if type_ == "tsvector" else f"to_tsvector({language}{sql})"
    query = f"{TEXT_SEARCHES[search.operator]}({language}{parameters.bind(search.value)})"
    return f"{vector} @@ {query}"
