"""Subscriptions of channels to changes, and their entries in `postgres_changes`."""

from dataclasses import dataclass
from typing import Final

from embedded.realtime.access.callers import Caller
from embedded.realtime.changes.filters import BadFilter, ColumnCondition, parse_binding_filter
from embedded.realtime.wire.frame_writer import FrameWriter
from embedded.realtime.wire.json import Json, encode_compact_json

ANY: Final = "*"
_EXTENSION: Final = "postgres_changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One entry of `postgres_changes`: event, table, filter and columns."""

    id: int
    event: str
    """INSERT, UPDATE, DELETE, or ANY."""
    schema: str
    table: str
    """ANY for all tables of the schema."""
    conditions: tuple[ColumnCondition, ...]
    select: tuple[str, ...] | None
    """None for all columns."""

    def matches(self, event: str, schema: str, table: str) -> bool:
        """Return whether a change matches, apart from the filter."""
        return (
            self.event in (ANY, event)
            and self.schema in (ANY, schema)
            and self.table in (ANY, table)
        )

    def describe(self) -> str:
        """Return the parameters as in messages of the real server."""
        filters = ", ".join(each.describe() for each in self.conditions)
        select = (
            "nil"
            if self.select is None
            else f"[{', '.join(map(encode_compact_json, self.select))}]"
        )
        return (
            f"[event: {self.event}, schema: {self.schema}, table: {self.table},"
            f" filters: [{filters}], select: {select}]"
        )


def parse_binding(identity: int, value: dict[str, Json]) -> Binding:
    """Parse an entry with this id; raise `BadFilter`."""
    return Binding(
        id=identity,
        event=(_to_text(value.get("event")) or ANY).upper(),
        schema=_to_text(value.get("schema")) or ANY,
        table=_to_text(value.get("table")) or ANY,
        conditions=_parse_conditions(value.get("filter")),
        select=_parse_select(value.get("select")),
    )


def _parse_conditions(value: Json) -> tuple[ColumnCondition, ...]:
    if value is None:
        return ()
    if not isinstance(value, str):
        raise BadFilter(f"Error parsing `filter` params: [{encode_compact_json(value)}]")
    return parse_binding_filter(value)


def _parse_select(value: Json) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",")]
    if not isinstance(value, list) or not value:
        return None
    names = tuple(each for each in value if isinstance(each, str) and each)
    return None if ANY in names else names


def _to_text(value: Json) -> str:
    return value if isinstance(value, str) else ""


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """The subscription of one channel; it sends nothing until it is confirmed."""

    writer: FrameWriter
    caller: Caller
    requested: tuple[tuple[int, dict[str, Json]], ...]
    """The entries of the join, with the ids in its reply."""
    bindings: tuple[Binding, ...] = ()
    """The entries that were checked."""
    is_confirmed: bool = False

    def send(self, payload: str) -> None:
        """Send a change to the client; `payload` is encoded JSON."""
        if self.is_confirmed:
            self.writer.push_raw(_EXTENSION, payload)

    def confirm(self, bindings: tuple[Binding, ...]) -> None:
        """Send changes from now on."""
        self.bindings = bindings
        self.is_confirmed = True
        self.writer.report(_EXTENSION, "ok", "Subscribed to PostgreSQL")

    def refuse(self, message: str) -> None:
        """Send the reason why there are no changes; the channel stays joined."""
        self.writer.report(_EXTENSION, "error", message)
