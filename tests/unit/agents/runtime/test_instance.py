"""Agents tell the database at which address they reach it, before they claim anything."""

import asyncio
from dataclasses import replace

import pytest

from agents.runtime.wakeup import Drain
from protocol.errors import StoreUnavailable
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.running import at_once, live, options, subtasks, until_drained
from tests.support.eventually import eventually

HERE = replace(options(), project_host="acme.supabase.co")


async def test_the_first_question_comes_before_the_first_claim() -> None:
    store = FakeStore(queue=subtasks(1), hanging={"verify_instance"})
    drain = Drain()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(live(store, at_once, drain, HERE))
        await eventually(lambda: store.asked["verify_instance"])
        task.cancel()

    assert store.asked["claim_subtasks"] == 0


async def test_an_agent_in_a_copy_works_and_asks_again_when_the_store_answers() -> None:
    store = FakeStore(queue=subtasks(1), copy_reason="it is a copy")
    store.errors["verify_instance"] = StoreUnavailable("the store is away")

    def answers() -> object:
        if store.asked["verify_instance"] > 1:
            store.errors.clear()
        return store.completed

    await until_drained(store, at_once, answers, HERE)

    assert store.verified == [("acme.supabase.co", True)]


async def test_it_asks_again_regularly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.runtime.agent.VERIFY_SECONDS", 0.01)
    store = FakeStore()

    await until_drained(store, at_once, lambda: len(store.verified) >= 3, HERE)

    assert [is_start for _, is_start in store.verified[:3]] == [True, False, False]


async def test_an_agent_without_an_address_asks_nothing() -> None:
    store = FakeStore(queue=subtasks(1))

    await until_drained(store, at_once, lambda: store.completed, options())

    assert store.verified == []
