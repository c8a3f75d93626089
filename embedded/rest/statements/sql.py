"""The parts that all statements share: bind parameters, fields, conditions and the answer's row."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from embedded.rest.errors import ApiError, unknown_column
from embedded.rest.request.filters import (
    OPERATORS,
    STATES,
    TEXT_SEARCHES,
    Comparison,
    Condition,
    Filter,
    Group,
    Membership,
    Predicate,
    State,
    TextSearch,
)
from embedded.rest.request.headers import Media, Shape
from embedded.rest.request.select import Field, is_index
from embedded.rest.schema.tables import Relation, quote

_PATTERNS = frozenset({"like", "ilike"})
_MATCHES = frozenset({"match", "imatch"})


class Parameters:
    """The values of a statement; they never become part of its text.

    Everything is bound as text and cast in SQL, so that Postgres judges what a person wrote.
    """

    def __init__(self) -> None:
        self.values: list[str | list[str]] = []

    def text(self, value: str) -> str:
        """Bind a string."""
        self.values.append(value)
        return f"${len(self.values)}::text"

    def texts(self, values: Sequence[str]) -> str:
        """Bind a list of strings."""
        self.values.append(list(values))
        return f"${len(self.values)}::text[]"


@dataclass(frozen=True, slots=True)
class Plan:
    """A select whose rows the planner estimates."""

    sql: str
    parameters: Parameters
    exact_up_to: int
    """Up to here a total that was counted is better than a guess."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that answers one row: total, page, body, inserted, headers, status."""

    sql: str
    parameters: Parameters
    statement_timeout: str | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """A relation under its alias, as conditions and columns see it."""

    relation: Relation
    alias: str
    label: str
    """The name that a person knows it by."""
    embeds: Mapping[str, str] = field(default_factory=dict)
    """SQL of the embedded resources by name; null where there is none."""
    is_written: bool = False
    """The rows are those that a write gave back, with the computed columns that are asked for."""


def field_sql(target: Field, scope: Scope, parameters: Parameters) -> tuple[str, str]:
    """The expression of a column or JSON path, and its type.

    Raises 42703 for a column that the relation lacks.
    """
    relation = scope.relation
    column = relation.columns.get(target.name) or relation.computed.get(target.name)
    if column is None:
        raise unknown_column(scope.label, target.name)
    sql, type_ = f"{scope.alias}.{quote(column.name)}", column.type
    if target.path and type_ not in {"json", "jsonb"}:
        sql, type_ = f"to_jsonb({sql})", "jsonb"
    for step in target.path:
        key = parameters.text(step.key) + ("::int" if is_index(step.key) else "")
        arrow = "->>" if step.as_text else "->"
        sql = f"({sql} {arrow} {key})"
        type_ = "text" if step.as_text else type_
    return sql, type_


def condition_sql(condition: Condition, scope: Scope, parameters: Parameters) -> str:
    """A condition as a boolean expression."""
    if isinstance(condition, Group):
        parts = [condition_sql(child, scope, parameters) for child in condition.conditions]
        sql = "(" + f" {condition.word} ".join(parts) + ")"
    else:
        sql = _filter_sql(condition, scope, parameters)
    return f"not ({sql})" if condition.is_negated else sql


def where_sql(conditions: Sequence[str]) -> str:
    """The where clause, with its leading space; empty when there are no conditions."""
    return " where " + " and ".join(conditions) if conditions else ""


def rows_body(media: Media) -> str:
    """The expression that makes the body out of the rows of `source`."""
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


def answer_sql(body: str, *, source: str, total: str = "null::int8", inserted: str = "0") -> str:
    """The final select over `source`, in which the columns of a Statement are made."""
    return (
        f"select {total} as total, count(*) as page, {body} as body, {inserted}::int8 as inserted,"
        " nullif(current_setting('response.headers', true), '') as headers,"
        " nullif(current_setting('response.status', true), '') as status"
        f" from {source} as _row"
    )


def _filter_sql(condition: Filter, scope: Scope, parameters: Parameters) -> str:
    target, predicate = condition.field, condition.predicate
    embed = scope.embeds.get(target.name)
    if embed is not None and not target.path:
        if isinstance(predicate, State) and predicate.value in {"null", "not_null"}:
            return f"{embed} {STATES[predicate.value]}"
        if target.name not in scope.relation.columns:
            raise _bad_embed_filter(target.name)
    sql, type_ = field_sql(target, scope, parameters)
    return _predicate_sql(predicate, sql, type_, parameters)


def _bad_embed_filter(name: str) -> ApiError:
    return ApiError(
        400,
        "PGRST120",
        f"Bad operator on the '{name}' embedded resource",
        details="Only is null or not is null filters are allowed on embedded resources",
    )


def _predicate_sql(predicate: Predicate, sql: str, type_: str, parameters: Parameters) -> str:
    match predicate:
        case State(value):
            return f"{sql} {STATES[value]}"
        case Membership(values):
            return f"{sql} = any({parameters.texts(values)}::{type_}[])"
        case TextSearch():
            return _search_sql(predicate, sql, type_, parameters)
        case Comparison():
            return _comparison_sql(predicate, sql, type_, parameters)


def _comparison_sql(comparison: Comparison, sql: str, type_: str, parameters: Parameters) -> str:
    operator, value = comparison.operator, comparison.value
    if operator in _PATTERNS:
        value = value.replace("*", "%")
    operand_type = "text" if operator in _PATTERNS | _MATCHES else type_
    operand = parameters.text(value)
    if comparison.quantifier is not None:
        operand = f"{comparison.quantifier}({operand}::{operand_type}[])"
    elif operand_type != "text":
        operand = f"{operand}::{operand_type}"
    return f"{sql} {OPERATORS[operator]} {operand}"


def _search_sql(search: TextSearch, sql: str, type_: str, parameters: Parameters) -> str:
    language = ""
    if search.language is not None:
        language = f"{parameters.text(search.language)}::regconfig, "
    vector = sql if type_ == "tsvector" else f"to_tsvector({language}{sql})"
    query = f"{TEXT_SEARCHES[search.operator]}({language}{parameters.text(search.value)})"
    return f"{vector} @@ {query}"
