"""Calls that begin together, and end with the completion of their attempt."""

from decimal import Decimal
from uuid import uuid4

from agents.middleware.call_ledger import CallLedger
from protocol.records import CallEnd, CallStart, ClaimedSubtask, ClaimRequest, Completion
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import LEASE, Agent


def a_start(claimed: ClaimedSubtask) -> CallStart:
    return CallStart(
        id=uuid4(),
        task_id=claimed.task_id,
        subtask_id=claimed.subtask_id,
        attempt=claimed.attempt,
        model_id="model-a",
        provider="local",
        provider_model="a",
        prompt_sha256="0",
        max_usd=Decimal("0.5"),
    )


def an_end(start: CallStart) -> CallEnd:
    return CallEnd(
        **start.model_dump(), outcome="completed", duration_ms=1, cost_usd=Decimal("0.25")
    )


async def test_calls_begin_together_and_end_with_the_completion(store: SupabaseStore) -> None:
    agent = Agent(store)
    task = await agent.submit()
    await agent.plan(task)
    [claimed] = await agent.claim()
    starts = [a_start(claimed), a_start(claimed)]

    begun = await store.begin_calls(agent_id=agent.id, calls=starts)
    result = await store.complete_and_claim(
        agent_id=agent.id,
        items=[Completion(ref=claimed.ref, output={"text": "done"})],
        claim=ClaimRequest(lanes=[agent.lane], limit=5, lease=LEASE, request_id=uuid4()),
        calls=[an_end(each) for each in starts],
    )

    assert {name: each.answer for name, each in begun.items()} == {each.id: "ok" for each in starts}
    assert [each.answer for each in result.answers] == ["ok"]
    assert (result.claimed, result.problems) == ([], [])
    calls = await store.fetch_calls(limit=10, every_owner=True, task_id=task.id)
    assert {(each.id, each.outcome) for each in calls} == {
        (each.id, "completed") for each in starts
    }
    assert (await store.fetch_task(task_id=task.id)).cost_usd is not None


async def test_a_ledger_records_what_nobody_completes(store: SupabaseStore) -> None:
    agent = Agent(store)
    task = await agent.submit()
    await agent.plan(task)
    [claimed] = await agent.claim()
    start, ledger = a_start(claimed), CallLedger(agent_id=agent.id, store=store)
    assert (await store.begin_call(agent_id=agent.id, call=start)).answer == "ok"

    await ledger.end_call(agent_id=agent.id, call=an_end(start))
    await ledger.flush(claimed.ref)

    [call] = await store.fetch_calls(limit=10, every_owner=True, task_id=task.id)
    assert (call.id, call.outcome, call.cost_usd) == (start.id, "completed", Decimal("0.25"))
