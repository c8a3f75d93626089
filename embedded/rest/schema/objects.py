"""The objects of the database; all identifiers in statements come from here."""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_TYPE_ALIASES: Final[Mapping[str, str]] = {
    "int": "integer",
    "decimal": "numeric",
    "float": "double precision",
    "char": "bpchar",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation or of a function's result."""

    name: str
    type: str
    """Type name that is safe in SQL, without length, and with domains resolved."""
    default: str | None = None
    """SQL expression from the catalogue."""
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a view, or the rows that a function returns."""

    name: str
    sql: str
    """Quoted and qualified name; empty for the rows of a function."""
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...] = ()
    is_table: bool = False
    is_partitioned: bool = False
    comment: str | None = None
    computed: Mapping[str, Column] = field(default_factory=dict)
    """Functions of a row, which can be read like columns: `t.count`."""

    @property
    def reports_inserts(self) -> bool:
        """True if an upsert can distinguish new rows; views and partitions have no xmax."""
        return self.is_table and not self.is_partitioned


@dataclass(frozen=True, slots=True)
class Junction:
    """The table between two tables that are many-to-many."""

    name: str
    sql: str
    constraint: str
    far_constraint: str
    far_columns: tuple[tuple[str, str], ...]
    """(column of the junction, column of the far table)."""


class Cardinality(StrEnum):
    """Cardinalities, with the names of PostgREST."""

    MANY_TO_ONE = "many-to-one"
    ONE_TO_ONE = "one-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship from one relation to another."""

    origin: str
    target: str
    constraint: str
    columns: tuple[tuple[str, str], ...]
    """(column of the origin, column of the target, or of the junction)."""
    cardinality: Cardinality
    junction: Junction | None = None

    @property
    def is_single(self) -> bool:
        """True if there is at most one related row."""
        return self.cardinality in {Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_ONE}


class ResultKind(StrEnum):
    """Kinds of results of functions."""

    VOID = "void"
    SCALAR = "scalar"
    COMPOSITE = "composite"


@dataclass(frozen=True, slots=True)
class FunctionArgument:
    """An input of a function; `name` is empty for an unnamed one."""

    name: str
    type: str
    is_required: bool
    is_variadic: bool


BODY_TYPES: Final = frozenset({"bytea", "json", "jsonb", "text", "xml"})
"""Types of a single unnamed argument that can take a body."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be called below /rpc."""

    name: str
    sql: str
    arguments: tuple[FunctionArgument, ...]
    kind: ResultKind
    returns_set: bool
    is_volatile: bool
    rows: Relation
    """The columns of the result; named like the table, if it is one."""
    statement_timeout: str | None
    comment: str | None = None


SCALAR: Final = "pgrst_scalar"
"""The column name of a scalar result, as in PostgREST."""


def build_scalar_relation(type_: str) -> Relation:
    """Return the relation of a scalar result."""
    return Relation("", "", {SCALAR: Column(SCALAR, type_)})


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Settings stored with the role `authenticator`; the defaults are those of hosted projects.

    Source: https://docs.postgrest.org/en/stable/references/configuration.html
    """

    aggregates_enabled: bool = False
    max_rows: int = 1000
    """Maximum of rows in a response."""
    pre_request: str | None = None
    """Function that each transaction calls first; a name that is safe in SQL."""


def parse_settings(stored: Mapping[str, str]) -> RestSettings:
    """Parse `pgrst.*`; invalid values count as not set."""
    rows = stored.get("pgrst.db_max_rows", "")
    return RestSettings(
        aggregates_enabled=stored.get("pgrst.db_aggregates_enabled", "").lower() in _TRUE,
        max_rows=int(rows) if re.fullmatch(r"[0-9]{1,9}", rows) else RestSettings().max_rows,
        pre_request=_quote_qualified(stored.get("pgrst.db_pre_request", "")),
    )


def _quote_qualified(name: str) -> str | None:
    parts = [part.strip().strip('"') for part in name.split(".")]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts) if all(parts) else None


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of the database at one time."""

    relations: Mapping[str, Relation]
    relationships: Mapping[str, tuple[Relationship, ...]]
    """By origin."""
    functions: Mapping[str, tuple[Function, ...]]
    """Overloads by name."""
    types: Mapping[str, str]
    """Names that a cast may contain, with the names that are safe in SQL."""
    role_settings: Mapping[str, Mapping[str, str]]
    settings: RestSettings = field(default_factory=RestSettings)
    calls: dict[Hashable, tuple[Function, str, tuple[str | list[str] | None, ...]]] = field(
        default_factory=dict, compare=False
    )
    """Statements of calls that were built before, with their values; None stands for the body."""

    def find_type(self, name: str) -> str | None:
        """Return the safe name of the type that a request calls `name`, or None."""
        normalized = " ".join(name.lower().split())
        return self.types.get(_TYPE_ALIASES.get(normalized, normalized))


def quote_identifier(identifier: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'
