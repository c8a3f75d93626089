"""Tasks of type EMBED on a real database: what they cost is booked, and capped before it is spent.

The simulator stands for vendors here as if it were real, since nothing simulated costs anything.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
from pydantic import SecretStr

from agents.executor.service import run_executor
from agents.middleware.budget import BudgetMiddleware
from agents.runtime.options import AgentIdentity
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.records.spending import CallRow
from providers.catalogue.deployment import Credential
from providers.router import Router
from tests.integration.agents.conftest import CATALOGUE, Fleet, agent_options

SMALL = "text-embedding-3-small"
FAST = "cohere/embed-v5.0-fast"
PATHS = {"cohere": "/cohere/compatibility/v1", "openai": "/openai/v1"}


async def start_executor(fleet: Fleet) -> None:
    """Start an executor whose vendors cost something."""
    opened = {
        name: Credential(key=SecretStr("a-key-of-ours"), base_url=f"{fleet.simulator}{path}")
        for name, path in PATHS.items()
    }
    identity = AgentIdentity(id="embedder-1", kind="executor", host="here", pid=1, version="0")

    async def run(drain: Any, on_ready: Callable[[], None]) -> None:
        budget = BudgetMiddleware(fleet.store, agent_id=identity.id, keeps_prompts=False)
        async with Router(CATALOGUE, opened, middleware=[budget]) as router:
            await run_executor(
                open_store=fleet.open_store,
                bus=fleet.bus,
                router=router,
                identity=identity,
                options=agent_options(embedding_capacity=4),
                drain=drain,
                on_ready=on_ready,
            )

    await fleet.start(run)


@asynccontextmanager
async def running(fleet: Callable[[], Any]) -> AsyncIterator[Fleet]:
    async with fleet() as opened:
        await start_executor(opened)
        await opened.orchestrator()
        yield opened


async def embed(fleet: Fleet, texts: list[str], model: str = SMALL, **fields: Any) -> Task:
    params = {"input": texts, "dimensions": 16}
    task = await fleet.submit("texts", type="EMBED", model=model, params=params, **fields)
    return await fleet.ended(task.id)


async def calls_of(fleet: Fleet, task: Task) -> list[CallRow]:
    return [each for each in await fleet.store.fetch_calls(limit=50) if each.task_id == task.id]


async def count_requests(fleet: Fleet) -> int:
    async with httpx.AsyncClient(base_url=fleet.simulator) as http:
        return len((await http.get("/_simulator/requests")).json()["requests"])


async def test_a_call_is_audited_and_its_cost_is_that_of_the_task(
    fleet: Callable[[], Any],
) -> None:
    async with running(fleet) as opened:
        row = await embed(opened, ["a red apple", "the law"])

        assert row.status is TaskState.COMPLETED, row.error
        assert row.input_tokens > 0
        assert row.cost_usd == row.input_tokens * Decimal("0.02") / 1_000_000
        [call] = await calls_of(opened, row)
        assert (call.model_id, call.outcome, call.cost_usd) == (SMALL, "completed", row.cost_usd)


async def test_a_budget_refuses_a_call_before_it_is_sent(fleet: Callable[[], Any]) -> None:
    async with running(fleet) as opened:
        row = await embed(opened, ["a red apple"], budget_usd=Decimal("0.000001"))

        assert (row.status, row.cost_usd) == (TaskState.FAILED, Decimal())
        assert row.error is not None
        assert row.error["class"] == "spend_cap"
        assert "a budget of $" in row.error["message"]
        assert await count_requests(opened) == 0


async def test_calls_that_were_paid_before_another_failed_are_booked(
    fleet: Callable[[], Any],
) -> None:
    texts = [*(["paid"] * 96), "[[fault:400]] refused"]  # Cohere takes 96 in one request
    async with running(fleet) as opened:
        row = await embed(opened, texts, FAST)

        assert (row.status, (row.error or {})["class"]) == (TaskState.FAILED, "invalid_request")
        calls = await calls_of(opened, row)
        assert sorted(each.outcome for each in calls) == ["completed", "failed"]
        paid = sum((each.cost_usd or Decimal() for each in calls), Decimal())
        assert paid > 0
        assert row.cost_usd == paid


async def test_a_task_waits_until_an_executor_can_call_its_model(
    fleet: Callable[[], Any],
) -> None:
    async with fleet() as opened:
        await opened.orchestrator()
        task = await opened.submit("a red apple", type="EMBED", model=SMALL)
        await start_executor(opened)

        row = await opened.ended(task.id)
        assert row.status is TaskState.COMPLETED, row.error


async def test_a_model_that_no_executor_can_call_fails_the_task(
    fleet: Callable[[], Any],
) -> None:
    async with running(fleet) as opened:
        row = await embed(opened, ["a"], "gemini-embedding-001")

        assert (row.status, (row.error or {})["class"]) == (TaskState.FAILED, "no_model")
        assert "GEMINI_API_KEY" in (row.error or {})["message"]
        assert SMALL in (row.error or {})["allowed"]
