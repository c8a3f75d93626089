"""Parsing of `select=` and `columns=`: columns, casts, JSON paths, embedded resources."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from embedded.rest.request.scanner import MAX_DEPTH, Scanner


@dataclass(frozen=True, slots=True)
class JsonStep:
    """One step of a JSON path."""

    key: str
    as_text: bool
    """Whether the arrow is `->>` instead of `->`."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a path in a JSON column."""

    name: str
    path: tuple[JsonStep, ...] = ()


@dataclass(frozen=True, slots=True)
class AllColumns:
    """`*`."""


ALL_ROWS: Final = Field("*")
"""The field of `count()`."""


@dataclass(frozen=True, slots=True)
class SelectedField:
    """`alias:field->path::cast.aggregate()::aggregate_cast`."""

    field: Field
    alias: str | None = None
    cast: str | None = None
    aggregate: str | None = None
    aggregate_cast: str | None = None

    @property
    def output_name(self) -> str:
        """The key in the response: alias, aggregate, or the last name of a JSON path."""
        if self.alias is not None:
            return self.alias
        if self.aggregate is not None:
            return self.aggregate
        names = [step.key for step in self.field.path if not is_index(step.key)]
        return names[-1] if names else self.field.name


@dataclass(frozen=True, slots=True)
class Embed:
    """`alias:target!hint!inner(items)`: rows of a related table."""

    target: str
    items: tuple["SelectItem", ...]
    alias: str | None = None
    hint: str | None = None
    is_inner: bool = False
    is_spread: bool = False

    @property
    def output_name(self) -> str:
        """The key in the response, and the name in filters."""
        return self.alias or self.target


_JSON_INDEX: Final = r"-?[0-9]+(?=->|::|[.,)]|$)"

SelectItem: TypeAlias = AllColumns | SelectedField | Embed


def is_index(key: str) -> bool:
    """Return whether a step of a JSON path is an array index."""
    digits = key.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 9


def parse_select(text: str) -> tuple[SelectItem, ...]:
    """Parse the value of `select=`; an empty one selects all columns."""
    if not text.strip():
        return (AllColumns(),)
    scanner = Scanner("select parameter", text)
    items = _parse_items(scanner, depth=0)
    if not scanner.is_at_end:
        scanner.fail("end of input")
    return items


def parse_columns(text: str) -> tuple[str, ...]:
    """Parse the value of `columns=` or `on_conflict=`."""
    scanner = Scanner("columns parameter", text)
    names = [scanner.read_name()]
    while scanner.take(","):
        names.append(scanner.read_name())
    if not scanner.is_at_end:
        scanner.fail('"," or end of input')
    return tuple(dict.fromkeys(names))


def parse_field(scanner: Scanner) -> Field:
    """Parse a column name and its JSON path."""
    return Field(scanner.read_name(), parse_path(scanner))


def parse_path(scanner: Scanner) -> tuple[JsonStep, ...]:
    """Parse an optional path such as `->a->>b`."""
    steps: list[JsonStep] = []
    while scanner.take("->"):
        as_text = scanner.take(">")
        key = scanner.match(_JSON_INDEX) or scanner.read_name()
        steps.append(JsonStep(key, as_text=as_text))
    return tuple(steps)


def _parse_items(scanner: Scanner, *, depth: int) -> tuple[SelectItem, ...]:
    if depth > MAX_DEPTH:
        scanner.fail(f"at most {MAX_DEPTH} levels of embedding")
    items: list[SelectItem] = []
    if scanner.peek(")"):
        return ()
    while True:
        items.append(_parse_item(scanner, depth=depth))
        if not scanner.take(","):
            return tuple(items)


def _parse_item(scanner: Scanner, *, depth: int) -> SelectItem:
    if scanner.take("..."):
        return _parse_embed(scanner, scanner.read_name(), alias=None, is_spread=True, depth=depth)
    if scanner.take("*"):
        return AllColumns()
    alias, name = None, scanner.read_name()
    if scanner.peek(":") and not scanner.peek("::"):
        scanner.take(":")
        alias, name = name, scanner.read_name()
    if name == "count" and scanner.take("()"):
        return SelectedField(
            ALL_ROWS, alias, aggregate="count", aggregate_cast=_parse_cast(scanner)
        )
    if name != "count" and (scanner.peek("!") or scanner.peek("(")):
        return _parse_embed(scanner, name, alias=alias, is_spread=False, depth=depth)
    field = Field(name, parse_path(scanner))
    cast = _parse_cast(scanner)
    if not scanner.take("."):
        return SelectedField(field, alias, cast)
    aggregate = scanner.match("sum|avg|count|max|min") or scanner.fail(
        "sum, avg, count, max or min"
    )
    scanner.expect("()")
    return SelectedField(field, alias, cast, aggregate, _parse_cast(scanner))


def _parse_cast(scanner: Scanner) -> str | None:
    return scanner.read_identifier() if scanner.take("::") else None


def _parse_embed(
    scanner: Scanner, target: str, *, alias: str | None, is_spread: bool, depth: int
) -> Embed:
    hint, is_inner = None, False
    for _ in range(2):
        if not scanner.take("!"):
            break
        modifier = scanner.read_name()
        if modifier == "inner":
            is_inner = True
        elif modifier != "left":
            hint = modifier
    scanner.expect("(")
    items = _parse_items(scanner, depth=depth + 1)
    scanner.expect(")")
    return Embed(target, items, alias, hint, is_inner=is_inner, is_spread=is_spread)
