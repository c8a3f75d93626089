"""What the Prefer header asks for.

Source: https://docs.postgrest.org/en/stable/references/api/preferences.html
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embedded.rest.errors import ApiError

_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "resolution": frozenset({"merge-duplicates", "ignore-duplicates"}),
    "missing": frozenset({"default", "null"}),
    "return": frozenset({"minimal", "representation", "headers-only"}),
    "count": frozenset({"exact", "planned", "estimated"}),
    "tx": frozenset({"commit", "rollback"}),
    "handling": frozenset({"strict", "lenient"}),
}
_ORDER: Final = (
    "resolution",
    "missing",
    "return",
    "count",
    "handling",
    "timezone",
    "max-affected",
)
"""The order of Preference-Applied. `tx` is not in it: like hosted projects we take no orders there,
everything is committed."""

_ALWAYS: Final = frozenset({"count", "handling", "timezone"})


class Count(StrEnum):
    """How the rows are counted."""

    EXACT = "exact"
    PLANNED = "planned"
    """What the planner expects."""
    ESTIMATED = "estimated"
    """Exact up to the limit of one answer, above it what the planner expects."""


class Request(StrEnum):
    """What kind of request it is: each honours its own preferences."""

    READ = "read"
    INSERT = "insert"
    PUT = "put"
    UPDATE = "update"
    DELETE = "delete"
    CALL = "call"


_HONOURED: Final[Mapping[Request, frozenset[str]]] = {
    Request.READ: _ALWAYS,
    Request.INSERT: _ALWAYS | {"resolution", "missing", "return"},
    Request.PUT: _ALWAYS | {"return"},
    Request.UPDATE: _ALWAYS | {"missing", "return", "max-affected"},
    Request.DELETE: _ALWAYS | {"return", "max-affected"},
    Request.CALL: _ALWAYS | {"max-affected"},
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """The parsed Prefer header: the first value of each name wins."""

    values: Mapping[str, str]

    @property
    def returns_rows(self) -> bool:
        """Whether a write answers with the rows that it wrote."""
        return self.values.get("return") == "representation"

    @property
    def returns_location(self) -> bool:
        """Whether an insert answers with the place of its row."""
        return self.values.get("return") == "headers-only"

    @property
    def count(self) -> Count | None:
        """How all rows are counted, if they are."""
        return Count(self.values["count"]) if "count" in self.values else None

    @property
    def counts_written(self) -> bool:
        """Whether a write or a call counts its rows; a plan knows nothing of those."""
        return self.count in {Count.EXACT, Count.ESTIMATED}

    @property
    def resolution(self) -> str | None:
        """What happens to rows that exist already; None raises 23505."""
        return self.values.get("resolution")

    @property
    def missing_is_default(self) -> bool:
        """Whether a key that an object lacks takes the column's default."""
        return self.values.get("missing") == "default"

    @property
    def timezone(self) -> str | None:
        """The time zone of the transaction."""
        return self.values.get("timezone")

    @property
    def max_affected(self) -> int | None:
        """The most rows that a write may touch; counts only with handling=strict."""
        if self.values.get("handling") != "strict" or "max-affected" not in self.values:
            return None
        return int(self.values["max-affected"])

    def without(self, name: str) -> "Preferences":
        """The same without one of them."""
        return Preferences({key: value for key, value in self.values.items() if key != name})

    def applied(self, request: Request) -> str:
        """The value of Preference-Applied."""
        names = [name for name in _ORDER if name in self.values and name in _HONOURED[request]]
        if self.max_affected is None and "max-affected" in names:
            names.remove("max-affected")
        return ", ".join(f"{name}={self.values[name]}" for name in names)


def parse_preferences(headers: Iterable[str], timezones: Collection[str] = ()) -> Preferences:
    """Read all Prefer headers; `timezones` are those that the database knows.

    Raises PGRST122 for an unknown preference together with `handling=strict`.
    """
    values: dict[str, str] = {}
    unknown: list[str] = []
    for preference in ",".join(headers).split(","):
        name, _, value = preference.strip().partition("=")
        if not name:
            continue
        if not _is_known(name, value, timezones):
            unknown.append(preference.strip())
        elif name not in values:
            values[name] = value
    if unknown and values.get("handling") == "strict":
        raise ApiError(
            400,
            "PGRST122",
            "Invalid preferences given with handling=strict",
            details=f"Invalid preferences: {', '.join(unknown)}",
        )
    return Preferences(values)


def _is_known(name: str, value: str, timezones: Collection[str]) -> bool:
    match name:
        case "max-affected":
            return re.fullmatch(r"\d{1,9}", value) is not None
        case "timezone":
            return value in timezones
        case _:
            return value in _KNOWN.get(name, ())
