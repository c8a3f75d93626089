"""Parsing of the headers Accept, Range and Accept-Profile."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from embedded.rest.errors import ApiError, bad_range

EXPOSED_SCHEMA: Final = "public"


class Shape(StrEnum):
    """The format of a body."""

    ARRAY = "array"
    OBJECT = "object"
    CSV = "csv"


_MEDIA: Final[Mapping[str, Shape]] = {
    "*/*": Shape.ARRAY,
    "application/*": Shape.ARRAY,
    "application/json": Shape.ARRAY,
    "application/vnd.pgrst.array+json": Shape.ARRAY,
    "application/vnd.pgrst.array": Shape.ARRAY,
    "application/vnd.pgrst.object+json": Shape.OBJECT,
    "application/vnd.pgrst.object": Shape.OBJECT,
    "text/csv": Shape.CSV,
}


@dataclass(frozen=True, slots=True)
class Media:
    """The media type of a response."""

    shape: Shape = Shape.ARRAY
    strips_nulls: bool = False

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""
        if self.shape is Shape.CSV:
            return "text/csv; charset=utf-8"
        if self.shape is Shape.OBJECT or self.strips_nulls:
            nulls = ";nulls=stripped" if self.strips_nulls else ""
            return f"application/vnd.pgrst.{self.shape}+json{nulls}; charset=utf-8"
        return "application/json; charset=utf-8"


def parse_accept(accept: str | None) -> Media:
    """Return the first supported media type; raise PGRST107 if there is none."""
    if not accept:
        return Media()
    for candidate in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in candidate.split(";"))
        shape = _MEDIA.get(kind)
        if shape is not None:
            return Media(shape, strips_nulls="nulls=stripped" in parameters)
    raise ApiError(406, "PGRST107", f"None of these media types are available: {accept}")


def parse_range(unit: str | None, value: str | None) -> tuple[int, int | None]:
    """Parse `Range: first-last` to (offset, limit); other units are ignored."""
    found = re.fullmatch(r"(\d{1,18})-(\d{1,18})?", value or "")
    if found is None or (unit or "items") != "items":
        return 0, None
    first = int(found[1])
    if found[2] is None:
        return first, None
    if int(found[2]) < first:
        raise bad_range(
            "The lower boundary must be lower than or equal to the upper boundary"
            " in the Range header."
        )
    return first, int(found[2]) - first + 1


def check_profile(profile: str | None) -> None:
    """Raise PGRST106 for a schema that is not exposed."""
    if profile is not None and profile != EXPOSED_SCHEMA:
        raise ApiError(
            406,
            "PGRST106",
            f"Invalid schema: {profile}",
            hint=f"Only the following schemas are exposed: {EXPOSED_SCHEMA}",
        )
