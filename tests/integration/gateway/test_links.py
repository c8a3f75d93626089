"""Signed links: who has one answers one question, once, in any browser and without a key."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from loguru import logger

from gateway.links.tokens import ApprovalLink, LinkSigner
from protocol.ids import utc_now
from protocol.records import EVERYTHING, ApprovalRow
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import start_flow, wait_in_a_tool_loop, wait_step

SECRET = "0123456789abcdef0123456789abcdef"
ANN = uuid4()


@pytest.fixture
async def client(
    opened: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a gateway with links; requests without a key are no operator's."""
    monkeypatch.setenv("COGO_LINK_SECRET", SECRET)
    ready, done = asyncio.Event(), asyncio.Event()
    found: list[httpx.AsyncClient] = []

    async def serve() -> None:
        # A fixture begins and ends in different tasks, which task groups of anyio refuse.
        async with opened(is_keyless=False, requests_per_minute=100) as client:
            found.append(client)
            ready.set()
            await done.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(serve())
        await ready.wait()
        yield found[0]
        done.set()


async def ask(store: SupabaseStore, **params: Any) -> ApprovalRow:
    step = wait_step("ok", "approve", params={"question": "Ship <it>?"} | params)
    task_id = await start_flow(store, step, owner=ANN)
    [asked] = await store.find_approvals(limit=2, visible=EVERYTHING, task_id=task_id)
    return asked


def a_path(asked: ApprovalRow, person: UUID | None = ANN, *, hours: float = 1) -> str:
    link = ApprovalLink(asked.id, person, utc_now() + timedelta(hours=hours))
    return f"/a/{LinkSigner(SECRET).sign(link)}"


async def now(store: SupabaseStore, asked: ApprovalRow) -> ApprovalRow:
    return await store.fetch_approval(approval_id=asked.id)


async def test_operators_create_links_and_whoever_has_one_answers_once(
    client: httpx.AsyncClient, store: SupabaseStore
) -> None:
    asked = await ask(store)
    admin = await a_key(store, "admin")
    others = await a_key(store, "tasks:read", "tasks:write", owner=ANN)
    where = f"/approvals/{asked.id}/link"
    refused = await client.post(where, json={}, headers=others)
    made = await client.post(where, json={"hours": 2}, headers=admin)
    url = made.json()["url"]

    assert (refused.status_code, made.status_code) == (403, 200)
    assert url.startswith("http://127.0.0.1:8000/a/")
    assert made.json()["person"] == str(ANN)
    shown = await client.get(url)
    assert shown.status_code == 200
    assert "Ship &lt;it&gt;?" in shown.text
    # Previews of links fetch them in every way that changes nothing.
    for method in ("GET", "HEAD", "OPTIONS"):
        await client.request(method, url)
    assert (await now(store, asked)).is_open

    first = await client.post(url, data={"approved": "yes", "comment": " go\r\non "})
    again = await client.post(url, data={"approved": "yes"})
    other = await client.post(url, data={"approved": "no"})
    seen = await client.get(url)

    statuses = [each.status_code for each in (first, again, other, seen)]
    assert statuses == [200, 200, 409, 200]
    assert all("Approved by" in each.text for each in (first, again, other, seen))
    answered = await now(store, asked)
    assert (answered.approved, answered.comment) == (True, "go\non")
    assert (answered.answered_by, answered.answered_via) == (ANN, "link")


async def test_each_state_has_a_page_and_a_status(
    client: httpx.AsyncClient, store: SupabaseStore
) -> None:
    asked = await ask(store)
    withdrawn, deleted = await ask(store), await ask(store)
    await store.cancel_task(task_id=withdrawn.task_id)
    await store.cancel_task(task_id=deleted.task_id)
    await store.delete_task(task_id=deleted.task_id)
    good = a_path(asked)
    cases = {
        "has expired": (410, a_path(asked, hours=-1)),
        "is not valid": (403, good[:-5]),
        "Nobody needs": (409, a_path(withdrawn)),
        "does not exist": (404, a_path(deleted)),
    }

    for words, (status, path) in cases.items():
        for answer in (
            await client.get(path),
            await client.post(path, data={"approved": "yes"}),
        ):
            assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert (await now(store, asked)).is_open


async def test_a_page_runs_nothing_and_is_kept_nowhere(
    client: httpx.AsyncClient, store: SupabaseStore
) -> None:
    for path in (a_path(await ask(store)), "/a/x"):
        headers = (await client.get(path)).headers

        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-robots-tag"].startswith("noindex")
        assert headers["content-type"].startswith("text/html")


async def test_a_link_of_a_person_who_is_not_asked_answers_nothing(
    client: httpx.AsyncClient, store: SupabaseStore
) -> None:
    asked = await ask(store, by="operators")

    answer = await client.post(a_path(asked, ANN), data={"approved": "yes"})
    stranger = await client.post(a_path(asked, uuid4()), data={"approved": "yes"})

    assert (answer.status_code, "only operators may answer" in answer.text) == (409, True)
    assert stranger.status_code == 404
    assert (await now(store, asked)).is_open
    assert (await client.post(a_path(asked, None), data={"approved": "no"})).status_code == 200
    refused = await now(store, asked)
    assert (refused.approved, refused.answered_by) == (False, None)


@pytest.mark.parametrize(
    "data", [{}, {"approved": "maybe"}, {"approved": "yes", "comment": "x" * 10_001}]
)
async def test_a_form_that_cannot_be_understood_answers_nothing(
    client: httpx.AsyncClient, store: SupabaseStore, data: dict[str, str]
) -> None:
    asked = await ask(store)

    answer = await client.post(a_path(asked), data=data)

    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert (await now(store, asked)).is_open


async def test_a_model_gets_the_text_that_it_asked_for(
    client: httpx.AsyncClient, store: SupabaseStore
) -> None:
    task_id = await wait_in_a_tool_loop(store, "call_1")
    [asked] = await store.find_approvals(limit=2, visible=EVERYTHING, task_id=task_id)
    path = a_path(asked, None)

    empty = await client.post(path, data={"approved": "yes", "comment": "  "})
    answer = await client.post(path, data={"approved": "yes", "comment": "blue"})

    assert (empty.status_code, answer.status_code) == (422, 200)
    assert (await now(store, asked)).comment == "blue"


async def test_tokens_are_not_logged(client: httpx.AsyncClient, store: SupabaseStore) -> None:
    path, said = a_path(await ask(store)), []
    sink = logger.add(lambda message: said.append(str(message.record)), level="TRACE")
    try:
        await client.get(path)
        await client.post(path, data={"approved": "yes"})
    finally:
        logger.remove(sink)

    assert any("/a/..." in each for each in said)
    assert not [each for each in said if path[3:] in each]


async def test_links_are_limited_like_requests_without_a_key(
    opened: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGO_LINK_SECRET", SECRET)
    async with opened(requests_per_minute=2) as client:
        answers = [await client.get("/a/x") for _ in range(3)]

    assert [each.status_code for each in answers] == [403, 403, 429]
    assert "Retry-After" in answers[2].headers


async def test_without_a_secret_there_are_no_links(
    opened: OpenGateway, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COGO_LINK_SECRET", raising=False)
    asked = await ask(store)
    async with opened() as client:
        made = await client.post(f"/approvals/{asked.id}/link", json={})
        page = await client.get(a_path(asked))

    assert (made.status_code, made.json()["code"]) == (409, "no_links")
    assert (page.status_code, "COGO_LINK_SECRET" in page.text) == (404, True)
