"""Revoked keys end open streams; the console's address admits one browser once."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cogo.config.local_gateway import (
    create_sign_in_link,
    read_local_gateway,
    write_local_gateway,
)
from gateway.auth.principal import CONSOLE_SCOPES
from gateway.streams.cursor import Cursor
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, NewTask, TaskFilter
from protocol.transcript import ReadPosition
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenEdge, OpenGateway
from tests.integration.gateway.keys import a_key
from tests.support.eventually import eventually

SOON = timedelta(seconds=0.1)


async def test_revoking_a_key_ends_its_open_streams_which_say_why(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    revoked = await a_key(store, "admin")
    [key] = await store.fetch_api_keys()
    kept = await a_key(store, "admin")
    task = await store.submit_task(NewTask(prompt="wait"))
    paths = ("/events", f"/tasks/{task.id}/events")
    async with opened(is_keyless=False, recheck=SOON) as client, asyncio.TaskGroup() as group:
        streams = [group.create_task(client.get(path, headers=revoked)) for path in paths]
        other = group.create_task(client.get(paths[1], headers=kept))

        async def are_open() -> bool:
            answer = await client.get("/metrics", headers=kept)
            return "cogo_gateway_watchers 2.0" in answer.text

        await eventually(are_open)
        await store.revoke_api_key(key_id=key.id)
        ended = [await each for each in streams]

        assert not other.done()
        await store.cancel_task(task_id=task.id)
        assert "event: end" in (await other).text
    for each in ended:
        last = each.text.rstrip().rpartition("\n\n")[2]
        assert last.startswith("event: refused")
        assert "expired or revoked" in last


async def test_a_removed_member_loses_the_open_streams_of_the_project_and_no_others(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    member = uuid4()
    headers = await a_key(store, "tasks:read", owner=member)
    theirs = await store.submit_task(NewTask(prompt="wait", owner=uuid4(), project="web"))
    await store.set_member(project="web", user_id=member, role="editor")
    own = await store.submit_task(NewTask(prompt="wait", owner=member, project="web"))
    await store.set_member(project="web", user_id=member, role="viewer")
    paths = ["/events", f"/tasks/{theirs.id}/events", f"/swarm/tasks/{theirs.id}?stream=true"]
    async with opened(is_keyless=False, recheck=SOON) as client, asyncio.TaskGroup() as group:
        streams = [group.create_task(client.get(path, headers=headers)) for path in paths]
        waiting = group.create_task(client.get(f"/swarm/tasks/{theirs.id}", headers=headers))
        kept = group.create_task(client.get(f"/tasks/{own.id}/events", headers=headers))
        metrics = await a_key(store, "metrics:read")

        async def are_open() -> bool:
            answer = await client.get("/metrics", headers=metrics)
            return "cogo_gateway_watchers 4.0" in answer.text

        await eventually(are_open)
        await store.remove_member(project="web", user_id=member)
        ended = [await each for each in (*streams, waiting)]
        listed = await client.get("/tasks", headers=headers)

        assert not kept.done()
        await store.cancel_task(task_id=own.id)
        assert "event: end" in (await kept).text
    assert all("rights_changed" in each.text for each in ended)
    assert ended[-1].status_code == 403
    assert [each["id"] for each in listed.json()["tasks"]] == [str(own.id)]


async def test_revoking_a_key_closes_its_socket_with_a_code_and_a_reason(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    headers = await a_key(store, "tasks:write")
    [key] = await store.fetch_api_keys()
    said: list[Any] = []

    async def receive() -> dict[str, str]:
        if not said:
            return {"type": "websocket.connect"}
        await store.revoke_api_key(key_id=key.id)
        await asyncio.Event().wait()  # this client says nothing
        raise AssertionError

    async def send(message: Any) -> None:
        said.append(message)

    async with opened_edge(is_keyless=False, recheck=SOON) as edge:
        await edge(swarm_socket(headers), receive, send)

    assert "expired or revoked" in said[-2]["text"]
    assert (said[-1]["type"], said[-1]["code"]) == ("websocket.close", 4401)
    assert said[-1]["reason"] == "unauthenticated"


async def test_each_message_of_a_socket_counts_for_the_rate_and_what_is_too_much_is_said(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    headers = await a_key(store, "tasks:write")
    said: list[Any] = []
    messages: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *[{"type": "websocket.receive", "text": "no JSON"}] * 4,
        {"type": "websocket.disconnect", "code": 1000},
    ]
    heard = 0

    async def receive() -> dict[str, Any]:
        nonlocal heard
        await eventually(lambda: len(said) == heard)  # each message is answered before the next
        heard += 1
        return messages[heard - 1]

    async def send(message: Any) -> None:
        said.append(message)

    async with opened_edge(is_keyless=False, requests_per_minute=2) as edge:
        await edge(swarm_socket(headers), receive, send)

    codes = [json.loads(each["text"])["error"]["code"] for each in said[1:]]
    assert codes[:2] == ["invalid_request", "invalid_request"]
    assert set(codes[2:]) == {"rate_limited"}
    assert "wait" in json.loads(said[-1]["text"])["error"]["hint"]


async def test_revoking_a_key_ends_the_requests_that_wait_and_their_tasks_but_for_swarms(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    headers = await a_key(store, "tasks:write")
    [key] = await store.fetch_api_keys()
    bodies = {
        "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "x"}]},
        "/swarm/execute": {"swarm_id": "coding-swarm", "message": "x", "params": {"x": 7}},
        "/api/code-generation/generate": {"prompt": "x"},
    }
    async with opened(is_keyless=False, recheck=SOON) as client, asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(client.post(path, json=body, headers=headers))
            for path, body in bodies.items()
        ]

        async def are_asked() -> bool:
            return len((await store.find_tasks(visible=EVERYTHING, limit=10)).tasks) == len(bodies)

        await eventually(are_asked)
        await store.revoke_api_key(key_id=key.id)
        answers = [await each for each in waiting]

        async def are_cancelled() -> bool:
            found = (await store.find_tasks(visible=EVERYTHING, limit=10)).tasks
            is_open = Counter(not each.status.is_final for each in found)
            return is_open == {False: len(bodies) - 1, True: 1}

        await eventually(are_cancelled)
    assert [each.status_code for each in answers] == [401] * len(bodies)
    assert all("expired or revoked" in each.text for each in answers)
    [swarm] = (
        await store.find_tasks(
            visible=EVERYTHING, limit=10, wanted=TaskFilter(status=[TaskState.PENDING])
        )
    ).tasks
    assert swarm.params == {"x": 7}


@pytest.mark.parametrize("path", ["/swarm/execute", "/swarm/coordinate", "/ws/swarm"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_cancels_its_task_unless_it_is_that_of_a_swarm(
    opened_edge: OpenEdge, store: SupabaseStore, path: str, *, stream: bool
) -> None:
    asked = {"swarm_id": "coordination", "message": "x", "stream": stream}
    chat = {"model": "auto", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    ask = converse(asked) if path == "/ws/swarm" else post(path, asked)
    async with opened_edge() as edge:
        await leave(edge, ask, store)
        await leave(edge, post("/v1/chat/completions", chat), store)

        async def is_one_cancelled() -> bool:
            found = (await store.find_tasks(visible=EVERYTHING, limit=10)).tasks
            return [each.type for each in found if each.status.is_final] == ["CHAT"]

        await eventually(is_one_cancelled)
    [swarm] = (
        await store.find_tasks(
            visible=EVERYTHING, limit=10, wanted=TaskFilter(status=[TaskState.PENDING])
        )
    ).tasks
    assert swarm.type == "COORDINATE"
    assert await store.find_actions(limit=10, kind="task") == []  # the gateway did it, no operator


Connection = tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]
"""The scope, the messages of the client, and that with which it goes away."""


def post(path: str, body: dict[str, Any]) -> Connection:
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    message = {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
    return scope, [message], {"type": "http.disconnect"}


def converse(body: dict[str, Any]) -> Connection:
    text = {"type": "websocket.receive", "text": json.dumps(body)}
    scope = swarm_socket({"Authorization": ""})
    scope["headers"].pop()
    return (
        scope,
        [{"type": "websocket.connect"}, text],
        {
            "type": "websocket.disconnect",
            "code": 1006,
        },
    )


async def leave(edge: Any, connection: Connection, store: SupabaseStore) -> None:
    """Send a request, and go away when its task is there."""
    scope, messages, end = connection
    before = len((await store.find_tasks(visible=EVERYTHING, limit=10)).tasks)

    async def is_asked() -> bool:
        return len((await store.find_tasks(visible=EVERYTHING, limit=10)).tasks) > before

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await eventually(is_asked)
        return end

    async def send(message: Any) -> None:
        """Read nothing."""

    await edge(scope, receive, send)


def swarm_socket(headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": "/ws/swarm",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"authorization", headers["Authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "subprotocols": [],
    }


async def test_a_stream_with_a_thousand_subtasks_can_be_resumed(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    task = await store.submit_task(NewTask(prompt="wait"))
    await store.cancel_task(task_id=task.id)
    cursor = Cursor(positions={uuid4(): ReadPosition(1, 10_000, 10_000) for _ in range(1_000)})
    async with opened() as client:
        answer = await client.get(
            f"/tasks/{task.id}/events", headers={"Last-Event-ID": str(cursor)}
        )

    assert answer.status_code == 200
    assert "event: end" in answer.text


async def exchange(client: httpx.AsyncClient, address: str) -> httpx.Response:
    token = address.partition("#token=")[2]
    return await client.post("/console/session", headers={"Authorization": f"Bearer {token}"})


async def test_an_address_of_the_console_is_exchanged_for_one_session_and_says_when_it_was_used(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    async with opened(is_keyless=False) as client:
        address = await create_sign_in_link(store, "http://127.0.0.1:8000")
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(exchange(client, address)) for _ in range(2)]
        opened_, refused = sorted((each.result() for each in both), key=lambda a: a.status_code)
        session = {"Authorization": f"Bearer {opened_.json()['key']}"}
        assert (await client.get("/agents", headers=session)).status_code == 200
        marks = [CONSOLE_SCOPES.intersection(each.scopes) for each in await store.fetch_api_keys()]
        assert all(marks)  # by which the list of keys knows both, once they are used up
        for answer in (refused, await exchange(client, address)):
            assert (answer.status_code, answer.json()["code"]) == (401, "token_spent")
            assert "cogo console" in answer.json()["hint"]

    async with opened(is_keyless=False) as client:  # a new one remembers nothing
        assert (await exchange(client, address)).json()["code"] == "token_spent"
        unused = (await create_sign_in_link(store, "")).partition("#token=")[2]
        token = {"Authorization": f"Bearer {unused}"}
        assert (await client.get("/tasks", headers=token)).json()["code"] == "scope_missing"
        assert (await client.post("/console/session", headers=session)).status_code == 400


async def test_the_key_of_this_machine_is_private_kept_while_it_works_and_then_replaced(
    store: SupabaseStore, tmp_path: Any
) -> None:
    url = "http://127.0.0.1:8000"
    first = await write_local_gateway(tmp_path, store, url, is_keyless=False)
    assert (tmp_path / "gateway.json").stat().st_mode & 0o777 == 0o600
    assert read_local_gateway(tmp_path) == first
    assert first.key is not None
    assert first.key not in repr(first)
    assert await write_local_gateway(tmp_path, store, url, is_keyless=False) == first

    [key] = await store.fetch_api_keys()
    await store.revoke_api_key(key_id=key.id)
    second = await write_local_gateway(tmp_path, store, url, is_keyless=False)

    assert second.key not in {None, first.key}
