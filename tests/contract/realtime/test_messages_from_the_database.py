import json
import time
from typing import Any

import asyncpg
import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ALICE, Server, a_server
from tests.contract.realtime.wire import wire
from tests.support.eventually import eventually
from tests.support.servers.postgres import Cluster

SEND = "select realtime.send($1::jsonb, $2, $3, $4)"
SENDS = """
select realtime.send(jsonb_build_object('n', n), 'e', 'room', false)
  from generate_series(1, $1::int) as n
"""
ONE_INSERT = """
insert into realtime.messages (topic, extension, event, private, payload)
select 'room', 'broadcast', 'e', false, jsonb_build_object('n', n)
  from generate_series(1, $1::int) as n
"""


async def warnings_of(server: Server, statement: str, *values: Any, role: str = "") -> list[str]:
    """Run a statement in a transaction and return the warnings of Postgres."""
    connection = await asyncpg.connect(server.db_url)
    said: list[str] = []
    connection.add_log_listener(lambda _, message: said.append(str(message)))
    try:
        async with connection.transaction():
            if role:
                await connection.execute(f"set local role {role}")
            await connection.execute(statement, *values)
    finally:
        await connection.close()
    return said


async def test_send_is_delivered_with_the_id_of_the_row(server: Server) -> None:
    async with wire(server.url, server.keys.secret) as socket:
        await socket.join("ok-1", private=True)

        await server.execute(SEND, '{"hello": 1}', "evt", "ok-1", True)

        frame = await socket.receive()
        id_ = frame["payload"]["meta"]["id"]
        assert frame == {
            "ref": None,
            "event": "broadcast",
            "payload": {
                "event": "evt",
                "meta": {"id": id_},
                "payload": {"id": id_, "hello": 1},
                "type": "broadcast",
            },
            "topic": "realtime:ok-1",
        }


async def test_serializer_2_gets_messages_of_the_database_in_binary(server: Server) -> None:
    async with wire(server.url, server.keys.publishable, "2.0.0") as socket:
        await socket.send(["1", "1", "realtime:db", "phx_join", {"config": {}}])
        await socket.receive()

        await server.execute(SEND, '{"id": "mine"}', "evt", "db", False)
        await server.execute("select realtime.send_binary('\\x00ff', 'raw', 'db', false)")

        text, binary = await socket.receive_raw(), await socket.receive_raw()
        assert isinstance(text, bytes)
        assert isinstance(binary, bytes)
        names = b"realtime:dbevt" + text[len(b"....." + b"realtime:dbevt") :][:45]
        assert text[:5] == bytes([4, 11, 3, 45, 1])
        assert text[5:] == names + b'{"id": "mine"}'
        assert json.loads(names[14:])["id"]
        assert (binary[:5], binary[-2:]) == (bytes([4, 11, 3, 45, 0]), b"\x00\xff")


async def test_a_private_message_does_not_reach_the_public_topic(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room-1")

        await server.execute(SEND, "{}", "private", "room-1", True)
        await server.execute(SEND, "{}", "public", "room-1", False)

        assert (await socket.receive())["payload"]["event"] == "public"


@pytest.mark.parametrize("statement", [SENDS, ONE_INSERT], ids=["sends", "one insert"])
async def test_messages_come_at_commit_in_order_and_never_after_a_rollback(
    server: Server, statement: str
) -> None:
    count = 500
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")
        connection = await asyncpg.connect(server.db_url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(SEND, "{}", "undone", "room", False)
        await transaction.rollback()

        async with connection.transaction():
            await connection.execute(statement, count)
            assert await socket.is_silent()
        await connection.close()

        heard = [(await socket.receive())["payload"]["payload"]["n"] for _ in range(count)]
        assert heard == list(range(1, count + 1))


@pytest.mark.parametrize(
    "values",
    [("[1]", "e", "room"), ("7", "e", "room"), ("{}", "e", None)],
)
async def test_send_warns_instead_of_raising(server: Server, values: tuple[str, ...]) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")

        said = await warnings_of(server, SEND, *values, False)

        assert "WarnSendingBroadcastMessage" in " ".join(said)
        assert await socket.is_silent()


async def test_nothing_is_sent_for_a_null_payload(server: Server) -> None:
    assert await warnings_of(server, "select realtime.send(null, 'e', 'room', false)") == []


async def test_send_is_subject_to_the_policies_of_its_caller(server: Server) -> None:
    call = "select realtime.send('{}', 'e', 'room-1')"

    assert "row-level security" in " ".join(await warnings_of(server, call, role="anon"))
    assert await warnings_of(server, call, role="service_role") == []


async def test_a_trigger_broadcasts_row_changes(server: Server) -> None:
    await server.execute(
        """
        create table public.items (id int primary key, name text);
        create function public.tell() returns trigger language plpgsql security definer as $$
        begin
          perform realtime.broadcast_changes(
            'items', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
          return null;
        end $$;
        create trigger tell after insert or update or delete on public.items
          for each row execute function public.tell();
        """
    )
    async with wire(server.url, server.keys.secret) as socket:
        await socket.join("items", private=True)

        try:
            await server.execute("insert into public.items values (1, 'uno')")
            await server.execute("update public.items set name = 'one'")
            await server.execute("delete from public.items")
        finally:
            await server.execute("drop table public.items; drop function public.tell()")

        heard = [(await socket.receive())["payload"] for _ in range(3)]
    assert [each["event"] for each in heard] == ["INSERT", "UPDATE", "DELETE"]
    assert heard[1]["payload"].keys() == {
        "id", "table", "record", "schema", "operation", "old_record",
    }  # fmt: skip
    assert heard[0]["payload"]["old_record"] is None
    assert heard[1]["payload"]["record"] == {"id": 1, "name": "one"}
    assert heard[2]["payload"]["old_record"] == {"id": 1, "name": "one"}


async def test_any_row_is_broadcast_and_invalid_notifications_are_ignored(
    server: Server,
) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")

        await server.execute("select pg_notify('realtime_messages', 'garbage')")
        await server.execute("select pg_notify('realtime_messages', gen_random_uuid()::text)")
        await server.execute(
            "insert into realtime.messages (topic, extension, event, payload)"
            " values ('room', 'other', 'e', '{}')"
        )

        assert (await socket.receive())["payload"]["event"] == "e"


@pytest.mark.parametrize("limits", [RealtimeLimits(payload_bytes=1000)])
async def test_a_message_over_the_limit_is_dropped_silently(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")

        await server.execute(SEND, json.dumps({"x": "y" * 1000}), "large", "room", False)
        await server.execute(SEND, "{}", "small", "room", False)

        assert (await socket.receive())["payload"]["event"] == "small"


async def test_messages_sent_without_a_listener_arrive_once(
    server: Server, realtime_database: tuple[Cluster, str]
) -> None:
    cluster, name = realtime_database
    admin = await asyncpg.connect(cluster.dsn("supabase_admin", "template1"))
    speaker = await asyncpg.connect(server.db_url)
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")
        await speaker.execute(SEND, '{"n": 0}', "e", "room", False)
        assert (await socket.receive())["payload"]["payload"]["n"] == 0

        # The listener cannot reconnect before the messages are committed.
        await admin.execute(f'alter database "{name}" allow_connections false')
        await admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'embedded listener' and datname = $1",
            name,
        )
        for number in range(1, 20):
            await speaker.execute(SEND, json.dumps({"n": number}), "e", "room", False)
        assert await socket.is_silent()
        await admin.execute(f'alter database "{name}" allow_connections true')

        heard = [(await socket.receive())["payload"]["payload"]["n"] for _ in range(19)]
        assert heard == list(range(1, 20))
        assert await socket.is_silent()
    await speaker.close()
    await admin.close()


async def test_a_private_channel_may_request_missed_messages(server: Server) -> None:
    since = int(time.time() * 1000) - 1000
    topic = f"replay-{time.time_ns()}"
    for number in range(30):
        await server.execute(SEND, json.dumps({"n": number}), "e", topic, True)
    await server.execute(SEND, "{}", "public", topic, False)

    async with wire(server.url, server.keys.secret) as socket:
        await socket.join(topic, private=True, broadcast={"replay": {"since": since, "limit": 100}})
        await server.execute(SEND, '{"n": "live"}', "e", topic, True)

        heard = [(await socket.receive())["payload"] for _ in range(26)]
        assert [each["payload"]["n"] for each in heard] == [*range(5, 30), "live"]
        assert [each["meta"].get("replayed") for each in heard] == [True] * 25 + [None]


async def test_public_channels_cannot_replay(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        answer = await socket.join("room", broadcast={"replay": {"since": 0}})

        reason = "UnableToReplayMessages: Replay is not allowed for public channels"
        assert answer["response"] == {"reason": reason}


async def test_a_starting_server_deletes_messages_older_than_three_days(
    realtime_database: tuple[Cluster, str],
) -> None:
    cluster, name = realtime_database
    topic = f"old-{time.time_ns()}"
    connection = await asyncpg.connect(cluster.dsn("postgres", name))
    await connection.execute(
        "insert into realtime.messages (topic, extension, event, inserted_at)"
        " values ($1, 'broadcast', 'dead', now() - interval '73 hours'),"
        " ($1, 'broadcast', 'kept', now() - interval '71 hours')",
        topic,
    )

    async def kept() -> bool:
        rows = await connection.fetch("select event from realtime.messages where topic = $1", topic)
        return [row["event"] for row in rows] == ["kept"]

    async with a_server(cluster, name, RealtimeLimits()):
        was_pruned: bool = await eventually(kept)
        assert was_pruned
    await connection.close()


async def test_the_owner_of_the_project_may_change_only_policies(
    server: Server,
) -> None:
    # Successful statements are rolled back, so that the server keeps its policies.
    await server.undo("create policy mine on realtime.messages for select using (false)")

    for statement in (
        "alter table realtime.messages disable row level security",
        "create table realtime.mine ()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.undo(statement)


async def test_tables_may_be_published(server: Server) -> None:
    await server.undo(
        "create table public.published (id int primary key);"
        "alter publication supabase_realtime add table public.published"
    )


async def test_realtime_topic_is_set_only_in_the_sending_transaction(
    server: Server,
) -> None:
    connection = await asyncpg.connect(server.db_url)
    try:
        assert await connection.fetchval("select realtime.topic()") is None
        async with connection.transaction():
            await connection.execute(SEND, "{}", "e", f"user-{ALICE}", True)
            assert await connection.fetchval("select realtime.topic()") == f"user-{ALICE}"
    finally:
        await connection.close()
