"""Conversations in a real Redis: what becomes of them when it fails, and that none is lost."""

import asyncio
import random
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from loguru import logger

from agents.memory.conversation.breaker import FIRST_PAUSE_SECONDS
from agents.memory.conversation.redis_copy import (
    MAX_VALUE_BYTES,
    RedisConversations,
    RedisUnavailable,
)
from agents.memory.conversation.store import SessionKey, load_conversation
from cogo.errors import SettingInvalid
from cogo.wiring.memory.conversation_copy import OfficialRedis, build_redis_client
from protocol.lifecycle import TaskState
from protocol.records import SessionMessage
from tests.integration.agents.conftest import Fleet
from tests.support.agents.fake_store import FakeStore
from tests.support.eventually import eventually
from tests.support.ports import a_port

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]
ALICE, BOB = uuid4(), uuid4()
JITTER = random.Random(0)  # noqa: S311 - spreads waits


class RedisServer:
    """A redis-server of this machine, on loopback, without files."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port = a_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
            *("--appendonly", "no", "--dir", str(self._folder)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await eventually(self._is_listening, within=10)

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def _is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class WatchedRedis(OfficialRedis):
    """Counts the commands that were sent, and those that failed."""

    sent = 0
    failed = 0

    async def read(self, key: str, most: int) -> bytes:
        self.sent += 1
        try:
            return await super().read(key, most)
        except RedisUnavailable:
            self.failed += 1
            raise


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """Conversations with a copy, whose database is in memory."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.client = build_redis_client(server.url)
        self.redis = WatchedRedis(self.client)
        self.store = FakeStore()
        self.clock = Clock()
        self.conversations = RedisConversations(
            self.redis, self.store, jitter=JITTER, now=self.clock
        )
        self.id = uuid4()

    def say(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.store.memory) // 2 + 1
            self.store.memory += [
                SessionMessage(role="user", content=f"q{number}"),
                SessionMessage(role="assistant", content=f"a{number}"),
            ]

    def key(self, owner: UUID | None = ALICE, seq: int = 1) -> SessionKey:
        """Return what a claim says now."""
        return SessionKey(
            owner=owner,
            id=self.id,
            seq=seq,
            last_message=len(self.store.memory) or None,
            revision=self.store.revision,
        )

    async def read(self) -> list[str]:
        found = await load_conversation(self.conversations, self.key(), tokens=10_000)
        return [each.question for each in found.turns]

    def pages(self) -> list[tuple[int | None, int | None]]:
        """Return what was read from the database since the last call."""
        pages, self.store.pages = self.store.pages, []
        return pages


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server: install redis-server (scripts/redis does)")
    server = RedisServer(program, tmp_path)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def world(redis_server: RedisServer) -> AsyncIterator[World]:
    world = World(redis_server)
    yield world
    await world.client.aclose()


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    found: list[str] = []
    handler = logger.add(lambda line: found.append(str(line)), level="INFO", format="{message}")
    yield found
    logger.remove(handler)


async def test_what_was_read_once_is_read_from_the_copy(world: World) -> None:
    world.say(3)

    assert await world.read() == await world.read() == ["q1", "q2", "q3"]
    assert world.pages() == [(None, None)]


async def test_a_writer_adds_the_new_turn_so_that_readers_need_no_database(world: World) -> None:
    world.say(2)
    await world.read()
    world.say()
    await world.conversations.refresh(world.key())
    world.pages()

    assert await world.read() == ["q1", "q2", "q3"]
    assert world.pages() == []


async def test_of_a_copy_that_is_old_only_what_it_lacks_is_read(world: World) -> None:
    world.say(2)
    await world.read()
    world.say(2)
    world.pages()

    assert await world.read() == ["q1", "q2", "q3", "q4"]
    assert world.pages() == [(None, 4)]


async def test_a_server_that_is_killed_in_the_middle_costs_nothing_but_speed(
    world: World, warnings: list[str]
) -> None:
    world.say(2)
    await world.read()
    await world.server.kill()
    for _ in range(5):
        world.say()
        assert len(await world.read()) == len(world.store.memory) // 2
    assert world.redis.failed == 1, "it is asked once, and not at each turn"

    await world.server.start()
    assert len(await world.read()) == 7
    world.clock.now += FIRST_PAUSE_SECONDS
    assert len(await world.read()) == 7
    world.pages()
    assert len(await world.read()) == 7
    assert world.pages() == []
    assert [line.strip() for line in warnings] == [
        "Redis is not read: conversations are read from Postgres",
        "Redis is not written: conversations are read from Postgres",
        "Redis answers again",
        "Redis answers again",
    ]


async def test_a_server_that_hangs_is_waited_for_once(world: World) -> None:
    world.say(2)
    await world.read()
    await world.client.client_pause(60_000)
    before = world.redis.sent

    for _ in range(5):
        assert await world.read() == ["q1", "q2"]

    assert world.redis.sent - before == 1


async def test_a_flushed_server_is_filled_again(world: World) -> None:
    world.say(2)
    await world.read()
    await world.client.flushall()
    world.pages()

    assert await world.read() == await world.read() == ["q1", "q2"]
    assert world.pages() == [(None, None)]


async def test_a_copy_of_before_a_failover_is_noticed(world: World) -> None:
    world.say(2)
    await world.read()
    [name] = await world.client.keys("*")
    old = await world.client.get(name) or b""
    world.say(2)
    await world.read()
    await world.client.set(name, old)

    assert await world.read() == ["q1", "q2", "q3", "q4"]


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{", b"\xff\xfe", b"{}", b"x" * (MAX_VALUE_BYTES + 10), "list", "hash"]
)
async def test_what_others_have_put_under_the_key_is_replaced(
    world: World, value: bytes | str
) -> None:
    world.say(2)
    await world.read()
    [name] = await world.client.keys("*")
    await world.client.delete(name)
    if value == "list":
        await world.client.rpush(name, "x")
    elif value == "hash":
        await world.client.hset(name, "a", "b")
    else:
        await world.client.set(name, value)
    world.pages()

    assert await world.read() == await world.read() == ["q1", "q2"]
    assert world.pages() == [(None, None)]


async def test_a_server_that_takes_no_writes_is_read_all_the_same(
    world: World, warnings: list[str]
) -> None:
    world.say(2)
    await world.read()
    await world.client.config_set("min-replicas-to-write", 1)

    for count in range(3, 7):
        world.say()
        assert len(await world.read()) == count

    assert [line.strip() for line in warnings] == [
        "Redis is not written: conversations are read from Postgres"
    ]


async def test_a_message_that_was_changed_is_not_read_from_the_copy(world: World) -> None:
    world.say(2)
    await world.read()
    world.store.memory[0] = SessionMessage(role="user", content="changed")
    world.store.revision += 1

    assert await world.read() == ["changed", "q2"]


async def test_the_copy_of_one_owner_is_none_of_another(world: World) -> None:
    world.say(2)
    await world.read()
    [name] = await world.client.keys("*")
    value = await world.client.get(name) or b""
    world.store.memory.clear()
    world.say()
    other = world.key(BOB, seq=2)
    await world.client.set("cogo:session:2", value)
    world.pages()

    found = await load_conversation(world.conversations, other, tokens=10_000)

    assert [each.question for each in found.turns] == ["q1"]
    assert world.pages() == [(None, None)]


async def test_a_forgotten_session_leaves_no_copy(world: World) -> None:
    world.say(2)
    await world.read()

    assert await world.conversations.forget([1, 2])
    assert await world.client.keys("*") == []
    await world.server.kill()
    assert not await world.conversations.forget([1])


async def test_executors_delete_the_copies_of_sessions_that_were_deleted(world: World) -> None:
    world.say(2)
    await world.read()
    world.store.forgotten = [1]

    async def is_gone() -> bool:
        return await world.client.keys("*") == []

    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.conversations.run())
        await eventually(is_gone)
        running.cancel()


async def test_a_conversation_of_real_agents_goes_on_when_redis_is_killed(
    fleet: OpenFleet, redis_server: RedisServer
) -> None:
    session_id = uuid4()
    client = build_redis_client(redis_server.url)

    async def has_all(count: int) -> bool:
        [name] = await client.keys("cogo:session:*") or [b""]
        return str(await client.get(name)).count('"role":"assistant"') == count

    async with fleet() as agents:
        await agents.executor("e-1", redis=OfficialRedis(client))
        await agents.orchestrator()
        for turn in range(1, 5):
            task = await agents.submit(f"prompt {turn}", type="CHAT", session_id=session_id)
            assert (await agents.ended(task.id)).status == TaskState.COMPLETED
            if turn == 2:
                # The executor, which wrote the end, has added it to the copy as well.
                await eventually(lambda: has_all(2))
                await redis_server.kill()
        page = await agents.store.read_session(owner=None, session_id=session_id)
    await client.aclose()

    assert page is not None
    asked = [each.content for each in page.messages[::-1] if each.role == "user"]
    assert asked == [f"prompt {turn}" for turn in range(1, 5)]


async def test_copies_do_not_stay_for_ever(world: World) -> None:
    world.say(2)
    await world.read()
    [name] = await world.client.keys("*")

    assert 0 < await world.client.ttl(name) <= 6 * 3_600


async def test_a_long_conversation_goes_on_in_the_database(world: World) -> None:
    world.say(300)
    wanted = [f"q{number}" for number in range(1, 301)]

    assert await world.read() == wanted
    world.pages()
    assert await world.read() == wanted
    pages = world.pages()
    assert pages
    assert all(before is not None for before, _ in pages)


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "redis://localhost:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid, match="REDIS_URL"):
        build_redis_client(url)
