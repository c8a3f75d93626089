"""Bans of operators, between an executor's router and a real database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest
from pydantic import SecretStr

from agents.middleware.budget import BudgetMiddleware
from agents.middleware.stack import open_call_limits
from embedded.state import State
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Done, Message, TextDelta
from providers.chat_response import collect_response
from providers.errors import Banned
from providers.router import Router
from simulator import run_simulator

MODEL = "claude-sonnet-5-5"
REQUEST = ChatRequest(model="", messages=(Message(role="user", content="Say it at length"),))


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    async with run_simulator(speed=0) as url:
        yield url


@pytest.fixture
async def store(project: State) -> AsyncIterator[SupabaseStore]:
    async with open_store(project.url, project.secret_key) as opened:
        yield opened


@asynccontextmanager
async def executor(store: SupabaseStore, simulator: str, name: str) -> AsyncIterator[Router]:
    credential = Credential(key=SecretStr("a-key"), base_url=f"{simulator}/anthropic")
    async with AsyncExitStack() as stack:
        safety = await stack.enter_async_context(open_call_limits(agent_id=name, store=store))
        gates = [*safety.middleware, BudgetMiddleware(store, agent_id=name, keeps_prompts=False)]
        router = Router(Catalogue.load(), {"anthropic": credential}, middleware=gates)
        yield await stack.enter_async_context(router)


async def test_a_banned_provider_is_called_no_more_and_what_it_says_is_heard_to_the_end(
    store: SupabaseStore, simulator: str
) -> None:
    async with executor(store, simulator, "executor-1") as router:
        ended = done = False
        async with aclosing(router.stream(MODEL, REQUEST)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and not ended:
                    await store.control_model(action="ban", subject="anthropic", reason="it lies")
                    with pytest.raises(Banned, match="it lies"):
                        await collect_response(router.stream(MODEL, REQUEST))
                    ended = True
                done = isinstance(event, Done)
        await store.control_model(action="allow", subject="anthropic")
        again = await collect_response(router.stream(MODEL, REQUEST))

    assert (ended, done) == (True, True)
    assert again.text
    outcomes = [each.outcome for each in await store.fetch_calls(limit=9, every_owner=True)]
    assert outcomes == ["completed", "completed"]
