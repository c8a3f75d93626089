"""Parsing of the Prefer header.

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
"""The order of Preference-Applied. `tx` is not included: as on hosted projects it is ignored."""

_ALWAYS: Final = frozenset({"count", "handling", "timezone"})


class Count(StrEnum):
    """Ways to count rows."""

    EXACT = "exact"
    PLANNED = "planned"
    """The estimate of the planner."""
    ESTIMATED = "estimated"
    """Exact up to the maximum of rows in a response, above it the estimate of the planner."""


class RequestKind(StrEnum):
    """Kinds of requests, each of which honours its own preferences."""

    READ = "read"
    INSERT = "insert"
    PUT = "put"
    UPDATE = "update"
    DELETE = "delete"
    CALL = "call"


_HONOURED: Final[Mapping[RequestKind, frozenset[str]]] = {
    RequestKind.READ: _ALWAYS,
    RequestKind.INSERT: _ALWAYS | {"resolution", "missing", "return"},
    RequestKind.PUT: _ALWAYS | {"return"},
    RequestKind.UPDATE: _ALWAYS | {"missing", "return", "max-affected"},
    RequestKind.DELETE: _ALWAYS | {"return", "max-affected"},
    RequestKind.CALL: _ALWAYS | {"max-affected"},
}


@dataclass(frozen=True, slots=True)
class RestPreferences:
    """The parsed Prefer header, with the first value of each name."""

    values: Mapping[str, str]

    @property
    def returns_rows(self) -> bool:
        """True if the response to a write has the written rows."""
        return self.values.get("return") == "representation"

    @property
    def returns_location(self) -> bool:
        """True if the response to an insert has the location of its row."""
        return self.values.get("return") == "headers-only"

    @property
    def count(self) -> Count | None:
        """The way to count all rows; None if they are not counted."""
        return Count(self.values["count"]) if "count" in self.values else None

    @property
    def counts_written(self) -> bool:
        """True if a write or call counts its rows, which the planner cannot estimate."""
        return self.count in {Count.EXACT, Count.ESTIMATED}

    @property
    def resolution(self) -> str | None:
        """The treatment of existing rows; None raises 23505."""
        return self.values.get("resolution")

    @property
    def missing_is_default(self) -> bool:
        """True if missing keys get the default of the column."""
        return self.values.get("missing") == "default"

    @property
    def timezone(self) -> str | None:
        """The time zone of the transaction."""
        return self.values.get("timezone")

    @property
    def max_affected(self) -> int | None:
        """The maximum of rows that a write may affect, with handling=strict."""
        if self.values.get("handling") != "strict" or "max-affected" not in self.values:
            return None
        return int(self.values["max-affected"])

    def without(self, name: str) -> "RestPreferences":
        """Return the preferences without one of them."""
        return RestPreferences({key: value for key, value in self.values.items() if key != name})

    def format_applied(self, kind: RequestKind) -> str:
        """Return the value of Preference-Applied."""
        names = [name for name in _ORDER if name in self.values and name in _HONOURED[kind]]
        if self.max_affected is None and "max-affected" in names:
            names.remove("max-affected")
        return ", ".join(f"{name}={self.values[name]}" for name in names)


def parse_preferences(headers: Iterable[str], timezones: Collection[str] = ()) -> RestPreferences:
    """Parse all Prefer headers; `timezones` are those of the database.

    Raise PGRST122 for an unknown preference with `handling=strict`.
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
    return RestPreferences(values)


def _is_known(name: str, value: str, timezones: Collection[str]) -> bool:
    match name:
        case "max-affected":
            return re.fullmatch(r"\d{1,9}", value) is not None
        case "timezone":
            return value in timezones
        case _:
            return value in _KNOWN.get(name, ())
