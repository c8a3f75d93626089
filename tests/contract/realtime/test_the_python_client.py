"""Realtime through the official Python client, as agents use it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient, RealtimeSubscribeStates
from realtime.types import RealtimeChannelOptions, RealtimePostgresChangesListenEvent
from supabase import acreate_client

from embedded.state import State
from tests.contract.realtime.conftest import ALICE, Server
from tests.support.eventually import eventually

OWN = f"user-{ALICE}"


@asynccontextmanager
async def a_client(server: Server, key: str) -> AsyncIterator[AsyncRealtimeClient]:
    client = AsyncRealtimeClient(server.url, key)
    try:
        yield client
    finally:
        await client.close()


def options(
    *, private: bool = False, echo: bool = False, presence_key: str = ""
) -> RealtimeChannelOptions:
    return {
        "config": {
            "broadcast": {"ack": False, "self": echo},
            "presence": {"key": presence_key, "enabled": bool(presence_key)},
            "private": private,
        }
    }


async def subscribed(channel: AsyncRealtimeChannel) -> list[RealtimeSubscribeStates]:
    """Subscribe and return the list of states, which grows later."""
    states: list[RealtimeSubscribeStates] = []
    await channel.subscribe(lambda state, _: states.append(state))
    return states


def collector() -> tuple[list[Any], Callable[[Any], None]]:
    heard: list[Any] = []
    return heard, heard.append


async def test_the_supabase_client_gets_messages_of_the_database(supabase_server: State) -> None:
    client = await acreate_client(supabase_server.url, supabase_server.secret_key)
    heard, hear = collector()
    channel = client.channel("first-light", options(private=True, echo=True))
    channel.on_broadcast("*", hear)
    states = await subscribed(channel)
    assert states == [RealtimeSubscribeStates.SUBSCRIBED]

    await channel.send_broadcast("mine", {"n": 1})
    await eventually(lambda: len(heard) == 1)  # two connections: nothing orders them
    await channel.http_send("http", {"n": 2})
    await eventually(lambda: len(heard) == 2)

    assert [each["event"] for each in heard] == ["mine", "http"]
    await client.remove_all_channels()


async def test_messages_of_the_database_arrive(server: Server) -> None:
    async with a_client(server, server.keys.secret) as client:
        heard, hear = collector()
        await subscribed(client.channel("ok", options(private=True)).on_broadcast("evt", hear))

        await server.execute("select realtime.send('{\"n\": 1}', 'evt', 'ok')")
        await eventually(lambda: heard)

        assert heard[0]["payload"]["n"] == 1
        assert heard[0]["meta"]["id"] == heard[0]["payload"]["id"]


async def test_a_user_joins_the_private_topic_that_the_policy_names(server: Server) -> None:
    async with a_client(server, server.keys.publishable) as client:
        await client.set_auth(server.token())

        own = await subscribed(client.channel(OWN, options(private=True)))
        other = await subscribed(client.channel("user-else", options(private=True)))

        assert own == [RealtimeSubscribeStates.SUBSCRIBED]
        assert other == [RealtimeSubscribeStates.CHANNEL_ERROR]


async def test_an_expired_token_closes_the_channel(server: Server) -> None:
    async with a_client(server, server.keys.publishable) as client:
        await client.set_auth(server.token(lifetime=4))
        states = await subscribed(client.channel(OWN, options(private=True)))

        await eventually(lambda: RealtimeSubscribeStates.CLOSED in states)

        assert states == [
            RealtimeSubscribeStates.SUBSCRIBED,
            RealtimeSubscribeStates.CHANNEL_ERROR,
            RealtimeSubscribeStates.CLOSED,
        ]


async def test_presence_is_shared(server: Server) -> None:
    async with (
        a_client(server, server.keys.publishable) as one,
        a_client(server, server.keys.publishable) as two,
    ):
        first = one.channel("pres", options(presence_key="one"))
        second = two.channel("pres", options(presence_key="two"))
        await subscribed(first)
        await subscribed(second)

        await first.track({"state": "idle"})
        await eventually(lambda: "one" in second.presence_state())
        assert cast("dict[str, Any]", second.presence_state()["one"][0])["state"] == "idle"

        await one.close()
        await eventually(lambda: "one" not in second.presence_state())


async def test_a_channel_may_be_left_and_joined_again(server: Server) -> None:
    async with a_client(server, server.keys.publishable) as client:
        keeper = client.channel("keeper")
        await subscribed(keeper)
        for _ in range(3):
            heard, hear = collector()
            channel = client.channel("room", options(echo=True)).on_broadcast("*", hear)
            states = await subscribed(channel)
            assert states == [RealtimeSubscribeStates.SUBSCRIBED]

            await channel.send_broadcast("evt", {})
            await eventually(partial(bool, heard))
            await channel.unsubscribe()
            # The client takes a late phx_close for that of the next channel with this name.
            await eventually(partial(states.__contains__, RealtimeSubscribeStates.CLOSED))


async def test_changes_of_a_table_arrive(server: Server) -> None:
    await server.execute(
        "create table if not exists cats (id int primary key, name text);"
        "grant select on cats to anon; alter publication supabase_realtime set table cats"
    )
    async with a_client(server, server.keys.publishable) as client:
        heard, hear = collector()
        confirmed, confirm = collector()
        channel = client.channel("db").on_postgres_changes(
            RealtimePostgresChangesListenEvent.Insert, hear, table="cats", filter="name=eq.Tom"
        )
        states = await subscribed(channel.on_system(confirm))
        assert states == [RealtimeSubscribeStates.SUBSCRIBED]
        await eventually(lambda: confirmed)

        await server.execute("insert into cats values (1, 'Kit'), (2, 'Tom')")
        await eventually(lambda: heard)

        assert [each["data"]["record"] for each in heard] == [{"id": 2, "name": "Tom"}]
        assert heard[0]["data"]["type"] == "INSERT"
