"""Conversations are read backwards in pages, and no further than needed."""

from uuid import uuid4

import pytest

from agents.memory.conversation.store import (
    PAGE_MESSAGES,
    PostgresConversations,
    SessionKey,
    load_conversation,
)
from protocol.records import SessionMessage, SessionSummary
from tests.support.agents.fake_store import FakeStore

SESSION = SessionKey(owner=None, id=uuid4())


def fill(store: FakeStore, count: int, size: int = 10) -> None:
    for number in range(1, count + 1):
        store.memory += [
            SessionMessage(role="user", content=f"q{number}"),
            SessionMessage(role="assistant", content="a" * size),
        ]


async def test_of_a_long_conversation_only_what_fits_is_read() -> None:
    store = FakeStore()
    fill(store, 1_000, size=350)

    found = await load_conversation(PostgresConversations(store), SESSION, tokens=8_000)

    assert not found.is_whole
    assert found.turns[-1].question == "q1000"
    assert len(store.pages) == 2
    assert len(found.turns) == PAGE_MESSAGES


async def test_a_number_of_turns_is_all_that_is_read() -> None:
    store = FakeStore(summary=SessionSummary(through=4, content="x"))
    fill(store, 200)

    found = await load_conversation(PostgresConversations(store), SESSION, tokens=10**6, turns=3)

    assert [each.question for each in found.turns] == ["q198", "q199", "q200"]
    assert (found.is_whole, found.summary) == (True, None)
    assert len(store.pages) == 1


@pytest.mark.parametrize(("tokens", "turns"), [(0, None), (100, 0)])
async def test_without_room_nothing_is_read(tokens: int, turns: int | None) -> None:
    store = FakeStore()
    fill(store, 3)

    found = await load_conversation(
        PostgresConversations(store), SESSION, tokens=tokens, turns=turns
    )

    assert (found.turns, store.pages) == ((), [])


async def test_a_session_that_was_empty_at_the_claim_is_not_read() -> None:
    store = FakeStore()

    session = SessionKey(owner=None, id=uuid4(), seq=4)
    await load_conversation(PostgresConversations(store), session, tokens=1_000)

    assert store.pages == []


async def test_all_of_a_short_one_is_read_with_its_summary() -> None:
    store = FakeStore(summary=SessionSummary(through=2, content="hello"))
    fill(store, 3)

    found = await load_conversation(PostgresConversations(store), SESSION, tokens=1_000)

    assert (len(found.turns), found.is_whole) == (3, True)
    assert found.summary is not None
    assert found.summary.content == "hello"
