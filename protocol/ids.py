"""Ids and the clock."""

import re
from datetime import UTC, datetime
from typing import NewType
from uuid import UUID

from protocol.errors import InvalidArgument

TaskId = NewType("TaskId", UUID)


def utc_now() -> datetime:
    """Return the current time in UTC. Logic takes times as arguments instead of calling this."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock


def parse_id_range(text: str) -> tuple[UUID, UUID]:
    """Return the first and the last UUID that begin with `text`, a whole or shortened id.

    Raise InvalidArgument if `text` is not an id.
    """
    digits = text.strip().replace("-", "").lower()
    if not re.fullmatch("[0-9a-f]{1,32}", digits):
        raise InvalidArgument(
            f"{text[:60]!r} is not an id",
            hint="an id looks like 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f; its beginning is enough",
        )
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
