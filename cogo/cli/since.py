"""`--since`: how far back a list goes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from protocol.errors import InvalidArgument
from protocol.ids import utc_now

Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="A span (30min, 6h, 7d) or a date (2026-11-01, also with a time)."
    ),
]
_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days"}


def parse_since(text: str | None, *, option: str = "--since") -> datetime | None:
    """Read it as a moment, UTC where nothing else is said. Raises InvalidArgument."""
    if text is None:
        return None
    span = re.fullmatch(r"(\d{1,6})(min|h|d)", text)
    try:
        if span:
            return utc_now() - timedelta(**{_UNITS[span[2]]: int(span[1])})
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # no date, or one before the year 1
        raise InvalidArgument(
            f"{option} is {text!r}", hint="examples: 30min, 6h, 7d, 2026-11-01"
        ) from error
