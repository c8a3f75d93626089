import asyncio
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from embedded.postgres.database import Database
from embedded.realtime.access.authorization import ChannelExtension
from embedded.realtime.broadcasts import PayloadBroadcast
from embedded.realtime.delivery import Delivery
from embedded.realtime.messages import MessageStore, StoredMessage
from embedded.realtime.topics import Topic, Topics
from embedded.realtime.wire.frames import Version
from embedded.realtime.wire.json import Json

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


class Store(MessageStore):
    """Has these rows."""

    def __init__(self, *rows: StoredMessage) -> None:
        super().__init__(Database(""))
        self.rows = {row.id: row for row in rows}
        self.read: list[UUID] = []

    async def fetch(self, ids: Collection[UUID]) -> dict[UUID, StoredMessage]:
        self.read += ids
        return {each: self.rows[each] for each in ids if each in self.rows}

    async def fetch_since(self, moment: datetime) -> list[StoredMessage]:
        return [row for row in self.rows.values() if row.inserted_at >= moment]


class Joined:
    """A subscriber that keeps what it gets."""

    version = Version.V1

    def __init__(self) -> None:
        self.got: asyncio.Queue[object] = asyncio.Queue()

    def deliver(
        self, extension: ChannelExtension, frame: str | bytes, message_id: Json = None
    ) -> None:
        self.got.put_nowait(message_id)


def open_delivery(messages: MessageStore, topics: Topics) -> Delivery:
    return Delivery(
        messages=messages,
        topics=topics,
        payload_bytes=1_000,
        started_at=NOW,
        clock=lambda: NOW + timedelta(seconds=5),
    )


def a_row(topic: Topic) -> StoredMessage:
    row_id = uuid4()
    message = PayloadBroadcast(topic=topic.name, event="e", payload=b"{}", meta={"id": str(row_id)})
    return StoredMessage(row_id, topic, NOW + timedelta(seconds=4), message)


def a_notification(*rows: StoredMessage) -> str:
    return json.dumps([[str(row.id), row.topic.private, row.topic.name] for row in rows])


async def test_rows_on_topics_that_nobody_has_joined_are_not_read() -> None:
    joined, other = Topic("room", private=True), Topic("room", private=False)
    rows = a_row(other), a_row(joined)
    messages, topics, subscriber = Store(*rows), Topics(), Joined()
    topics.join(joined, subscriber)
    delivery = open_delivery(messages, topics)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(delivery.run())
        delivery.notify(a_notification(*rows))
        assert await subscriber.got.get() == str(rows[1].id)
        running.cancel()

    assert messages.read == [rows[1].id]


async def test_whoever_joins_later_does_not_get_what_nobody_heard() -> None:
    topic = Topic("room", private=True)
    before, missed = a_row(topic), a_row(topic)
    topics, subscriber = Topics(), Joined()
    delivery = open_delivery(Store(before, missed), topics)
    delivery.notify(a_notification(before))
    topics.join(topic, subscriber)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(delivery.run())
        delivery.notify("")  # the listener has reconnected
        assert await subscriber.got.get() == str(missed.id)
        running.cancel()

    assert subscriber.got.empty()


@pytest.mark.parametrize(
    "payload",
    [
        "garbage",
        "7",
        "[7]",
        "[[]]",
        "[[1, 2, 3]]",
        "[[[], true, 3]]",
        '[[5, false, "room"]]',
        '["no id"]',
        f'[["{UUID(int=1)}", true, ["topic"]]]',
        f'[["{UUID(int=1)}", true]]',
        pytest.param("[" * 7_000, id="too deep"),
    ],
)
async def test_what_else_is_notified_is_ignored(payload: str) -> None:
    messages = Store()
    topic = Topic("room", private=False)
    row = a_row(topic)
    messages.rows[row.id] = row
    topics, subscriber = Topics(), Joined()
    topics.join(topic, subscriber)
    delivery = open_delivery(messages, topics)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(delivery.run())
        delivery.notify(payload)
        delivery.notify(a_notification(row))
        await subscriber.got.get()
        running.cancel()

    assert messages.read == [row.id]


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
    delivery = open_delivery(messages, Topics())
    message = uuid4()
    delivery.notify(json.dumps([str(message)]))

    async with asyncio.TaskGroup() as group:
        running = group.create_task(delivery.run())
        asked = await messages.asked.get()
        running.cancel()

    assert asked == (message,)
