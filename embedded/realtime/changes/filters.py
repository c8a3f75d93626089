"""The `filter` of a postgres_changes binding: `n=gt.5,name=not.in.(a,"b,c")`."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embedded.realtime.wire.json import encode_compact_json

MAX_VALUES: Final = 100
"""Per `in`."""

_IS_VALUES: Final = frozenset({"null", "true", "false", "unknown"})
_SEGMENT: Final = re.compile(
    r'(?:"(?:[^"\\]|\\.)*"|\([^()"]*(?:"(?:[^"\\]|\\.)*"[^()"]*)*\)|[^,])+'
)
_ITEM: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')


class FilterOperator(StrEnum):
    """Operators of filters."""

    EQ = "eq"
    NEQ = "neq"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    LIKE = "like"
    ILIKE = "ilike"
    IS = "is"
    MATCH = "match"
    IMATCH = "imatch"
    ISDISTINCT = "isdistinct"


class BadFilter(ValueError):
    """The filter is invalid; the message is for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCondition:
    """One comparison; a row passes a filter if all of them hold."""

    column: str
    operator: FilterOperator
    is_negated: bool = False
    values: tuple[str, ...]
    """One value, except for `in`."""

    def describe(self) -> str:
        """Return the condition as in messages of the real server."""
        value = ",".join(self.values)
        shown = f"{{{value}}}" if self.operator is FilterOperator.IN else value
        parts = (self.column, self.operator.value, shown)
        return f"{{{', '.join(map(encode_compact_json, parts))}}}"


def parse_binding_filter(text: str) -> tuple[ColumnCondition, ...]:
    """Parse a filter; an empty one has no conditions. Raise `BadFilter`."""
    if not text.strip():
        return ()
    return tuple(_parse_condition(segment) for segment in _SEGMENT.findall(text))


def _parse_condition(segment: str) -> ColumnCondition:
    target, equals, comparison = segment.strip().partition("=")
    is_negated = comparison.startswith("not.")
    name, dot, value = comparison.removeprefix("not.").partition(".")
    if not (equals and dot and target) or name not in set(FilterOperator):
        raise BadFilter(f"Error parsing `filter` params: [{encode_compact_json(segment)}]")
    operator = FilterOperator(name)
    values = _parse_list(value, segment) if operator is FilterOperator.IN else (_unquote(value),)
    if operator is FilterOperator.IS:
        values = (values[0].lower(),)
        if values[0] not in _IS_VALUES:
            raise BadFilter(f"Error parsing `filter` params: [{encode_compact_json(segment)}]")
    return ColumnCondition(
        # A column name; JSON paths such as `data->>k` are not supported.
        column=_unquote(target.strip()),
        operator=operator,
        is_negated=is_negated,
        values=values,
    )


def _parse_list(text: str, segment: str) -> tuple[str, ...]:
    if not (text.startswith("(") and text.endswith(")")):
        raise BadFilter(f"Error parsing `filter` params: [{encode_compact_json(segment)}]")
    values = tuple(_unquote(each.strip()) for each in _ITEM.findall(text[1:-1]))
    if len(values) > MAX_VALUES:
        raise BadFilter(f"Too many values for `in` filter. Maximum {MAX_VALUES}")
    return values


def _unquote(text: str) -> str:
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
