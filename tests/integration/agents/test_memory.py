"""Memory with real agents and the simulator: two owners, tools, citations, facts, faults."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.fetching import AllowList, Fetcher
from agents.tools.own import build_own_tools
from agents.workflows.engine import Result, Run, workflow
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.lifecycle import TaskState
from protocol.records import TaskFilter, Visibility
from protocol.records.memory import NewChunk, NewFact
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually


@workflow("KEEP_AND_FIND")
async def keep_and_find(run: Run) -> Result:
    """Remember the prompt, and recall it."""
    await run.remember("keep", [run.prompt])
    hits = await run.recall("find", "secret", limit=50)
    return Result(" | ".join(sorted(each.content for each in hits)))


@asynccontextmanager
async def running(fleet: Callable[[], Any]) -> AsyncIterator[Fleet]:
    async with fleet() as opened:
        own = build_own_tools(checks=None, fetcher=Fetcher(AllowList()))
        await opened.executor(
            "executor-1", own=own, embedding_capacity=4, memory_capacity=4, tool_capacity=4,
            list_tools=lambda: own.names,
        )  # fmt: skip
        flows = WorkflowHost({**WORKFLOWS, keep_and_find.type: keep_and_find})
        await opened.orchestrator(workflows=flows)
        yield opened


async def add_document(fleet: Fleet, owner: UUID | None, texts: Sequence[str]) -> None:
    chunks = [NewChunk(content=each, start=n, end=n + 1) for n, each in enumerate(texts)]
    await fleet.store.add_document(
        owner=owner, source="handbook.md", title=None, sha256="0" * 64, chunks=chunks
    )


async def is_embedded(fleet: Fleet, owner: UUID | None) -> bool:
    return not (await fleet.store.fetch_memory_status(owner=owner)).waiting


async def ask(fleet: Fleet, prompt: str, owner: UUID | None, **fields: Any) -> Any:
    task = await fleet.submit(prompt, owner=owner, **({"type": "CHAT"} | fields))
    row = await fleet.ended(task.id)
    assert row.status is TaskState.COMPLETED, row.error
    return row.result


async def test_nothing_crosses_owners_by_any_way(fleet: Callable[[], Any]) -> None:
    names = {uuid4(): "Ada", uuid4(): "Bob"}
    async with running(fleet) as opened:
        for owner, name in names.items():
            await add_document(opened, owner, [f"The secret of {name} is in the handbook."])
            fact = NewFact(content=f"The secret fact of {name}.")
            await opened.store.remember(owner=owner, facts=[fact])
        for owner, name in names.items():
            other = "Bob" if name == "Ada" else "Ada"
            await eventually(partial(is_embedded, opened, owner), within=30)
            tools = {"tools": ["cogo:search_memory"]}
            flow = await ask(opened, f"The secret task of {name}.", owner, type="KEEP_AND_FIND")
            cited = await ask(opened, "the secret?", owner, params={"sources": ["handbook.md"]})
            called = await ask(opened, "secret? [[call:search_memory]]", owner, params=tools)

            assert flow["text"].count(name) == 3
            assert cited["text"].endswith("[1]")
            assert [each["source"] for each in cited["citations"]] == ["handbook.md"]
            assert name in cited["text"]
            assert name in called["text"]
            for result in (flow, cited, called):
                assert other not in str(result)
        nobody = await ask(opened, "The secret of nobody.", None, type="KEEP_AND_FIND")
        assert nobody["text"] == "The secret of nobody."


async def test_an_embedder_that_fails_at_first_loses_nothing(fleet: Callable[[], Any]) -> None:
    texts = [f"Part {n} [[fault:503 times=1]]" for n in range(200)]
    ada = uuid4()
    async with running(fleet) as opened:
        await add_document(opened, ada, texts)
        await eventually(lambda: is_embedded(opened, ada), within=60)
        status = await opened.store.fetch_memory_status(owner=ada)

    assert (status.embedded, status.failed) == (200, 0)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ('{"facts": ["Ada travels by train.", "Ada travels by train.", " "]}', 1),
        ('{"facts": []}', 0),
    ],
)
async def test_facts_of_a_task_are_remembered_once(
    fleet: Callable[[], Any], answer: str, facts: int
) -> None:
    ada = uuid4()
    async with running(fleet) as opened:
        await ask(opened, f"Hello [[say:{answer}]]", ada, params={"remember": True})

        async def is_done() -> bool:
            waits = await opened.store.fetch_memories(limit=10, owner=ada, kind="fact")
            return len(waits) == facts and not await has_follow_ups(opened, ada)

        await eventually(is_done, within=30)
        found = await opened.store.fetch_memories(limit=10, owner=ada)

    assert [each.content for each in found] == ["Ada travels by train."] * facts


async def test_an_answer_that_is_no_facts_harms_nothing(fleet: Callable[[], Any]) -> None:
    ada, bob = uuid4(), uuid4()
    async with running(fleet) as opened:
        await ask(opened, "Hello [[say:no JSON at all]]", ada, params={"remember": True})
        await eventually(lambda: has_follow_ups(opened, ada), within=30)
        good = '{"facts": ["Bob likes tea."]}'
        await ask(opened, f"Hello [[say:{good}]]", bob, params={"remember": True})

        async def has_fact() -> bool:
            return bool(await opened.store.fetch_memories(limit=10, owner=bob))

        await eventually(has_fact, within=30)
        assert await opened.store.fetch_memories(limit=10, owner=ada) == []


async def has_follow_ups(fleet: Fleet, owner: UUID) -> bool:
    found = (
        await fleet.store.find_tasks(
            limit=50, visible=Visibility(owner=owner), wanted=TaskFilter(children=True)
        )
    ).tasks
    return any(each.follow_up for each in found)
