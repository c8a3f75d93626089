"""`cogo approvals`: show, answer, link and --watch."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from cogo.cli.tasks import approvals
from cogo.config.connection import connection_from_state
from cogo.wiring.stores import open_client
from embedded.state import State
from gateway.links.tokens import LinkSigner
from protocol.records import EVERYTHING, ApprovalRow
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.integration.cli.conftest import Say
from tests.integration.waiting import start_flow, wait_step
from tests.support.eventually import eventually

SECRET = "0123456789abcdef0123456789abcdef"
OWNER = uuid4()


async def ask(store: SupabaseStore, key: str = "ship", **params: Any) -> ApprovalRow:
    step = wait_step(key, "approve", params={"question": f"May {key} run?"} | params)
    task_id = await start_flow(store, step, owner=OWNER)
    [asked] = await store.find_approvals(limit=2, visible=EVERYTHING, task_id=task_id)
    return asked


@pytest.fixture
def asked(project: State) -> ApprovalRow:
    async def prepare() -> ApprovalRow:
        async with open_store(project.url, project.secret_key) as store:
            return await ask(store, show={"to": "prod\x1b[2J"})

    return asyncio.run(prepare())


def test_a_question_is_shown_and_answered_by_the_beginning_of_its_id(
    cogo: Say, asked: ApprovalRow
) -> None:
    name = str(asked.id)[:8]
    shown = cogo("approvals", "show", name)
    short = cogo("approvals", "answer", name[:3])
    answered = cogo("approvals", "answer", name, "--refuse", "--comment", "no")
    again = cogo("approvals", "answer", str(asked.id), "--refuse")
    other = cogo("approvals", "answer", name)
    after = cogo("approvals", "show", name)
    row = json.loads(cogo("approvals", "show", name, "--json")[1])
    wrong = cogo("approvals", "show", "ffffffff-0000")

    assert name in cogo("approvals", "--answered")[1]
    for words in ("May ship run?", "costs unknown", str(asked.task_id), "asks          the owner"):
        assert words in shown[1]
    assert "\x1b" not in shown[1]
    assert answered[:2] == (0, f"{asked.id}  ship refused\n")
    assert (short[0], "at least 4 digits" in short[2]) == (2, True)
    assert again[0] == 0
    assert "ship was refused already by the operator cli:" in again[1]
    assert (other[0], "was refused by the operator cli:" in other[2]) == (1, True)
    assert "refused by the operator cli:" in after[1]
    assert (row["approved"], row["answered_via"], row["comment"]) == (False, "cli", "no")
    assert wrong[0] == 1


def test_an_operator_answers_for_a_person(cogo: Say, asked: ApprovalRow) -> None:
    stranger = cogo("approvals", "answer", str(asked.id), "--person", str(uuid4()))
    answered = cogo("approvals", "answer", str(asked.id), "--person", str(OWNER), "--json")

    assert stranger[0] == 1
    assert json.loads(answered[1])["answered_by"] == str(OWNER)


def test_a_link_needs_a_secret_and_an_address(
    cogo: Say, asked: ApprovalRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(asked.id)
    monkeypatch.delenv("COGO_LINK_SECRET", raising=False)
    without_secret = cogo("approvals", "link", name)
    monkeypatch.setenv("COGO_LINK_SECRET", SECRET)
    without_address = cogo("approvals", "link", name)
    monkeypatch.setenv("COGO_GATEWAY_URL", "https://cogo.example.com/")
    code, url, said = cogo("approvals", "link", name, "--hours", "2")
    stranger = cogo("approvals", "link", name, "--person", str(uuid4()))
    made = json.loads(cogo("approvals", "link", name, "--gateway", "http://x", "--json")[1])

    assert "COGO_LINK_SECRET" in without_secret[2]
    assert "COGO_GATEWAY_URL" in without_address[2]
    assert (code, str(OWNER) in said) == (0, True)
    base, _, token = url.strip().partition("/a/")
    link = LinkSigner(SECRET).read(token)
    assert (base, link.approval_id, link.person) == ("https://cogo.example.com", asked.id, OWNER)
    assert (stranger[0], "may not answer" in stranger[2]) == (1, True)
    assert made["url"].startswith("http://x/a/")


async def test_watching_prints_what_is_asked_and_how_it_ends(
    project: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[UUID, bool | None]] = []
    monkeypatch.setattr(
        approvals, "print_json", lambda row: seen.append((UUID(row["id"]), row["approved"]))
    )
    async with open_client(connection_from_state(project)) as client:
        store = client.store
        assert isinstance(store, SupabaseStore)
        first = await ask(store, "a")
        async with asyncio.TaskGroup() as group:
            watch = approvals.watch_approvals(client, None, as_json=True)
            watching = group.create_task(watch)
            await eventually(lambda: (first.id, None) in seen)
            second = await ask(store, "b")
            await eventually(lambda: (second.id, None) in seen)
            await store.answer_approval(approval_id=first.id, approved=True)
            await eventually(lambda: (first.id, True) in seen)
            watching.cancel()
    assert len(seen) == 3
