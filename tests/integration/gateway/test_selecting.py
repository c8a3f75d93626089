"""`POST /api/models/select` answers as the planner would for a task of the caller."""

from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from embedded.state import State
from protocol.records import AgentRecord
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

SONNET, HAIKU, GPT = "claude-sonnet-5-5", "claude-haiku-4-5", "gpt-6.1-sol"
_OUTCOMES = """
insert into cogo.model_judgements (model_id, kind, source, judged, good)
values ($1, 'code-generation', 'run', 300, $2)
"""


@pytest.fixture(autouse=True)
async def executor(store: SupabaseStore) -> None:
    await store.record_agent(
        AgentRecord(
            id="executor",
            kind="executor",
            lanes=[SONNET, HAIKU, GPT],
            capacity=1,
            silent_ms=0,
        )
    )


async def an_owner(store: SupabaseStore) -> tuple[UUID, dict[str, str]]:
    owner = uuid4()
    return owner, await a_key(store, "models:read", owner=owner)


async def selected(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[list[str], str]:
    answer = await client.post(
        "/api/models/select", json={"task_requirements": {}}, headers=headers
    )
    data = answer.raise_for_status().json()["data"]
    return data["recommendations"], data["reasoning"]


async def test_a_selection_follows_the_owners_policy_and_the_statistics(
    opened: OpenGateway, store: SupabaseStore, project: State
) -> None:
    owner, theirs = await an_owner(store)
    other, others = await an_owner(store)
    await store.set_policy(policy="scored", owner=owner)
    await store.set_policy(policy="rules", owner=other)
    connection = await asyncpg.connect(project.db_url)
    try:
        for model, good in [(SONNET, 3), (HAIKU, 3), (GPT, 299)]:
            await connection.execute(_OUTCOMES, model, good)
    finally:
        await connection.close()

    async with opened() as client:
        mine, why = await selected(client, theirs)
        rules, _ = await selected(client, others)

    assert mine[0] == GPT
    assert "from 300 outcomes" in why
    assert rules[0] == SONNET
    assert sorted(mine) == sorted(rules) == sorted([SONNET, HAIKU, GPT])


async def test_controls_and_grants_hold_for_requests_of_selection(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    owner, theirs = await an_owner(store)
    _, others = await an_owner(store)
    await store.set_grants(owner=owner, models=[HAIKU, GPT])
    await store.control_model(action="ban", subject=GPT, lanes=[GPT], reason="told so")

    async with opened() as client:
        mine, _ = await selected(client, theirs)
        free, _ = await selected(client, others)

    assert mine == [HAIKU]
    assert sorted(free) == sorted([SONNET, HAIKU])
