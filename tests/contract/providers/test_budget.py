"""The budget middleware around real calls: reservations, refusals and bookings."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.middleware.budget import BudgetMiddleware
from cogo.evaluation.live import fetch_called_models
from embedded.state import State
from protocol.records import CallEnd, CallRow, UsageQuery
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.catalogue.catalogue import Catalogue
from providers.chat import ChatRequest, Message, TextDelta
from providers.chat_response import collect_response
from providers.errors import NotAsked, Overloaded, ProviderCapReached, SpendCapReached
from providers.router import Router
from tests.contract.providers.calls import credentials
from tests.support.servers.simulator import Journal

MODEL = "claude-sonnet-5-5"
CATALOGUE = Catalogue.load()
SECRET = "sk-ant-" + "Ab1" * 12


def ask(prompt: str = "Write a fibonacci function") -> ChatRequest:
    return ChatRequest(
        model="", messages=(Message(role="user", content=prompt),), max_output_tokens=2000
    )


@pytest.fixture
async def store(project: State) -> AsyncIterator[SupabaseStore]:
    async with open_store(project.url, project.secret_key) as store:
        yield store


@pytest.fixture
def open_router(store: SupabaseStore, simulator: str) -> Callable[..., Router]:
    def build(*, keeps_prompts: bool = False, simulated: bool = False) -> Router:
        ledger = BudgetMiddleware(store, agent_id="executor-1", keeps_prompts=keeps_prompts)
        opened = credentials(simulator, simulated=simulated)
        return Router(CATALOGUE, opened, middleware=[ledger])

    return build


async def only_call(store: SupabaseStore) -> CallRow:
    [call] = await store.fetch_calls(limit=10, every_owner=True)
    return call


async def test_every_call_leaves_a_row_with_what_it_used_and_no_prompt(
    store: SupabaseStore, open_router: Callable[..., Router]
) -> None:
    async with open_router() as router:
        answer = await collect_response(router.stream(MODEL, ask()))

    call = await only_call(store)
    assert answer.usage is not None
    assert (call.outcome, call.model_id, call.provider) == ("completed", MODEL, "anthropic")
    assert (call.input_tokens, call.output_tokens) == (answer.usage.input, answer.usage.output)
    assert call.cost_usd is not None
    assert call.cost_usd > 0
    assert (call.price_source or "").startswith("genai-prices")
    assert not call.simulated
    assert call.prompt is None
    assert len(call.prompt_sha256 or "") == 64
    [used] = (await store.fetch_usage(UsageQuery())).rows
    assert (used.calls, used.unknown_costs) == (1, 0)
    assert used.cost_usd == call.cost_usd


async def test_a_simulated_call_spends_nothing_and_no_cap_holds_it(
    store: SupabaseStore, open_router: Callable[..., Router]
) -> None:
    await store.set_budget(scope="total", key=None, per="day", limit_usd=Decimal(0))

    async with open_router(simulated=True) as router:
        await collect_response(router.stream(MODEL, ask()))
        with pytest.raises(Overloaded):
            await collect_response(router.stream(MODEL, ask("[[fault:529]]")))

    calls = await store.fetch_calls(limit=10, every_owner=True)
    assert [(call.simulated, call.cost_usd) for call in calls] == [(True, Decimal(0))] * 2
    [used] = (await store.fetch_usage(UsageQuery())).rows
    assert (used.simulated, used.cost_usd, used.unknown_costs) == (True, Decimal(0), 0)
    [cap] = await store.fetch_budgets()
    assert cap.spent_usd == cap.reserved_usd == 0


async def test_keys_are_masked_before_sending_and_the_answer_has_a_note(
    store: SupabaseStore, open_router: Callable[..., Router], journal: Journal
) -> None:
    async with open_router(keeps_prompts=True) as router:
        answer = await collect_response(router.stream(MODEL, ask(f"Why does {SECRET} fail?")))

    assert len(await journal.requests()) == 1
    assert any("1 keys in the prompt were masked" in note for note in answer.done.notes)
    call = await only_call(store)
    assert call.masked_keys == 1
    assert "[masked key]" in str(call.prompt)
    assert SECRET not in str(call.prompt)


@pytest.mark.parametrize(
    "cap",
    [
        ("total", None, SpendCapReached),
        ("owner", None, SpendCapReached),
        ("provider", "anthropic", ProviderCapReached),
    ],
)
async def test_a_call_that_a_cap_does_not_allow_is_not_sent(
    store: SupabaseStore,
    open_router: Callable[..., Router],
    journal: Journal,
    cap: tuple[Any, str | None, type[SpendCapReached]],
) -> None:
    scope, key, error = cap
    await store.set_budget(scope=scope, key=key, per="day", limit_usd=Decimal("0.001"))

    async with open_router() as router:
        with pytest.raises(error, match="are left") as refused:
            await collect_response(router.stream(MODEL, ask()))

    assert refused.value.code == error.code
    assert refused.value.retry_after is None
    assert await journal.requests() == []
    assert await store.fetch_calls(limit=10, every_owner=True) == []


async def test_spent_money_counts_and_reservations_are_returned(
    store: SupabaseStore, open_router: Callable[..., Router]
) -> None:
    await store.set_budget(scope="total", key=None, per="day", limit_usd=Decimal(1))

    async with open_router() as router:
        await collect_response(router.stream(MODEL, ask()))
        with pytest.raises(Overloaded):
            await collect_response(router.stream(MODEL, ask("[[fault:529]]")))
        async with aclosing(router.stream(MODEL, ask("[[fault:stall after=2]]"))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break

    [cap] = await store.fetch_budgets()
    calls = {call.outcome: call for call in await store.fetch_calls(limit=10, every_owner=True)}
    assert set(calls) == {"completed", "failed", "cancelled"}
    assert calls["failed"].error_class == "overloaded"
    assert cap.reserved_usd == 0
    assert cap.spent_usd == sum(call.cost_usd or 0 for call in calls.values())


async def test_the_calls_of_a_task_are_counted_each_once_and_cached_answers_are_none(
    store: SupabaseStore,
) -> None:
    task_id, repeated = uuid4(), uuid4()

    async def book(
        model: str, outcome: Any, *, of: UUID = task_id, id_: UUID | None = None
    ) -> None:
        call = CallEnd(
            id=id_ or uuid4(), task_id=of, model_id=model, provider="p", provider_model=model,
            prompt_sha256="0", outcome=outcome, duration_ms=1,
        )  # fmt: skip
        assert await store.end_call(agent_id="executor-1", call=call)

    await book("first", "failed")
    await book("cached", "cached")
    await book("other", "completed", of=uuid4())
    await book("second", "failed", id_=repeated)
    await book("second", "completed", id_=repeated)  # such as a late report of a lost one

    assert await fetch_called_models(store, task_id) == ("first", "second")


async def test_without_an_answer_of_the_database_nothing_is_sent(
    project: State, simulator: str, journal: Journal
) -> None:
    async with open_store("http://127.0.0.1:9", project.secret_key) as away:
        gates = [BudgetMiddleware(away, agent_id="executor-1", keeps_prompts=False)]
        async with Router(CATALOGUE, credentials(simulator), middleware=gates) as router:
            with pytest.raises(NotAsked, match="no cost can be reserved"):
                await collect_response(router.stream(MODEL, ask()))

    assert await journal.requests() == []
