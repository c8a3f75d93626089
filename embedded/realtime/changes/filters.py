"""The `filter` of a postgres_changes binding: `n=gt.5,name=not.in.(a,"b,c")`. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embedded.realtime.wire.json import compact

MOST_VALUES: Final = 100
"""Of one `in`."""

_IS_VALUES: Final = frozenset({"null", "true", "false", "unknown"})
_SEGMENT: Final = re.compile(
    r'(?:"(?:[^"\\]|\\.)*"|\([^()"]*(?:"(?:[^"\\]|\\.)*"[^()"]*)*\)|[^,])+'
)
_ITEM: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')


class Operator(StrEnum):
    """How the column is compared with the value."""

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
    """The message is what the client is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison; a row passes a filter when all of them hold."""

    column: str
    operator: Operator
    is_negated: bool = False
    values: tuple[str, ...]
    """One, but for `in`."""

    def inspect(self) -> str:
        """Give it as the real server's messages do."""
        value = ",".join(self.values)
        shown = f"{{{value}}}" if self.operator is Operator.IN else value
        return f"{{{compact(self.column)}, {compact(self.operator.value)}, {compact(shown)}}}"


def parse_filter(text: str) -> tuple[Condition, ...]:
    """Read a filter; an empty one has no conditions. Raises BadFilter."""
    if not text.strip():
        return ()
    return tuple(_condition(segment) for segment in _SEGMENT.findall(text))


def _condition(segment: str) -> Condition:
    target, equals, comparison = segment.strip().partition("=")
    is_negated = comparison.startswith("not.")
    name, dot, value = comparison.removeprefix("not.").partition(".")
    if not (equals and dot and target) or name not in set(Operator):
        raise BadFilter(f"Error parsing `filter` params: [{compact(segment)}]")
    operator = Operator(name)
    values = _list(value, segment) if operator is Operator.IN else (_unquoted(value),)
    if operator is Operator.IS:
        values = (values[0].lower(),)
        if values[0] not in _IS_VALUES:
            raise BadFilter(f"Error parsing `filter` params: [{compact(segment)}]")
    return Condition(
        # The name of a column: a path into JSON, such as `data->>k`, is none.
        column=_unquoted(target.strip()),
        operator=operator,
        is_negated=is_negated,
        values=values,
    )


def _list(text: str, segment: str) -> tuple[str, ...]:
    if not (text.startswith("(") and text.endswith(")")):
        raise BadFilter(f"Error parsing `filter` params: [{compact(segment)}]")
    values = tuple(_unquoted(each.strip()) for each in _ITEM.findall(text[1:-1]))
    if len(values) > MOST_VALUES:
        raise BadFilter(f"Too many values for `in` filter. Maximum {MOST_VALUES}")
    return values


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
