"""Time zones by their names."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocol.errors import InvalidArgument

UTC_NAME: Final = "UTC"
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998


def find_zone(name: str) -> tzinfo:
    """Return a time zone. Raise InvalidArgument if there is none of this name."""
    if name == UTC_NAME:  # known without a database of time zones
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument(
            f"there is no time zone {name[:100]!r}", hint="examples: UTC, Europe/Berlin"
        ) from error


def add_zone(moment: datetime, zone: str) -> datetime:
    """Return a time without a time zone as one of this zone.

    Raise InvalidArgument for an unknown zone, or a time that is too far away for sums of its days.
    """
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidArgument(f"{moment:%Y-%m-%d} is too far away")
    return moment if moment.tzinfo else moment.replace(tzinfo=find_zone(zone))
