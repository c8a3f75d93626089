"""Forks over HTTP: tasks that are asked again, and who may ask."""

from uuid import uuid4

import pytest

from protocol.records import NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import start_flow, wait_step


async def test_a_task_is_asked_again_and_both_tasks_say_so(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    first = await store.submit_task(
        NewTask(prompt="Hello", type="CHAT", params={"a": 1}, budget_usd="0.5", project="web")
    )
    body = {"prompt": "Bye", "budget_usd": None, "tags": ["again"], "stream": None}

    async with opened() as client:
        key = {"Idempotency-Key": "k"}
        answer = await client.post(f"/tasks/{first.id}/fork", json=body, headers=key)
        again = await client.post(f"/tasks/{first.id}/fork", json=body, headers=key)
        reused = await client.post("/tasks", json={"prompt": "Hi"}, headers=key)
        other = await client.post(f"/tasks/{again.json()['id']}/fork", json={}, headers=key)
        shown = (await client.get(f"/tasks/{first.id}")).json()

    forked = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/tasks/{forked['id']}")
    assert again.json()["id"] == forked["id"]
    assert [each.status_code for each in (reused, other)] == [422, 422]
    assert forked["forked_from"] == str(first.id)
    names = ("prompt", "type", "params", "budget_usd", "project", "tags", "stream")
    assert [forked[name] for name in names] == [
        "Bye", "CHAT", {"a": 1}, None, "web", ["again"], True,
    ]  # fmt: skip
    assert [each["id"] for each in shown["forks"]] == [forked["id"]]


async def test_a_fork_reuses_the_steps_before(opened: OpenGateway, store: SupabaseStore) -> None:
    task_id = await start_flow(store, wait_step("ask", "event", params={"name": "go"}))

    async with opened() as client:
        running = await client.post(f"/tasks/{task_id}/fork", json={"from_step": "ask"})
        await client.post(f"/tasks/{task_id}/cancel")
        unknown = await client.post(f"/tasks/{task_id}/fork", json={"from_step": "nobody"})
        forked = await client.post(f"/tasks/{task_id}/fork", json={"from_step": "ask"})

    assert (running.status_code, running.json()["code"]) == (409, "TQ003")
    assert "when it has ended" in running.json()["detail"]
    assert (unknown.status_code, unknown.json()["hint"]) == (404, "its steps are ask")
    assert (forked.status_code, forked.json()["status"]) == (201, "pending")


async def test_only_who_sees_a_task_forks_it(opened: OpenGateway, store: SupabaseStore) -> None:
    alice, bob = uuid4(), uuid4()
    hers = await a_key(store, "tasks:read", "tasks:write", owner=alice)
    his = await a_key(store, "tasks:read", "tasks:write", owner=bob)
    reader = await a_key(store, "tasks:read", owner=alice)
    operator = await a_key(store, "admin")
    task = await store.submit_task(NewTask(prompt="Hello", type="CHAT", owner=alice))

    async with opened(is_keyless=False) as client:
        path = f"/tasks/{task.id}/fork"
        own = await client.post(path, json={}, headers=hers)
        stranger = await client.post(path, json={}, headers=his)
        reading = await client.post(path, json={}, headers=reader)
        by_operator = await client.post(path, json={}, headers=operator)

    assert [each.status_code for each in (own, stranger, reading)] == [201, 404, 403]
    assert own.json()["owner"] == str(alice)
    assert by_operator.json()["owner"] == str(alice), "it is done for the owner"


async def test_a_key_of_a_project_forks_in_its_own_name(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    alice, bob = uuid4(), uuid4()
    nobodys = await a_key(store, "tasks:read", "tasks:write", project="web")
    bobs = await a_key(store, "tasks:read", "tasks:write", project="web", owner=bob)
    task = await store.submit_task(NewTask(prompt="Hello", type="CHAT", owner=alice, project="web"))

    async with opened(is_keyless=False) as client:
        path = f"/tasks/{task.id}/fork"
        forks = [await client.post(path, json={}, headers=each) for each in (nobodys, bobs)]

    owners = [each.json()["owner"] for each in forks]
    assert owners == [None, str(bob)], "her memory, grants and caps are not for the key"
    assert [each.json()["project"] for each in forks] == ["web", "web"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"owner": str(uuid4())}, 400),
        ({"from_step": "x" * 501}, 400),
        ({"from_step": "a\u0000b"}, 409),
        ({"prompt": ""}, 400),
        ({"prompt": "x" * 2_097_153}, 413),
        ({"params": []}, 400),
        ({"budget_usd": -1}, 400),
        ({"tags": ["x"] * 21}, 400),
        ([], 400),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    opened: OpenGateway, store: SupabaseStore, body: object, status: int
) -> None:
    task = await store.submit_task(NewTask(prompt="Hello", type="CHAT"))

    async with opened() as client:
        answer = await client.post(f"/tasks/{task.id}/fork", json=body)

    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
