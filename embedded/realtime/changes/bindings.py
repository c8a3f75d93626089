"""One entry of `postgres_changes` in a join. Pure."""

from dataclasses import dataclass
from typing import Final

from embedded.realtime.changes.filters import BadFilter, Condition, parse_filter
from embedded.realtime.wire.json import Json, compact

ANY: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which changes of which tables a channel wants, and which of their columns."""

    id: int
    event: str
    """INSERT, UPDATE, DELETE, or ANY."""
    schema: str
    table: str
    """ANY for all tables of the schema."""
    conditions: tuple[Condition, ...]
    select: tuple[str, ...] | None
    """None for all columns."""

    def wants(self, event: str, schema: str, table: str) -> bool:
        """Whether such a change is asked for, before its values are looked at."""
        return (
            self.event in (ANY, event)
            and self.schema in (ANY, schema)
            and self.table in (ANY, table)
        )

    def inspect(self) -> str:
        """Give the parameters as the real server's messages do."""
        filters = ", ".join(each.inspect() for each in self.conditions)
        select = "nil" if self.select is None else f"[{', '.join(map(compact, self.select))}]"
        return (
            f"[event: {self.event}, schema: {self.schema}, table: {self.table},"
            f" filters: [{filters}], select: {select}]"
        )


def read_binding(identity: int, value: dict[str, Json]) -> Binding:
    """Read the entry that has this id. Raises BadFilter."""
    return Binding(
        id=identity,
        event=(_text(value.get("event")) or ANY).upper(),
        schema=_text(value.get("schema")) or ANY,
        table=_text(value.get("table")) or ANY,
        conditions=_conditions(value.get("filter")),
        select=_select(value.get("select")),
    )


def _conditions(value: Json) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, str):
        raise BadFilter(f"Error parsing `filter` params: [{compact(value)}]")
    return parse_filter(value)


def _select(value: Json) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",")]
    if not isinstance(value, list) or not value:
        return None
    names = tuple(each for each in value if isinstance(each, str) and each)
    return None if ANY in names else names


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
