"""The table realtime.messages: broadcasts from the database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from embedded.postgres.database import Database
from embedded.realtime.access.join_request import ReplayRequest
from embedded.realtime.broadcasts import PayloadBroadcast
from embedded.realtime.topics import Topic
from embedded.realtime.wire.frames import Encoding
from embedded.realtime.wire.json import Json

KEPT_HOURS: Final = 72

_COLUMNS: Final = (
    "id, topic, coalesce(private, false) as private, coalesce(event, '') as event,"
    " payload::text as payload, binary_payload, inserted_at"
)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One row; `message` is None if there is nothing to send."""

    id: UUID
    topic: Topic
    inserted_at: datetime
    """Start of its transaction, in UTC without a time zone as in the column."""
    message: PayloadBroadcast | None


class MessageStore:
    """Reads and prunes realtime.messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_now(self) -> datetime:
        """Return the current time of the clock of `inserted_at`."""
        now: datetime = await self._database.admin.fetchval("select now() at time zone 'utc'")
        return now

    async def fetch(self, ids: Collection[UUID]) -> dict[UUID, StoredMessage]:
        """Return the rows with these ids."""
        rows = await self._database.admin.fetch(
            f"select {_COLUMNS} from realtime.messages where id = any($1::uuid[])",  # noqa: S608 - a constant
            list(ids),
        )
        return {row["id"]: _build_message(row) for row in rows}

    async def fetch_since(self, moment: datetime) -> list[StoredMessage]:
        """Return the rows of transactions that began at this time or later, oldest first."""
        rows = await self._database.admin.fetch(
            f"select {_COLUMNS} from realtime.messages where inserted_at >= $1"  # noqa: S608 - a constant
            " order by inserted_at, ctid",
            moment,
        )
        return [_build_message(row) for row in rows]

    async def fetch_replay(self, topic: str, replay: ReplayRequest) -> list[StoredMessage]:
        """Return the newest private messages of a topic since a time, oldest first."""
        rows = await self._database.admin.fetch(
            f"select {_COLUMNS} from realtime.messages"  # noqa: S608 - a constant
            " where topic = $1 and private and extension = 'broadcast' and inserted_at >="
            " to_timestamp($2::float8 / 1000) at time zone 'utc'"
            f" and inserted_at > now() at time zone 'utc' - interval '{KEPT_HOURS} hours'"
            " order by inserted_at desc, ctid desc limit $3",
            topic,
            float(replay.since_ms),
            replay.limit,
        )
        return [_build_message(row, replayed=True) for row in reversed(rows)]

    async def prune(self) -> None:
        """Delete rows older than `KEPT_HOURS`."""
        await self._database.admin.execute(
            "delete from realtime.messages"  # noqa: S608 - a constant
            f" where inserted_at < now() at time zone 'utc' - interval '{KEPT_HOURS} hours'"
        )


def _build_message(row: asyncpg.Record, *, replayed: bool = False) -> StoredMessage:
    meta: dict[str, Json] = {"id": str(row["id"])}
    if replayed:
        meta["replayed"] = True
    body = row["payload"].encode() if row["payload"] is not None else row["binary_payload"]
    message = body is not None and PayloadBroadcast(
        topic=row["topic"],
        event=row["event"],
        payload=body,
        encoding=Encoding.BINARY if row["payload"] is None else Encoding.JSON,
        meta=meta,
    )
    return StoredMessage(
        row["id"], Topic(row["topic"], row["private"]), row["inserted_at"], message or None
    )
