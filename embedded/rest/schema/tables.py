"""What the database offers: every identifier in a statement comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from embedded.rest.settings import RestSettings

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
    """Type name that is safe in SQL, without a length, domains resolved."""
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
    """Functions of a row: Postgres reads `t.count` as if it were a column."""

    @property
    def tells_inserts(self) -> bool:
        """Whether an upsert can tell new rows from merged ones: views and partitions hide xmax."""
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
    """How many rows are on both sides, in PostgREST's words."""

    MANY_TO_ONE = "many-to-one"
    ONE_TO_ONE = "one-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class Relationship:
    """A way from one relation to another."""

    origin: str
    target: str
    constraint: str
    columns: tuple[tuple[str, str], ...]
    """(column of the origin, column of the target, or of the junction)."""
    cardinality: Cardinality
    junction: Junction | None = None

    @property
    def is_single(self) -> bool:
        """Whether there is at most one row on the other side."""
        return self.cardinality in {Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_ONE}


class ResultKind(StrEnum):
    """What a function gives back."""

    VOID = "void"
    SCALAR = "scalar"
    COMPOSITE = "composite"


@dataclass(frozen=True, slots=True)
class Argument:
    """An input of a function; `name` is empty for an unnamed one."""

    name: str
    type: str
    is_required: bool
    is_variadic: bool


BODY_TYPES: Final = frozenset({"bytea", "json", "jsonb", "text", "xml"})
"""What a body can be as the one argument, without a name, of a function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be called through /rpc."""

    name: str
    sql: str
    arguments: tuple[Argument, ...]
    kind: ResultKind
    returns_set: bool
    is_volatile: bool
    rows: Relation
    """The shape of the result; its name is that of the table, if it is one."""
    statement_timeout: str | None
    comment: str | None = None


SCALAR: Final = "pgrst_scalar"
"""The column that a scalar result is, for filters and order; named as in PostgREST."""


def scalar_rows(type_: str) -> Relation:
    """The shape of a result that is a value or a set of values."""
    return Relation("", "", {SCALAR: Column(SCALAR, type_)})


@dataclass(frozen=True, slots=True)
class Schema:
    """One reading of the catalogue."""

    relations: Mapping[str, Relation]
    relationships: Mapping[str, tuple[Relationship, ...]]
    """By origin."""
    functions: Mapping[str, tuple[Function, ...]]
    """By name: the overloads."""
    types: Mapping[str, str]
    """Names that may be written in a cast, with the name that is safe in SQL."""
    role_settings: Mapping[str, Mapping[str, str]]
    settings: RestSettings = field(default_factory=RestSettings)

    def find_type(self, name: str) -> str | None:
        """The safe name of the type that a person called `name`."""
        wanted = " ".join(name.lower().split())
        return self.types.get(_TYPE_ALIASES.get(wanted, wanted))


def quote(identifier: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'
