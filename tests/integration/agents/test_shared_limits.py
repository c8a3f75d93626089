"""Shared limits of two executors on a real database, with a simulated vendor."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from agents.executor.answer_cache import AnswerCache
from agents.executor.request import build_request
from agents.middleware.stack import CallLimits, open_call_limits
from embedded.state import State
from protocol.records.models import DeploymentRow
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message
from providers.chat_response import ChatResponse, collect_response
from providers.errors import AtCapacity, CircuitOpen, Overloaded
from providers.router import Router
from simulator import run_simulator
from tests.support.agents.subtasks import a_subtask
from tests.support.eventually import eventually

MODEL = "claude-sonnet-5-5"
ROOT = Path(__file__).parents[3]
PLACE = "anthropic:claude-sonnet-5-5"


@asynccontextmanager
async def executor(
    state: State, simulator: str, name: str, *, rate: int | None = None
) -> AsyncIterator[tuple[Router, CallLimits]]:
    catalogue = Catalogue.load()
    host = catalogue.providers["anthropic"].model_copy(update={"requests_per_minute": rate})
    catalogue.providers = {**catalogue.providers, "anthropic": host}
    credential = Credential(key=SecretStr("a-key"), base_url=f"{simulator}/anthropic")
    async with (
        open_store(state.url, state.secret_key) as store,
        open_call_limits(agent_id=name, store=store) as safety,
        Router(catalogue, {"anthropic": credential}, middleware=safety.middleware) as router,
    ):
        safety.reporter.report_limits(lambda: router.concurrency.limits)
        yield router, safety


async def ask(router: Router, prompt: str = "Say it") -> ChatResponse:
    request = ChatRequest(model="", messages=(Message(role="user", content=prompt),))
    return await collect_response(router.stream(MODEL, request))


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    async with run_simulator(speed=0) as url:
        yield url


@pytest.fixture
async def store(project: State) -> AsyncIterator[SupabaseStore]:
    async with open_store(project.url, project.secret_key) as opened:
        yield opened


async def hurry(state: State, statement: str) -> None:
    """Change the past: nobody waits for a circuit here."""
    connection = await asyncpg.connect(state.db_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def health(store: SupabaseStore) -> DeploymentRow | None:
    found = {each.deployment: each for each in await store.fetch_deployments()}
    return found.get(PLACE)


async def test_a_circuit_that_one_executor_opens_holds_for_others_and_survives_its_death(
    project: State, store: SupabaseStore, simulator: str
) -> None:
    async with AsyncExitStack() as dying:
        router, _ = await dying.enter_async_context(executor(project, simulator, "executor-1"))
        for _ in range(4):
            with pytest.raises(Overloaded):
                await ask(router, "[[fault:529]]")
        seen = await eventually(lambda: health(store))
        assert seen is not None
        assert seen.state == "closed"
        await hurry(
            project, "update cogo.deployments set failing_since = now() - interval '10 seconds'"
        )
        with pytest.raises(Overloaded):
            await ask(router, "[[fault:529]]")

    async def is_open() -> bool:
        found = await health(store)
        return found is not None and found.state == "open"

    await eventually(is_open)
    await hurry(project, "update cogo.deployments set open_until = now() + interval '5 minutes'")
    async with executor(project, simulator, "executor-2") as (router, safety):
        await eventually(lambda: safety.reporter.get_circuit(PLACE))
        with pytest.raises(CircuitOpen) as refused:
            await ask(router)
        assert refused.value.retry_after is not None
        assert timedelta(minutes=1) < refused.value.retry_after <= timedelta(minutes=5)


async def test_an_open_circuit_survives_the_executor_that_was_killed_with_it(
    project: State, store: SupabaseStore, simulator: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.agents.router_process",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = {"url": project.url, "key": project.secret_key, "simulator": simulator, "model": MODEL}
    try:
        process.stdin.write(f"{json.dumps(told)}\n".encode())
        for _ in range(4):
            process.stdin.write(b"[[fault:529]]\n")
            assert await process.stdout.readline() == b"overloaded\n"
        await eventually(lambda: health(store))
        await hurry(
            project, "update cogo.deployments set failing_since = now() - interval '10 seconds'"
        )
        process.stdin.write(b"[[fault:529]]\n")
        assert await process.stdout.readline() == b"overloaded\n"

        await eventually(lambda: stands(store, "open"))
        await hurry(
            project, "update cogo.deployments set open_until = now() + interval '5 minutes'"
        )
    finally:
        process.kill()
        await process.wait()

    async with executor(project, simulator, "executor-2") as (router, safety):
        await eventually(lambda: safety.reporter.get_circuit(PLACE))
        with pytest.raises(CircuitOpen):
            await ask(router)
        await hurry(project, "update cogo.deployments set open_until = now()")

        async def answers() -> bool:
            try:
                return bool((await ask(router)).text)
            except CircuitOpen:
                return False

        await eventually(answers, within=20, every=0.2)
        await eventually(lambda: stands(store, "closed"))


async def stands(store: SupabaseStore, state: str) -> bool:
    found = await health(store)
    return found is not None and found.state == state


async def test_the_trial_of_a_dead_executor_is_made_by_another_and_closes_the_circuit(
    project: State, store: SupabaseStore, simulator: str
) -> None:
    await store.report_calls(agent_id="dead", report=1, items=[])
    await hurry(
        project,
        "insert into cogo.deployments (deployment, model_id, provider, state, open_until)"
        " values ('anthropic:claude-sonnet-5-5', 'claude-sonnet-5-5', 'anthropic', 'open', now())",
    )
    taken = await store.take_trial(agent_id="dead", deployment=PLACE, trial_id=uuid4())
    assert taken.granted

    async with executor(project, simulator, "executor-2") as (router, safety):
        await eventually(lambda: safety.reporter.get_circuit(PLACE))
        await hurry(
            project, "update cogo.deployments set trial_until = now() + interval '5 minutes'"
        )
        with pytest.raises(CircuitOpen):
            await ask(router)
        await hurry(project, "update cogo.deployments set trial_until = now()")

        async def answers() -> bool:
            try:
                return bool((await ask(router)).text)
            except CircuitOpen:
                return False

        await eventually(answers, within=20, every=0.2)

        async def is_at_rest() -> bool:
            found = await health(store)
            assert found is not None
            seen = (found.state, found.agents, found.running, found.concurrency)
            return seen == ("closed", 1, 0, 16)

        await eventually(is_at_rest)


async def test_a_rate_is_shared_and_what_would_wait_too_long_goes_back(
    project: State, simulator: str
) -> None:
    async with (
        executor(project, simulator, "executor-1", rate=2) as (first, _),
        executor(project, simulator, "executor-2", rate=2) as (second, _),
    ):
        await ask(first)
        await hurry(project, "update cogo.buckets set refilled_at = now()")
        with pytest.raises(AtCapacity) as refused:
            await ask(second)

    assert refused.value.retry_after is not None
    assert timedelta(seconds=10) < refused.value.retry_after <= timedelta(seconds=30)


async def test_a_vendors_retry_after_holds_for_all_executors(
    project: State, store: SupabaseStore, simulator: str
) -> None:
    async with (
        executor(project, simulator, "executor-1") as (first, _),
        executor(project, simulator, "executor-2") as (second, safety),
    ):
        with pytest.raises(Exception, match="429"):
            await ask(first, "[[fault:429 retry_after=60]]")

        async def is_resting() -> bool:
            safety.reporter.report_soon()
            return safety.reporter.get_circuit(PLACE) is not None

        await eventually(is_resting)
        with pytest.raises(AtCapacity, match="asked to wait"):
            await ask(second)


async def test_an_answer_is_kept_and_asked_for_again_at_no_cost(
    project: State, store: SupabaseStore
) -> None:
    cache = AnswerCache(store)
    claimed = a_subtask({"params": {"cache": True}})
    key = cache.build_key(claimed, build_request(claimed), simulated=False)
    assert key is not None
    assert await cache.find(key) is None

    await cache.store(key, claimed, {"text": "def f(): ...", "vendor_finish_reason": "stop"})

    events = await cache.find(key)
    assert events is not None
    assert (await collect_response(events)).text == "def f(): ..."
