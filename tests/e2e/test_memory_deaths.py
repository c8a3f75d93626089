"""Agents that are killed while memory is embedded: nothing is lost, and nothing is left over."""

import os
import signal
from collections.abc import Sequence
from functools import partial

import httpx
import pytest

from protocol.records import AgentRecord
from protocol.records.memory import NewChunk
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import running_agents
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

CHUNKS = 500
WORDS = ("fox", "hen", "owl", "bee", "elk")


async def test_nothing_is_lost_when_agents_are_killed_while_chunks_are_embedded(
    system: System, store: SupabaseStore
) -> None:
    chunks = [
        NewChunk(content=f"Part {n} is about the {WORDS[n % 5]} of house {n}.", start=n, end=n + 1)
        for n in range(CHUNKS)
    ]
    await store.add_document(
        owner=None, source="zoo.md", title=None, sha256="0" * 64, chunks=chunks
    )

    for kind in ("executor", "orchestrator", "executor"):
        before = (await store.fetch_memory_status()).embedded
        running = await eventually(partial(running_agents, store, kind))
        _, victim = running[0]
        os.kill(victim, signal.SIGKILL)
        await eventually(partial(has_successor, store, kind, running), within=60)
        await eventually(partial(has_more, store, before), within=90)
    await eventually(lambda: is_all_embedded(store), within=120)

    status = await store.fetch_memory_status()
    assert (status.embedded, status.failed, status.waiting) == (CHUNKS, 0, 0)
    await eventually(lambda: has_no_follow_ups(system), within=60)
    [document] = await store.fetch_documents(limit=2)
    assert document.chunks == CHUNKS


async def has_successor(
    store: SupabaseStore, kind: str, before: Sequence[tuple[AgentRecord, int]]
) -> bool:
    """Return whether an agent runs that did not run before."""
    known = {agent.id for agent, _ in before}
    return any(agent.id not in known for agent, _ in await running_agents(store, kind))


async def has_more(store: SupabaseStore, before: int) -> bool:
    status = await store.fetch_memory_status()
    return status.embedded > before or not status.waiting


async def is_all_embedded(store: SupabaseStore) -> bool:
    return not (await store.fetch_memory_status()).waiting


async def has_no_follow_ups(system: System) -> bool:
    async with httpx.AsyncClient(base_url=system.state.url, headers=system.headers) as http:
        found = await http.get("/rest/v1/cogo_tasks?follow_up=not.is.null&select=id")
    return bool(found.json() == [])
