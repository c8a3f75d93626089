"""AI columns over HTTP: what operators see and do, and what a user sees of them."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import JsonValue

from embedded.state import State
from protocol.records.columns import CellState
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

ALICE, BOB = uuid4(), uuid4()
PROMPT = "Summarise: {body}"


@pytest.fixture
async def database(project: State) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(project.db_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def column_id(database: asyncpg.Connection, store: SupabaseStore) -> AsyncIterator[UUID]:
    """Install a column with cells of Alice's and Bob's, and two rows of before."""
    await database.execute(
        "create table tickets (id int primary key, body text, person uuid, s text)"
    )
    await database.execute("insert into tickets values (1, 'old', $1), (2, 'older', null)", ALICE)
    found = await database.fetchval(
        "select cogo.ai_column('tickets', 's', prompt => $1, owner_column => 'person')", PROMPT
    )
    rows = [(3, "a", ALICE), (4, "b", ALICE), (5, "c", BOB), (6, "d", ALICE)]
    await database.executemany("insert into tickets values ($1, $2, $3)", rows)
    await store.run_columns(agent_id="o")
    yield found
    await database.execute("drop table tickets")


async def test_operators_see_columns_with_their_cells_page_by_page(
    opened: OpenGateway, column_id: UUID
) -> None:
    path = f"/columns/{column_id}"

    async with opened() as client:
        [column] = (await client.get("/columns")).json()["columns"]
        shown = (await client.get(path)).json()
        first = (await client.get(f"{path}/cells", params={"limit": 3})).json()
        second = (
            await client.get(f"{path}/cells", params={"limit": 3, "after": first["next"]})
        ).json()
        done = (await client.get(f"{path}/cells", params={"state": "done"})).json()
        wrong = await client.get(f"{path}/cells", params={"after": "{"})
        none = await client.get(f"/columns/{uuid4()}")

    assert (column["table_name"], column["column_name"]) == ("public.tickets", "s")
    assert (column["pending"], column["done"], column["prompt"]) == (4, 0, PROMPT)
    assert shown["column"] == column
    assert [each["prompt"] for each in shown["versions"]] == [PROMPT]
    keys = [each["key"] for page in (first, second) for each in page["cells"]]
    assert keys == [[3], [4], [5], [6]]
    assert {each["state"] for each in first["cells"]} == {"pending"}
    assert second["next"] is None
    assert done == {"cells": [], "next": None}
    assert (wrong.status_code, wrong.json()["param"]) == (400, "after")
    assert none.status_code == 404


async def test_cells_are_found_by_each_state(
    store: SupabaseStore, database: asyncpg.Connection, column_id: UUID
) -> None:
    states = {3: "done", 4: "failed", 5: "kept"}
    for key, state in states.items():
        await database.execute(
            "update cogo.ai_cells set state = $1, version = 1 where key = $2",
            state,
            json.dumps([key]),
        )

    async def find(*states: CellState, who: UUID | None = None) -> list[JsonValue]:
        found = await store.find_cells(
            column_id=column_id, limit=10, owner=who, every_owner=who is None, states=states
        )
        return [each.key[0] for each in found if isinstance(each.key, list)]

    assert [await find(each) for each in ("done", "stale", "failed", "kept", "pending")] == [
        [3], [], [4], [5], [6],
    ]  # fmt: skip
    for prompt in ("Shorter: {body}", "Shorter still: {body}"):
        await database.execute("select cogo.ai_column('tickets', 's', prompt => $1)", prompt)
        assert (await find("done"), await find("stale")) == ([], [3])
    await database.execute("update cogo.ai_cells set version = 3 where key = '[4]'")
    await database.execute("update cogo.ai_cells set state = 'done' where key = '[4]'")
    await database.execute("select cogo.revert_ai_column('tickets', 's', 2)")
    assert await find("stale", "pending") == [3, 4, 6]
    assert await find("stale", "kept", who=BOB) == [5]
    missing = await store.find_cells(
        column_id=uuid4(), limit=10, every_owner=True, states=["stale", "done"]
    )
    assert missing == []


async def test_a_user_sees_their_own_cells_and_the_names_of_their_columns(
    opened: OpenGateway, store: SupabaseStore, column_id: UUID
) -> None:
    people = {"alice": ALICE, "bob": BOB, "stranger": uuid4()}
    keys = {name: await a_key(store, "tasks:read", owner=who) for name, who in people.items()}
    path = f"/columns/{column_id}"

    async with opened(is_keyless=False) as client:
        lists = {
            name: (await client.get("/columns", headers=key)).json()["columns"]
            for name, key in keys.items()
        }
        cells = {
            name: (await client.get(f"{path}/cells", headers=key)).json()["cells"]
            for name, key in keys.items()
        }
        shown = (await client.get(path, headers=keys["bob"])).json()
        hidden = await client.get(path, headers=keys["stranger"])
        refused = [
            await client.post(f"{path}/{action}", json={}, headers=keys["alice"])
            for action in ("pause", "resume", "backfill")
        ]

    public = {
        "id": str(column_id),
        "table_name": "public.tickets",
        "column_name": "s",
        "version": 1,
    }
    assert lists == {"alice": [public], "bob": [public], "stranger": []}
    assert {name: [each["key"] for each in found] for name, found in cells.items()} == {
        "alice": [[3], [4], [6]],
        "bob": [[5]],
        "stranger": [],
    }
    assert shown == {"column": public, "versions": []}
    assert hidden.status_code == 404
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(403, "scope_missing")}


async def test_a_column_is_paused_resumed_and_asked_for_old_rows_after_an_estimate(
    opened: OpenGateway, database: asyncpg.Connection, column_id: UUID
) -> None:
    path = f"/columns/{column_id}"

    async with opened() as client:
        await client.post(f"{path}/pause", json={"reason": "audit"})
        paused = (await client.get(path)).json()["column"]
        await database.execute(
            "update cogo.ai_columns set paused_at = null, paused_until = 'infinity',"
            " paused_reason = 'the cap is spent' where id = $1",
            column_id,
        )
        spent = (await client.get("/columns")).json()["columns"][0]
        await client.post(f"{path}/resume")
        resumed = (await client.get(path)).json()["column"]
        dry = (await client.post(f"{path}/backfill", json={"dry_run": True})).json()
        untouched = (await client.get(path)).json()["column"]["backfill"]
        # As if two answers of this version had been written.
        await database.execute(
            "update cogo.ai_cells set state = 'done', cost_usd = 0.5 * (key ->> 0)::int"
            " where column_id = $1 and key in ('[3]', '[5]')",
            column_id,
        )
        priced = (await client.post(f"{path}/backfill", json={"dry_run": True, "limit": 1})).json()
        begun = (await client.post(f"{path}/backfill", json={"states": ["missing"]})).json()
        after = (await client.get(path)).json()["column"]["backfill"]
        bodies: tuple[dict[str, object], ...] = (
            {"states": []}, {"states": ["done"]}, {"limit": 0}, {"dryrun": True},
        )  # fmt: skip
        wrong = [await client.post(f"{path}/backfill", json=body) for body in bodies]

    assert (paused["paused_reason"], paused["paused_at"] is None) == ("audit", False)
    assert (spent["paused_reason"], spent["paused_until"]) == ("the cap is spent", None)
    assert (resumed["paused_reason"], resumed["paused_at"]) == (None, None)
    unknown = {"low": None, "expected": None, "high": None, "based_on": 0}
    assert dry == {"id": str(column_id), "cells": 2, "estimate": unknown}
    assert untouched is None
    assert (priced["cells"], priced["estimate"]["expected"]) == (1, 2.0)
    assert priced["estimate"]["based_on"] == 2
    assert begun["cells"] == 2
    assert (after["total"], after["done"]) == (2, 0)
    assert [each.status_code for each in wrong] == [400] * 4
