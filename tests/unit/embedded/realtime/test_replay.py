import asyncio
import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from embedded.keys import make_keys
from embedded.postgres.database import Database
from embedded.realtime.access.authorization import Authorizer, ChannelExtension
from embedded.realtime.access.callers import Caller, CallerResolver
from embedded.realtime.access.join_request import ReplayRequest
from embedded.realtime.broadcasts import PayloadBroadcast
from embedded.realtime.changes.feed import ChangeFeed
from embedded.realtime.channel import Channel, Mailbox
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.limits import RealtimeLimits, SlidingWindowLimiter
from embedded.realtime.messages import MessageStore, StoredMessage
from embedded.realtime.topics import Topic, Topics
from embedded.realtime.wire.frame_writer import FrameWriter
from embedded.realtime.wire.frames import Push, Version
from embedded.realtime.wire.json import Json
from tests.support.eventually import eventually

TOPIC = Topic("room", private=True)


class OpenGate(Authorizer):
    async def find_readable(
        self, topic: str, caller: Caller, extensions: Collection[ChannelExtension], *, headers: str
    ) -> frozenset[ChannelExtension]:
        return frozenset(extensions)


class SlowMessages(MessageStore):
    """Message store that returns its rows on request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked = asyncio.Event()
        self.rows: asyncio.Future[list[StoredMessage]] = asyncio.get_running_loop().create_future()

    async def fetch_replay(self, topic: str, replay: ReplayRequest) -> list[StoredMessage]:
        self.asked.set()
        return await self.rows


def a_message(number: int, *, replayed: bool = False) -> PayloadBroadcast:
    meta = {"id": str(UUID(int=number))} | ({"replayed": True} if replayed else {})
    return PayloadBroadcast(topic="room", event="e", payload=str(number).encode(), meta=meta)


def a_row(number: int) -> StoredMessage:
    message = a_message(number, replayed=True)
    return StoredMessage(UUID(int=number), TOPIC, datetime(2026, 1, 1, tzinfo=UTC), message)


async def test_messages_during_a_replay_follow_it_and_are_not_repeated() -> None:
    database = Database("")
    rate = SlidingWindowLimiter(None, window_seconds=1, clock=time.monotonic)
    messages, topics, said = SlowMessages(database), Topics(), list[str | bytes]()
    config: dict[str, Json] = {"private": True, "broadcast": {"replay": {"since": 1}}}
    channel = Channel(
        join=Push(
            topic="realtime:room",
            event="phx_join",
            payload={"config": config},
            ref="1",
            join_ref="1",
            size=0,
        ),
        writer=FrameWriter(
            topic="realtime:room", join_ref="1", version=Version.V1, send=said.append
        ),
        superseded=None,
        caller=Caller("service_role", {}, "sb_secret_x", None),
        headers="{}",
        services=RealtimeServices(
            feed=ChangeFeed(database),
            authorizer=OpenGate(database),
            join_rate=rate,
            limits=RealtimeLimits(),
            messages=messages,
            message_rate=rate,
            topics=topics,
            callers=CallerResolver(make_keys()),
        ),
    )

    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run(Mailbox(asyncio.Semaphore())))
        await messages.asked.wait()
        topics.broadcast(TOPIC, a_message(2))
        topics.broadcast(TOPIC, a_message(3))
        messages.rows.set_result([a_row(1), a_row(2)])
        await eventually(lambda: len(said) >= 4)
        running.cancel()

    reply, *broadcasts = [json.loads(each)["payload"] for each in said]
    assert reply["status"] == "ok"
    assert [each["payload"] for each in broadcasts] == [1, 2, 3]
    assert [each["meta"].get("replayed") for each in broadcasts] == [True, True, None]
