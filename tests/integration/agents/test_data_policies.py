"""The data policy `local-only` with real agents: no text of such a task leaves the machine.

A server that counts requests stands for hosted vendors and for a server on this machine.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from agents.executor.service import run_executor
from agents.fetching import AllowList, Fetcher
from agents.runtime.options import AgentIdentity
from agents.tools.own import build_own_tools
from agents.workflows.engine import Result, Run, workflow
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from embedded.state import State
from protocol.lifecycle import TaskState
from protocol.records import Task
from protocol.records.memory import NewFact
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.catalogue.loader import Overlay
from providers.router import Router
from tests.integration.agents.conftest import Fleet, agent_options
from tests.support.eventually import eventually
from tests.support.servers.project import MigratedServer

HOSTED = {
    "anthropic": "/anthropic",
    "cohere": "/cohere/compatibility/v1",
    "fireworks": "/fireworks",
    "openai": "/openai/v1",
}
HERE = """
[models."here"]
name = "Here"
maker = "Us"
deployments = [{ provider = "local-model", model = "here" }]
context_window = 128_000
tools = true
"""
LOCAL = {"local-model": "/lmstudio/v1"}
CATALOGUE = Catalogue.load(Overlay("a test", HERE.encode()))
STRICT: dict[str, Any] = {"data_policy": "local-only"}
OWNER = uuid4()
DOCUMENTS = ["the office closes at six", "money is returned within a week"]


@pytest.fixture
async def server(migrated_server: MigratedServer) -> State:
    """Return a project without rows for each test: what waits in one would be sent in the next."""
    await migrated_server.forget()
    return migrated_server.state


@workflow("EVERY_STEP")
async def every_step(run: Run) -> Result:
    """Judge a draft, keep and find a fact, rank, and ask a child task."""
    draft = await run.ask("draft", run.prompt)
    await run.settled(
        run.ask("verdict", f"Is it good?\n{draft.text}", role="reviewer"),
        run.remember("keep", [draft.text[:200]]),
        run.recall("find", "palindrome", limit=5),
        run.rerank("best", run.prompt, DOCUMENTS),
        run.task("child", "CHAT", run.prompt),
    )
    return Result(draft.text)


@asynccontextmanager
async def running(
    fleet: Callable[[], Any], catalogue: Catalogue = CATALOGUE, plans_with: Catalogue = CATALOGUE
) -> AsyncIterator[Fleet]:
    """Start agents that can call hosted vendors, whose answers are free, and a server of here."""
    identity = AgentIdentity(id="all-1", kind="executor", host="here", pid=1, version="0")
    own = build_own_tools(checks=None, fetcher=Fetcher(AllowList()))

    async with fleet() as opened:
        given = {
            name: Credential(
                key=SecretStr("a-key"), base_url=opened.simulator + path, simulated=True
            )
            for name, path in (HOSTED | LOCAL).items()
        }

        async def run(drain: Any, on_ready: Callable[[], None]) -> None:
            async with Router(catalogue, given) as router:
                await router.discover()
                await run_executor(
                    open_store=opened.open_store,
                    bus=opened.bus,
                    router=router,
                    identity=identity,
                    options=agent_options(
                        embedding_capacity=4, memory_capacity=4, tool_capacity=4, rerank_capacity=4,
                        list_tools=lambda: own.names,
                    ),
                    drain=drain,
                    on_ready=on_ready,
                    own=own,
                )  # fmt: skip

        await opened.start(run)
        flows = WorkflowHost({**WORKFLOWS, every_step.type: every_step})
        await opened.orchestrator(workflows=flows, catalogue=plans_with)
        yield opened


async def count_calls(fleet: Fleet, *, after: int = 0) -> tuple[dict[str, int], int]:
    """Return how many texts each vendor was sent, and the number of the last request."""
    async with httpx.AsyncClient(base_url=fleet.simulator, trust_env=False) as client:
        found = await client.get("/_simulator/requests", params={"after": after})
    requests = found.json()["requests"]
    counts: dict[str, int] = {}
    for each in requests:
        if each["model"]:  # lists of models are asked for without any text
            counts[each["vendor"]] = counts.get(each["vendor"], 0) + 1
    return counts, max((each["number"] for each in requests), default=after)


async def finish(fleet: Fleet, prompt: str = "Write is_palindrome(text)", **fields: Any) -> Task:
    stated = {"preferences": STRICT, "owner": OWNER} | fields
    return await fleet.ended((await fleet.submit(prompt, **stated)).id)


WORK: dict[str, dict[str, Any]] = {
    "a question": {"type": "CHAT"},
    "code": {"type": "GENERATE_CODE", "params": {"tests": "assert is_palindrome('aa')"}},
    "code that is reviewed": {"type": "GENERATE_CODE", "params": {"review": True}},
    "a review": {"type": "ANALYZE_CODE", "params": {"code_context": "def f(): return 1"}},
    "a faster version": {"type": "OPTIMIZE_CODE", "params": {"code_context": "def f(): return 1"}},
    "a debate": {"type": "DEBATE"},
    "a strategy": {"type": "STRATEGY"},
    "a team": {"type": "COORDINATE"},
    "a plan by a model": {"type": "AUTO"},
    "an ensemble": {"type": "CHAT", "preferences": {**STRICT, "policy": "ensemble"}},
    "a cascade": {"type": "CHAT", "preferences": {**STRICT, "policy": "cascade"}},
    "quality": {"type": "CHAT", "preferences": {**STRICT, "preference": "quality"}},
    "a search of the web": {"type": "CHAT", "params": {"tools": ["web_search"]}},
    "tools": {"type": "CHAT", "params": {"tools": ["cogo:search_memory", "cogo:remember"]}},
    "a hosted model by name": {"type": "CHAT", "model": "claude-sonnet-5-5"},
    "data": {"type": "CHAT", "params": {"response_schema": {"type": "object"}}},
    "vectors": {
        "type": "EMBED", "model": "text-embedding-3-small", "params": {"input": ["a secret"]},
    },
    "memory": {"type": "CHAT", "params": {"sources": ["facts"], "rerank": True, "remember": True}},
    "a cached answer": {"type": "CHAT", "params": {"cache": True}},
    "every step of workflows": {"type": "EVERY_STEP"},
}  # fmt: skip
MAY_FAIL = {
    "a search of the web", "a hosted model by name", "vectors", "a plan by a model",
    "a faster version", "data", "a team",
}  # fmt: skip
"""Work of which no model on this machine is capable, or that the simulator answers at random."""


async def test_nothing_of_a_local_only_task_is_sent_to_a_hosted_vendor(
    fleet: Callable[[], Any],
) -> None:
    other = uuid4()

    async with running(fleet) as opened:
        _, before = await count_calls(opened)
        await opened.store.remember(owner=OWNER, facts=[NewFact(content="Ada likes palindromes.")])
        await eventually(partial(_is_embedded, opened, OWNER), within=30)
        freely, before = await count_calls(opened, after=before)

        failed = {}
        for name, fields in WORK.items():
            ended = await finish(opened, **fields)
            if ended.status is not TaskState.COMPLETED:
                failed[name] = ended.error
        # What they have remembered is due before what is remembered now, and nobody embeds it.
        fact = NewFact(content="Bob likes palindromes.")
        await opened.store.remember(owner=other, facts=[fact])
        await eventually(partial(_is_embedded, opened, other), within=60)
        calls, _ = await count_calls(opened, after=before)

    assert freely, "a fact without rules is embedded by a hosted vendor, so these can be reached"
    assert calls.pop("lmstudio") >= len(WORK) - len(MAY_FAIL)
    assert calls == freely, "only the fact of somebody else was sent to one"
    assert not failed.keys() - MAY_FAIL, failed
    assert "leave the machine" in str(failed["a hosted model by name"])


async def test_tasks_after_it_in_a_conversation_are_under_its_rules(
    fleet: Callable[[], Any],
) -> None:
    session = uuid4()

    async with running(fleet) as opened:
        await finish(opened, "I am Ada", type="CHAT", session_id=session)
        _, before = await count_calls(opened)
        same = await finish(opened, "Who am I?", type="CHAT", session_id=session, preferences={})
        fork = {"fork_session": {"session_id": str(session)}}
        copy = await finish(opened, "Who am I?", type="CHAT", params=fork, preferences={})
        calls, before = await count_calls(opened, after=before)
        other = await finish(opened, "Who am I?", type="CHAT", preferences={})
        others, _ = await count_calls(opened, after=before)

    assert {each.status for each in (same, copy, other)} == {TaskState.COMPLETED}
    assert set(calls) == {"lmstudio"}
    assert "lmstudio" not in others


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_policy_of_the_deployment_holds_for_tasks_that_state_none(
    fleet: Callable[[], Any], is_known: bool
) -> None:
    """Executors refuse by themselves, too: one that is set up alone is enough."""
    strict = CATALOGUE.with_data_policy(("local-only",))
    facts = [NewFact(content=f"{name} likes palindromes.") for name in ("Ada", "Bob")]

    async with running(fleet, strict, strict if is_known else CATALOGUE) as opened:
        _, before = await count_calls(opened)
        await opened.store.remember(owner=OWNER, facts=facts)
        ended = await finish(
            opened, type="CHAT", preferences={"data_policy": "any"}, params={"sources": ["facts"]}
        )
        calls, _ = await count_calls(opened, after=before)

    assert ended.status is (TaskState.COMPLETED if is_known else TaskState.FAILED), ended.error
    assert set(calls) == ({"lmstudio"} if is_known else set())


async def _is_embedded(fleet: Fleet, owner: UUID | None) -> bool:
    return not (await fleet.store.fetch_memory_status(owner=owner)).waiting
