from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.realtime.conftest import Server
from tests.contract.realtime.wire import wire

SEND = "select realtime.send('{}', 'e', 'room', false)"


@asynccontextmanager
async def unreadable_messages(server: Server) -> AsyncIterator[None]:
    """Make the table unreadable for the server within the block."""
    rename = "alter table realtime.messages rename column {} to {}"
    await server.execute(rename.format("binary_payload", "hidden"), as_admin=True)
    try:
        yield
    finally:
        await server.execute(rename.format("hidden", "binary_payload"), as_admin=True)


async def test_a_crashing_channel_affects_nothing_else(server: Server) -> None:
    replay = {"config": {"private": True, "broadcast": {"replay": {"since": 0}}}}
    async with wire(server.url, server.keys.secret) as socket:
        await socket.join("other", ref="1", broadcast={"self": True})

        async with unreadable_messages(server):
            await socket.send(
                {
                    "topic": "realtime:room",
                    "event": "phx_join",
                    "payload": replay,
                    "ref": "2",
                    "join_ref": "2",
                }
            )
            assert (await socket.receive())["payload"]["status"] == "ok"

            assert await socket.receive() == {
                "ref": "2",
                "event": "phx_error",
                "payload": {"reason": "channel_crash"},
                "topic": "realtime:room",
            }
        await socket.push("realtime:room", "broadcast", {"event": "e"})
        unmatched = {"status": "error", "response": {"reason": "unmatched topic"}}
        assert (await socket.receive())["payload"] == unmatched
        await socket.push("realtime:other", "broadcast", {"event": "e"})
        assert (await socket.receive())["event"] == "broadcast"


async def test_messages_wait_for_an_unavailable_database(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", broadcast={"self": True})

        async with unreadable_messages(server):
            await server.execute(SEND)
            await socket.push("realtime:room", "broadcast", {"event": "meanwhile"})
            assert (await socket.receive())["payload"]["event"] == "meanwhile"

        assert (await socket.receive())["payload"]["event"] == "e"


async def test_a_broken_socket_does_not_affect_the_others(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as hearer:
        await hearer.join("room")
        for _ in range(20):
            async with wire(server.url, server.keys.publishable) as broken:
                await broken.join("room")
                await broken.push("realtime:room", "broadcast", {"event": "last words"})
                broken.connection.transport.abort()
            assert (await hearer.receive())["payload"]["event"] == "last words"

        assert await hearer.is_silent()
