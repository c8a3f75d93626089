"""A cached answer in a running system: the second one costs no call."""

from uuid import uuid4

import pytest

from protocol.records import Task
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended, submitted

pytestmark = pytest.mark.e2e

MODEL = "claude-sonnet-5-5"


async def test_the_same_question_is_answered_from_the_cache_at_no_cost_and_the_audit_says_so(
    store: SupabaseStore,
) -> None:
    prompt = f"Say {uuid4().hex}"

    async def asked() -> Task:
        fields = {"type": "CHAT", "model": MODEL, "params": {"cache": True}}
        return await ended(store, (await submitted(store, prompt, **fields)).id)

    first, second = await asked(), await asked()

    assert (first.status, second.status) == ("completed", "completed")
    assert first.simulated
    assert first.result is not None
    assert second.result is not None
    assert second.result["text"] == first.result["text"]
    assert second.result["notes"][-1] == "answered from the cache: no model was called"
    assert first.cost_usd == second.cost_usd == 0
    calls = await store.fetch_calls(limit=1000, every_owner=True)
    told = {
        each.task_id: (each.outcome, each.cost_usd, each.model_id, each.prompt_sha256)
        for each in calls
        if each.task_id in (first.id, second.id)
    }
    sha256 = told[first.id][-1]
    assert told == {
        first.id: ("completed", first.cost_usd, MODEL, sha256),
        second.id: ("cached", 0, MODEL, sha256),
    }
