import asyncio
import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from embedded.keys import make_keys
from embedded.postgres.database import Database
from embedded.realtime.access.authorization import Extension, Gate
from embedded.realtime.access.callers import Visitor, Visitors
from embedded.realtime.access.join_request import Replay
from embedded.realtime.broadcasts import Sent
from embedded.realtime.changes.feed import Feed
from embedded.realtime.channel import Channel
from embedded.realtime.limits import Limits
from embedded.realtime.mailbox import Mailbox
from embedded.realtime.messages import Messages, Stored
from embedded.realtime.rates import Rate
from embedded.realtime.services import Services
from embedded.realtime.topics import Topic, Topics
from embedded.realtime.wire.frame_writer import Line
from embedded.realtime.wire.frames import Push, Version
from embedded.realtime.wire.json import Json
from tests.support.eventually import eventually

TOPIC = Topic("room", private=True)


class OpenGate(Gate):
    async def readable(
        self, topic: str, visitor: Visitor, extensions: Collection[Extension], *, headers: str
    ) -> frozenset[Extension]:
        return frozenset(extensions)


class SlowMessages(Messages):
    """Gives the rows when it is told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked = asyncio.Event()
        self.rows: asyncio.Future[list[Stored]] = asyncio.get_running_loop().create_future()

    async def fetch_replay(self, topic: str, replay: Replay) -> list[Stored]:
        self.asked.set()
        return await self.rows


def a_message(number: int, *, replayed: bool = False) -> Sent:
    meta = {"id": str(UUID(int=number))} | ({"replayed": True} if replayed else {})
    return Sent(topic="room", event="e", payload=str(number).encode(), meta=meta)


def a_row(number: int) -> Stored:
    message = a_message(number, replayed=True)
    return Stored(UUID(int=number), TOPIC, datetime(2026, 1, 1, tzinfo=UTC), message)


async def test_what_comes_during_a_replay_follows_it_and_is_not_told_twice() -> None:
    database = Database(requests_dsn="", admin_dsn="")
    rate = Rate(None, window_seconds=1, clock=time.monotonic)
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
        line=Line(topic="realtime:room", join_ref="1", version=Version.V1, send=said.append),
        superseded=None,
        visitor=Visitor("service_role", {}, "sb_secret_x", None),
        headers="{}",
        services=Services(
            feed=Feed(database),
            gate=OpenGate(database),
            joins=rate,
            limits=Limits(),
            messages=messages,
            sends=rate,
            topics=topics,
            visitors=Visitors(make_keys()),
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
