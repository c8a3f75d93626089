"""Rankings in workflows on a real database: what they cost is booked, and capped before it is sent.

The simulator stands for vendors here as if it were real, since nothing simulated costs anything.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from agents.executor.service import run_executor
from agents.middleware.budget import BudgetMiddleware
from agents.runtime.options import AgentIdentity
from agents.workflows.engine import Result, Run, StepFailed, workflow
from agents.workflows.hosting.host import WorkflowHost
from protocol.lifecycle import TaskState
from protocol.records import Task
from providers.catalogue.deployment import Credential
from providers.router import Router
from tests.integration.agents.conftest import CATALOGUE, Fleet, agent_options

PATHS = {"cohere": "/cohere/compatibility/v1", "openai": "/openai/v1"}
DOCUMENTS = ["the office closes at six", "money is returned within a week"]


@workflow("RANKS")
async def ranks(run: Run) -> Result:
    """Rank two documents, if somebody can."""
    model = run.brief.model
    try:
        found = await run.rerank("best", run.prompt, DOCUMENTS, model=model)
    except StepFailed as error:
        return Result(f"unranked ({error.error_class}): {DOCUMENTS[0]}")
    return Result(DOCUMENTS[found[0].place])


@asynccontextmanager
async def running(fleet: Callable[[], Any], *providers: str) -> AsyncIterator[Fleet]:
    """Start an orchestrator, and an executor whose vendors cost something."""
    identity = AgentIdentity(id="ranker-1", kind="executor", host="here", pid=1, version="0")

    async with fleet() as opened:
        given = {
            name: Credential(key=SecretStr("ours"), base_url=opened.simulator + PATHS[name])
            for name in providers
        }

        async def run(drain: Any, on_ready: Callable[[], None]) -> None:
            budget = BudgetMiddleware(opened.store, agent_id=identity.id, keeps_prompts=False)
            async with Router(CATALOGUE, given, middleware=[budget]) as router:
                await run_executor(
                    open_store=opened.open_store,
                    bus=opened.bus,
                    router=router,
                    identity=identity,
                    options=agent_options(rerank_capacity=2),
                    drain=drain,
                    on_ready=on_ready,
                )

        await opened.start(run)
        await opened.orchestrator(workflows=WorkflowHost({"RANKS": ranks}))
        yield opened


async def rank(fleet: Fleet, **fields: Any) -> Task:
    task = await fleet.submit("when is money returned", type="RANKS", **fields)
    return await fleet.ended(task.id)


async def test_a_ranking_is_audited_and_its_cost_is_that_of_the_task(
    fleet: Callable[[], Any],
) -> None:
    async with running(fleet, "cohere") as opened:
        row = await rank(opened, model="rerank-v4.0-pro")
        chosen = await rank(opened)
        capped = await rank(opened, model="rerank-v4.0-pro", budget_usd=Decimal("0.001"))

        assert row.status is TaskState.COMPLETED, row.error
        assert row.result is not None
        assert row.result["text"] == DOCUMENTS[1]
        assert row.cost_usd == Decimal("0.0025")
        calls = {each.task_id: each for each in await opened.store.fetch_calls(limit=50)}
        call = calls[row.id]
        assert (call.model_id, call.outcome) == ("cohere/rerank-v4.0-pro", "completed")
        assert calls[chosen.id].model_id == "cohere/rerank-v5.0-fast"
        assert 0 < (calls[chosen.id].cost_usd or 0) < Decimal("0.0001")
        assert capped.id not in calls
        assert capped.cost_usd == 0


async def test_without_a_reranker_the_workflow_goes_on_at_once(fleet: Callable[[], Any]) -> None:
    async with running(fleet, "openai") as opened:
        row = await rank(opened)

        assert row.status is TaskState.COMPLETED, row.error
        assert row.result is not None
        assert row.result["text"] == f"unranked (no_model): {DOCUMENTS[0]}"
