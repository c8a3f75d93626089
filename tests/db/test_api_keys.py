from datetime import timedelta
from typing import Any

import pytest

from tests.support.sql.agent import Agent
from tests.support.sql.database import Connection, Database

pytestmark = pytest.mark.db


async def create(connection: Connection, key_id: str, **fields: object) -> dict[str, Any]:
    """Store a key; gives its row."""
    named = {"p_id": key_id, "p_hash": "a" * 64, "p_name": "laptop", "p_scopes": ["admin"]} | fields
    arguments = ", ".join(f"{name} => ${n}" for n, name in enumerate(named, 1))
    statement = f"select * from public.cogo_create_api_key({arguments})"  # noqa: S608 -- our names
    return dict(await connection.fetchrow(statement, *named.values()) or {})


async def key(connection: Connection, key_id: str) -> dict[str, Any]:
    found = await connection.fetchrow("select * from public.cogo_api_keys() where id = $1", key_id)
    return dict(found or {})


@pytest.mark.parametrize(
    ("lasts", "grace", "ends"),
    [
        (60, 3600, 60),
        (60, 60, 60),
        (7200, 3600, 3600),
        (None, 3600, 3600),
        (60, 0, 0),
        (-1, 60, -1),
    ],
)
async def test_a_rotation_ends_the_old_key_after_its_grace_and_never_later_than_it_would(
    database: Database, agent: Agent, lasts: int | None, grace: int, ends: int
) -> None:
    expiry = None if lasts is None else database.now + timedelta(seconds=lasts)
    await create(agent.connection, "old", p_expires_at=expiry)

    await create(agent.connection, "new", p_replaces="old", p_grace_seconds=grace)

    replaced = await key(agent.connection, "old")
    assert replaced["expires_at"] == database.now + timedelta(seconds=ends)
    assert replaced["usable"] == (ends > 0)
    assert (await key(agent.connection, "new"))["usable"]


async def test_a_key_ends_at_the_moment_of_its_expiry(database: Database, agent: Agent) -> None:
    await create(agent.connection, "k", p_expires_at=database.now + timedelta(seconds=10))
    check = "select count(*) from public.cogo_check_api_key('k', $1)"

    await database.jump(timedelta(seconds=9.999))
    before = await agent.connection.fetchval(check, "a" * 64)
    await database.jump(timedelta(seconds=0.001))

    assert (before, await agent.connection.fetchval(check, "a" * 64)) == (1, 0)


async def test_a_key_that_ended_a_month_ago_is_deleted_when_another_one_is_made(
    database: Database, agent: Agent
) -> None:
    await create(agent.connection, "kept")
    await create(agent.connection, "expired", p_expires_at=database.now)
    await create(agent.connection, "revoked")
    await agent.connection.execute("select from public.cogo_revoke_api_key('revoked')")

    found = []
    for seconds in (0, 1):
        await database.jump(timedelta(days=30 * (1 - seconds), seconds=seconds))
        await create(agent.connection, f"new-{seconds}")
        found.append(await agent.connection.fetch("select id from public.cogo_api_keys()"))

    before, after = ({row["id"] for row in rows} for rows in found)
    assert before == {"kept", "expired", "revoked", "new-0"}
    assert after == {"kept", "new-0", "new-1"}
