"""The frames of postgres_changes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.contract.realtime.conftest import ALICE, Server
from tests.contract.realtime.wire import Wire, wire

_TABLES = """
create table if not exists items (
  id int primary key, name text, n int, price numeric, data jsonb, tags text[], at timestamptz
);
create table if not exists notes (id uuid primary key, owner uuid, body text, secret text);
create table if not exists unlisted (id int primary key);
create table if not exists keyless (n int);
grant all on items, unlisted, keyless to anon, authenticated, service_role;
grant select (id, owner, body) on notes to authenticated;
grant all on notes to service_role;
alter table notes enable row level security;
alter table notes replica identity full;
drop policy if exists mine on notes;
create policy mine on notes for select to authenticated using (owner = (select auth.uid()));
truncate items, notes, keyless;
alter publication supabase_realtime set table items, notes, keyless;
"""


@pytest.fixture
async def tables(server: Server) -> Server:
    await server.execute(_TABLES)
    return server


async def listen(
    socket: Wire, *bindings: dict[str, Any], token: str | None = None, topic: str = "db"
) -> list[int]:
    """Join and wait for the confirmation; return the ids of the bindings."""
    config: dict[str, Any] = {"postgres_changes": list(bindings)}
    if token:
        config["access_token"] = token
    reply = await socket.join(topic, **config)
    system = (await socket.receive())["payload"]
    assert system == {
        "message": "Subscribed to PostgreSQL",
        "status": "ok",
        "extension": "postgres_changes",
        "channel": topic,
    }
    return [each["id"] for each in reply["response"]["postgres_changes"]]


def binding(table: str = "items", event: str = "*", **rest: Any) -> dict[str, Any]:
    return {"event": event, "schema": "public", "table": table, **rest}


@asynccontextmanager
async def listening(
    server: Server, *bindings: dict[str, Any], token: str | None = None
) -> AsyncIterator[Wire]:
    async with wire(server.url, server.keys.publishable) as socket:
        await listen(socket, *bindings, token=token)
        yield socket


async def hear(socket: Wire) -> Any:
    frame = await socket.receive()
    assert (frame["event"], frame["ref"]) == ("postgres_changes", None), frame
    return frame["payload"]["data"]


async def test_inserts_updates_and_deletes_are_delivered(tables: Server) -> None:
    async with wire(tables.url, tables.keys.publishable) as socket:
        [identity] = await listen(socket, binding())
        await tables.execute(
            "insert into items values (1, 'uno', 7, 1.10, '{\"a\": [1]}', '{x,y}', '2026-01-02Z')"
        )
        await tables.execute("update items set n = 8 where id = 1")
        await tables.execute("delete from items where id = 1")

        frame = await socket.receive()
        data = frame["payload"]["data"]
        assert frame["payload"]["ids"] == [identity]
        assert data == {
            "table": "items",
            "type": "INSERT",
            "record": {
                "id": 1,
                "name": "uno",
                "n": 7,
                "price": 1.1,
                "data": {"a": [1]},
                "tags": ["x", "y"],
                "at": "2026-01-02T00:00:00+00:00",
            },
            "columns": [
                {"name": "id", "type": "int4"},
                {"name": "name", "type": "text"},
                {"name": "n", "type": "int4"},
                {"name": "price", "type": "numeric"},
                {"name": "data", "type": "jsonb"},
                {"name": "tags", "type": "_text"},
                {"name": "at", "type": "timestamptz"},
            ],
            "errors": None,
            "schema": "public",
            "commit_timestamp": data["commit_timestamp"],
        }
        stamp = time.strftime("%Y-%m-%dT", time.gmtime())
        assert data["commit_timestamp"].startswith(stamp)
        assert data["commit_timestamp"].endswith("Z")
        assert len(data["commit_timestamp"]) == len("2026-11-20T23:22:24.037Z")
        update = await hear(socket)
        assert (update["type"], update["record"]["n"]) == ("UPDATE", 8)
        assert update["old_record"] == {"id": 1}
        delete = await hear(socket)
        assert (delete["type"], delete["old_record"]) == ("DELETE", {"id": 1})
        assert "record" not in delete


async def test_rollbacks_and_truncates_are_not_delivered(tables: Server) -> None:
    async with listening(tables, binding()) as socket:
        await tables.execute("begin; insert into items values (1); rollback")
        await tables.execute("truncate items")
        await tables.execute("insert into items values (2)")

        assert (await hear(socket))["record"]["id"] == 2


@pytest.mark.parametrize(
    ("filter_", "passes"),
    [
        ("n=eq.5", [5]),
        ("n=neq.5", [3, 10]),
        ("n=lt.5", [3]),
        ("n=lte.5", [3, 5]),
        ("n=gt.5", [10]),
        ("n=gte.5", [5, 10]),
        ("n=in.(3,10)", [3, 10]),
        ("n=not.in.(3,10)", [5]),
        ("name=like.a%", [3]),
        ("name=ilike.A%", [3]),
        ("name=match.^a", [3]),
        ("name=imatch.^A,n=lt.100", [3]),
        ("name=is.null", [10]),
        ("name=not.is.null", [3, 5]),
        ("name=isdistinct.abc", [5, 10]),
        ('name=eq."b,c"', [5]),
        ('name=in.("b,c",abc)', [3, 5]),
        ("n=gt.3,n=lt.10", [5]),
    ],
)
async def test_a_filter_selects_changes(tables: Server, filter_: str, passes: list[int]) -> None:
    async with listening(tables, binding(event="INSERT", filter=filter_)) as socket:
        await tables.execute(
            "insert into items (id, name, n) values (1, 'abc', 3), (2, 'b,c', 5), (3, null, 10)"
        )
        assert [(await hear(socket))["record"]["n"] for _ in passes] == passes

        await tables.execute("insert into notes values (gen_random_uuid())")
        assert await socket.is_silent()


async def test_bindings_share_a_frame_unless_they_select_other_columns(tables: Server) -> None:
    async with wire(tables.url, tables.keys.publishable) as socket:
        ids = await listen(
            socket,
            binding(event="INSERT"),
            binding(filter="n=eq.1"),
            binding(select=["id", "n"]),
            binding(event="DELETE"),
        )
        await tables.execute("insert into items (id, n) values (1, 1)")

        whole, part = await socket.receive(), await socket.receive()

        assert whole["payload"]["ids"] == ids[:2]
        assert part["payload"]["ids"] == [ids[2]]
        assert part["payload"]["data"]["record"] == {"id": 1, "n": 1}
        assert [each["name"] for each in part["payload"]["data"]["columns"]] == ["id", "n"]


async def test_policies_and_grants_decide_what_each_subscriber_gets(tables: Server) -> None:
    other = "11111111-1111-4111-8111-111111111111"
    async with (
        listening(tables, binding("notes"), token=tables.token()) as alice,
        listening(tables, binding("notes"), token=tables.token(sub=other)) as bob,
        listening(tables, binding("notes")) as nobody,
        wire(tables.url, tables.keys.secret) as admin,
    ):
        await listen(admin, binding("notes"))
        row = "22222222-2222-4222-8222-222222222222"
        await tables.execute("insert into notes values ($1, $2, 'b', 's')", row, ALICE)

        assert (await hear(alice))["record"] == {"id": row, "owner": ALICE, "body": "b"}
        assert (await hear(admin))["record"]["secret"] == "s"
        denied = await hear(nobody)
        assert (denied["record"], denied["columns"]) == ({}, [])
        assert denied["errors"] == ["Error 401: Unauthorized"]
        assert denied["commit_timestamp"] is None
        assert await bob.is_silent()

        await tables.execute("delete from notes")
        assert (await hear(bob))["old_record"] == {"id": row}


async def test_a_failing_policy_affects_only_its_subscriber(tables: Server) -> None:
    async with (
        listening(tables, binding("notes"), token=tables.token(sub="no uuid")) as broken,
        listening(tables, binding("notes"), binding(), token=tables.token()) as alice,
    ):
        await tables.execute("insert into notes values (gen_random_uuid(), $1)", ALICE)
        await tables.execute("insert into items (id) values (1)")

        assert (await hear(alice))["table"] == "notes"
        assert (await hear(alice))["table"] == "items"
        assert await broken.is_silent()


async def test_a_table_without_a_key_is_an_error_in_the_frame(tables: Server) -> None:
    async with listening(tables, binding("keyless")) as socket:
        await tables.execute("insert into keyless values (1)")

        assert (await hear(socket))["errors"] == ["Error 400: Bad Request, no primary key"]


async def test_of_a_large_row_only_the_small_values_are_sent(tables: Server) -> None:
    async with listening(tables, binding()) as socket:
        await tables.execute("insert into items (id, name) values (1, repeat('x', 1100000))")

        data = await hear(socket)

        assert data["errors"] == ["Error 413: Payload Too Large"]
        assert data["record"]["id"] == 1
        assert "name" not in data["record"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            binding("nope"),
            "Unable to subscribe to changes with given parameters. Please check Realtime is"
            " enabled for the given connect parameters: [event: *, schema: public, table: nope,"
            " filters: [], select: nil]",
        ),
        (binding(filter="garbage"), 'Error parsing `filter` params: ["garbage"]'),
        (
            binding(filter="zzz=eq.1"),
            "Exception: ERROR P0001 (raise_exception) invalid column for filter zzz",
        ),
        (
            binding(filter="data->>org=eq.o1"),
            "Exception: ERROR P0001 (raise_exception) invalid column for filter data->>org",
        ),
        (binding(filter="n=eq.x"), "ERROR 22P02 (invalid_text_representation)"),
        (binding(select=["zzz"]), "invalid column for select zzz"),
    ],
)
async def test_an_invalid_binding_is_refused_and_the_channel_stays(
    tables: Server, asked: dict[str, Any], said: str
) -> None:
    async with wire(tables.url, tables.keys.publishable) as socket:
        assert (await socket.join("db", postgres_changes=[asked]))["status"] == "ok"

        system = (await socket.receive())["payload"]

        assert (system["extension"], system["status"]) == ("postgres_changes", "error")
        assert said in system["message"]
        await socket.push("realtime:db", "broadcast", {"event": "still joined"})
        assert await socket.is_silent()


async def test_a_filter_cannot_inject_sql(tables: Server) -> None:
    evil = "name=eq.x'); drop table items; --"
    async with listening(tables, binding(filter=evil)):
        await tables.execute("insert into items (id) values (1)")


async def test_the_topic_of_a_join_without_a_config_is_its_subscription(tables: Server) -> None:
    async with wire(tables.url, tables.keys.publishable) as socket:
        await socket.push("realtime:public:items:n=eq.2", "phx_join", {}, ref="1")
        assert (await socket.receive())["payload"]["status"] == "ok"
        assert (await socket.receive())["payload"]["message"] == "Subscribed to PostgreSQL"

        await tables.execute("insert into items (id, n) values (1, 1), (2, 2)")

        assert (await hear(socket))["record"]["id"] == 2


async def test_a_new_token_is_a_new_subscription(tables: Server) -> None:
    async with listening(tables, binding("notes"), token=tables.token(sub=None)) as socket:
        await socket.push("realtime:db", "access_token", {"access_token": tables.token()})
        assert (await socket.receive())["payload"]["message"] == "Subscribed to PostgreSQL"

        await tables.execute("insert into notes values (gen_random_uuid(), $1)", ALICE)

        assert (await hear(socket))["record"]["owner"] == ALICE


async def test_many_rows_arrive_in_order(tables: Server) -> None:
    async with listening(tables, binding(select=["id"])) as socket:
        await tables.execute("insert into items (id) select generate_series(1, 1500)")

        async with asyncio.timeout(20):
            heard = [(await hear(socket))["record"]["id"] for _ in range(1500)]

        assert heard == list(range(1, 1501))
