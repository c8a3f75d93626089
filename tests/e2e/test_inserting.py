"""Tasks inserted as rows by any client."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import httpx
import pytest
from supabase import AsyncClientOptions, acreate_client

from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended, outcomes
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

Insert = Callable[[System, str], Awaitable[UUID]]


async def through_supabase_py(system: System, prompt: str) -> UUID:
    async with httpx.AsyncClient(timeout=60) as http:
        options = AsyncClientOptions(httpx_client=http)
        client = await acreate_client(system.state.url, system.state.secret_key, options)
        answer = await client.table("cogo_tasks").insert({"prompt": prompt}).execute()
    [row] = answer.data
    assert isinstance(row, dict)
    return UUID(str(row["id"]))


async def through_sql(system: System, prompt: str) -> UUID:
    connection = await asyncpg.connect(system.state.db_url)
    try:
        found = await connection.fetchval(
            "insert into cogo_tasks (prompt) values ($1) returning id", prompt
        )
    finally:
        await connection.close()
    assert isinstance(found, UUID)
    return found


async def through_rest(system: System, prompt: str) -> UUID:
    async with httpx.AsyncClient(
        base_url=system.state.url, headers=system.headers, timeout=60
    ) as http:
        answer = await http.post(
            "/rest/v1/cogo_tasks",
            json={"prompt": prompt},
            headers={"Prefer": "return=representation"},
        )
    assert answer.status_code == 201
    return UUID(answer.json()[0]["id"])


async def test_an_inserted_row_is_answered_with_code_whichever_way_it_came(
    system: System, store: SupabaseStore
) -> None:
    ways: Sequence[Insert] = (through_supabase_py, through_sql, through_rest)
    inserted = [await insert(system, "Write a palindrome check") for insert in ways]

    for task_id in inserted:
        task = await ended(store, task_id)
        assert task.status is TaskState.COMPLETED, task.error
        assert task.result is not None
        assert "def is_palindrome" in task.result["generated_code"]
        assert task.result["model_used"]
        assert task.result["simulated"] is True
        assert task.output_tokens > 0
        assert set(await outcomes(store, task_id)) == {"completed"}


async def test_tasks_that_come_all_at_once_are_all_answered_once(
    system: System, store: SupabaseStore
) -> None:
    rows = [{"prompt": f"Say {number}", "type": "CHAT"} for number in range(24)]
    async with httpx.AsyncClient(
        base_url=system.state.url, headers=system.headers, timeout=60
    ) as http:
        answer = await http.post(
            "/rest/v1/cogo_tasks", json=rows, headers={"Prefer": "return=representation"}
        )

    for row in answer.json():
        task = await ended(store, UUID(row["id"]))
        assert task.status is TaskState.COMPLETED, task.error
        assert await outcomes(store, task.id) == ["completed"]
