"""Parsing of the query string: selection, filters, order and limits of each resource."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import unquote_to_bytes

from embedded.rest.errors import ApiError, bad_range, bad_request
from embedded.rest.request.filters import Condition, has_operator, parse_filter, parse_group
from embedded.rest.request.scanner import Scanner
from embedded.rest.request.select import (
    AllColumns,
    Field,
    SelectItem,
    parse_columns,
    parse_field,
    parse_path,
    parse_select,
)

Path = tuple[str, ...]
"""Names of embedded resources from the root, which is ()."""


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One term of `order=`; `relation` names an embedded resource with at most one row."""

    field: Field
    relation: str | None
    is_descending: bool
    nulls: Literal["first", "last"] | None


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of one resource."""

    conditions: tuple[Condition, ...] = ()
    order: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query string."""

    select: tuple[SelectItem, ...] = (AllColumns(),)
    clauses: dict[Path, Clauses] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    """Arguments of a function that is called by GET."""

    @property
    def root(self) -> Clauses:
        """The clauses of the resource in the URL's path."""
        return self.clauses.get((), Clauses())


def parse_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """Decode a query string; raise PGRST100 if it is not UTF-8."""
    pairs: list[tuple[str, str]] = []
    for part in query_string.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def parse_query(pairs: Sequence[tuple[str, str]], *, has_arguments: bool = False) -> Query:
    """Parse decoded parameters.

    With `has_arguments`, parameters whose values have no operator are arguments of a function.
    """
    query = Query()
    arguments: list[tuple[str, str]] = []
    for name, value in pairs:
        match name:
            case "select":
                query = replace(query, select=parse_select(value))
            case "columns":
                query = replace(query, columns=parse_columns(value))
            case "on_conflict":
                query = replace(query, on_conflict=parse_columns(value))
            case _ if has_arguments and _is_argument(name, value):
                arguments.append((name, value))
            case _:
                _add_clause(query.clauses, name, value)
    return replace(query, arguments=tuple(arguments))


def _decode(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        shown = text.decode("ascii", "replace")
        raise bad_request("query string", shown, 0, "expecting UTF-8") from None


def _is_argument(name: str, value: str) -> bool:
    if name in {"order", "limit", "offset", "and", "or", "not.and", "not.or"}:
        return False
    return "." not in name and not has_operator(value)


def _add_clause(clauses: dict[Path, Clauses], name: str, value: str) -> None:
    path, name, target = _split_name(name)
    before = clauses.get(path, Clauses())
    match name:
        case "order":
            clauses[path] = replace(before, order=_parse_order(value))
        case "limit":
            clauses[path] = replace(before, limit=_parse_number(name, value))
        case "offset":
            clauses[path] = replace(before, offset=_parse_number(name, value))
        case "and" | "or" | "not.and" | "not.or":
            word: Literal["and", "or"] = "and" if name.endswith("and") else "or"
            group = parse_group(word, value, is_negated=name.startswith("not."))
            clauses[path] = replace(before, conditions=(*before.conditions, group))
        case _:
            condition = parse_filter(target, value)
            clauses[path] = replace(before, conditions=(*before.conditions, condition))


def _split_name(name: str) -> tuple[Path, str, Field]:
    """Split `embed.embed.column->path` to path, possible clause name and field."""
    scanner = Scanner("filter name", name)
    names = [scanner.read_name()]
    while scanner.take("."):
        names.append(scanner.read_name())
    steps = parse_path(scanner)
    if not scanner.is_at_end:
        scanner.fail('"." or end of input')
    if len(names) > 1 and names[-2] == "not" and names[-1] in {"and", "or"}:
        return tuple(names[:-2]), f"not.{names[-1]}", Field(names[-1])
    word = "" if steps else names[-1]
    return tuple(names[:-1]), word, Field(names[-1], steps)


def _parse_number(name: str, value: str) -> int:
    if re.fullmatch(r"-\d{1,18}", value) and name == "limit":
        raise bad_range("Limit should be greater than or equal to zero.")
    if re.fullmatch(r"[0-9]{1,18}", value) is None:
        raise ApiError(
            400, "PGRST100", f'"failed to parse {name} ({value})"', details="expecting a number"
        )
    return int(value)


def _parse_order(text: str) -> tuple[OrderTerm, ...]:
    scanner = Scanner("order", text)
    terms = [_parse_order_term(scanner)]
    while scanner.take(","):
        terms.append(_parse_order_term(scanner))
    if not scanner.is_at_end:
        scanner.fail('"," or end of input')
    return tuple(terms)


def _parse_order_term(scanner: Scanner) -> OrderTerm:
    target, relation = parse_field(scanner), None
    if not target.path and scanner.take("("):
        relation, target = target.name, parse_field(scanner)
        scanner.expect(")")
    is_descending, nulls = False, None
    direction_allowed = True
    while scanner.take("."):
        word = scanner.read_name()
        if direction_allowed and word in {"asc", "desc"}:
            is_descending = word == "desc"
        elif nulls is None and word in {"nullsfirst", "nullslast"}:
            nulls = word.removeprefix("nulls")
        else:
            scanner.fail("asc, desc, nullsfirst or nullslast")
        direction_allowed = False
    return OrderTerm(target, relation, is_descending, _parse_nulls(nulls))


def _parse_nulls(word: str | None) -> Literal["first", "last"] | None:
    match word:
        case "first" | "last":
            return word
        case _:
            return None
