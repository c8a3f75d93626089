import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from embedded.postgres.database import Database
from embedded.realtime.delivery import Delivery
from embedded.realtime.messages import MessageStore, StoredMessage
from embedded.realtime.topics import Topics

NOW = datetime(2026, 11, 29, tzinfo=UTC).replace(tzinfo=None)


class FailingStore(MessageStore):
    """Raises an error at the first question."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Database(""))
        self._errors = [error]
        self.asked: asyncio.Queue[Collection[UUID]] = asyncio.Queue()

    async def fetch(self, ids: Collection[UUID]) -> dict[UUID, StoredMessage]:
        if self._errors:
            raise self._errors.pop()
        self.asked.put_nowait(tuple(ids))
        return {}


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.CrashShutdownError("terminating connection because of crash"),
        ConnectionRefusedError("connection refused"),
    ],
)
async def test_messages_wait_for_a_database_that_just_went_away(error: Exception) -> None:
    messages = FailingStore(error)
    delivery = Delivery(messages=messages, topics=Topics(), payload_bytes=1_000, started_at=NOW)
    message = uuid4()
    delivery.notify(str(message))

    async with asyncio.TaskGroup() as group:
        running = group.create_task(delivery.run())
        asked = await messages.asked.get()
        running.cancel()

    assert asked == (message,)
