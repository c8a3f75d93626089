"""`GET /models` and `GET /models/operations`: what is known of models, and how they perform."""

from uuid import UUID

import pytest

from protocol.records import AgentRecord
from protocol.transport.supabase_store import SupabaseStore
from providers.catalogue.open_models import OPEN_MODELS_DETAIL
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

SONNET, OPEN, VECTORS = "claude-sonnet-5-5", "ollama/llama3.1:8b", "text-embedding-3-small"


@pytest.fixture(autouse=True)
async def executors(store: SupabaseStore) -> None:
    reported = {OPEN: {"context_window": 4_096, "parameters": 8.0, "is_remote": False}}
    for place in range(2):
        await store.record_agent(
            AgentRecord(
                id=f"executor-{place}",
                kind="executor",
                lanes=[SONNET, OPEN, f"tools:cogo.embeddings/{VECTORS}", "mystery"][: 4 - place],
                capacity=1,
                details={OPEN_MODELS_DETAIL: reported, "simulated": True},
                silent_ms=0,
            )
        )


async def test_models_are_listed_with_prices_abilities_and_who_serves_them(
    opened: OpenGateway,
) -> None:
    async with opened() as client:
        listed = (await client.get("/models")).json()["models"]

    found = {each["id"]: each for each in listed}
    sonnet, local, vectors, mystery = (found[name] for name in (SONNET, OPEN, VECTORS, "mystery"))
    assert (sonnet["kind"], sonnet["executors"], sonnet["is_local"]) == ("chat", 2, False)
    assert sonnet["usd_per_million"]["output"] > sonnet["usd_per_million"]["input"] > 0
    assert "image" in sonnet["inputs"]
    assert (local["is_local"], local["parameters"], local["context_window"]) == (True, 8.0, 4_096)
    assert (vectors["kind"], vectors["executors"]) == ("embedding", 2)
    assert vectors["usd_per_million"]["input"] > 0
    assert (mystery["usd_per_million"], mystery["executors"]) == (None, 1)


async def test_operators_read_controls_policies_and_performance(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    await store.control_model(action="ban", subject=SONNET, reason="wrong answers")
    await store.set_policy(policy="cascade")
    reader = await a_key(store, "models:read")

    async with opened() as client:
        seen = (await client.get("/models/operations")).json()
        refused = await client.get("/models/operations", headers=reader)
        allowed = await client.get("/models", headers=reader)

    [control] = seen["controls"]
    assert (control["subject"], control["action"]) == (SONNET, "ban")
    assert seen["policies"] == {str(UUID(int=0)): "cascade"}
    assert (seen["default_policy"], seen["deployments"]) == ("auto", [])
    assert SONNET in {each["subject"] for each in seen["switches"]}
    assert (refused.status_code, allowed.status_code) == (403, 200)
