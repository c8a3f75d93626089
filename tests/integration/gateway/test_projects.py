"""Projects and tags over HTTP: in bodies, in headers of every route, and in MCP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx

from gateway.middleware import EdgeMiddleware
from protocol.records import EVERYTHING, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenEdge, OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import start_flow, wait_step
from tests.support.mcp.clients import call, open_mcp


async def test_a_task_has_the_project_and_tags_of_its_body(opened: OpenGateway) -> None:
    async with opened() as client:
        body = {"prompt": "hi", "type": "CHAT", "project": " web ", "tags": ["b", "a", "b"]}
        sent = await client.post("/tasks", json=body)
        shown = await client.get(f"/tasks/{sent.json()['id']}")

    assert sent.status_code == 201
    assert (sent.json()["project"], sent.json()["tags"]) == ("web", ["a", "b"])
    assert shown.json()["task"]["tags"] == ["a", "b"]


async def test_headers_label_the_tasks_of_every_route(opened: OpenGateway) -> None:
    headers = {"X-Cogo-Project": "caf%C3%A9", "X-Cogo-Tags": "b, a,%2C,"}
    response = {"model": "auto", "input": "hi", "background": True}
    async with opened() as client:
        answer = await client.post("/v1/responses", json=response, headers=headers)
        task = (await client.get(f"/tasks/{answer.headers['x-cogo-task']}")).json()["task"]
        body = {"prompt": "hi", "type": "CHAT", "project": "web", "tags": ["x"]}
        both = (await client.post("/tasks", json=body, headers=headers)).json()

    assert (task["project"], task["tags"]) == ("café", [",", "a", "b"])
    assert (both["project"], both["tags"]) == ("web", [",", "a", "b", "x"])


async def test_what_is_too_large_is_refused(opened: OpenGateway) -> None:
    hostile: list[tuple[dict[str, object], dict[str, str], int]] = [
        ({"project": "p" * 1_000_000}, {}, 400),
        ({"tags": ["x"] * 10_000}, {}, 400),
        ({"tags": ["x" * 51]}, {}, 400),
        ({"tags": [None]}, {}, 400),
        ({"tags": [["a"]]}, {}, 400),
        ({}, {"X-Cogo-Project": "p" * 101}, 413),
        ({}, {"X-Cogo-Tags": ",".join(map(str, range(30)))}, 413),
    ]
    async with opened() as client:
        for fields, headers, status in hostile:
            body = {"prompt": "hi", "type": "CHAT"} | fields
            answer = await client.post("/tasks", json=body, headers=headers)
            assert answer.status_code == status, (str(fields)[:50], headers, answer.text[:300])
            assert answer.json()["detail"]


async def test_a_task_of_mcp_has_a_project(opened_edge: OpenEdge, store: SupabaseStore) -> None:
    fields = {"prompt": "hi", "type": "CHAT", "project": "web", "tags": ["a"]}
    async with opened_edge() as edge, open_mcp(edge, {"X-Cogo-Tags": "b"}) as mcp:
        sent = await call(mcp, "submit_task", **fields)

    task = await store.fetch_task(task_id=UUID(sent["task_id"]))
    assert (task.project, task.tags) == ("web", ["a", "b"])


@asynccontextmanager
async def serve(opened_edge: OpenEdge) -> AsyncIterator[tuple[EdgeMiddleware, httpx.AsyncClient]]:
    """Open a gateway that asks for keys."""
    async with opened_edge(is_keyless=False) as edge:
        transport = httpx.ASGITransport(edge)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield edge, client


async def list_prompts(client: httpx.AsyncClient, key: dict[str, str]) -> set[str]:
    answer = await client.get("/tasks", headers=key)
    return {each["prompt"] for each in answer.json()["tasks"]}


async def submit(store: SupabaseStore, prompt: str, **fields: Any) -> str:
    task = await store.submit_task(NewTask(prompt=prompt, type="CHAT", **fields))
    return str(task.id)


async def test_a_key_of_a_project_sees_and_makes_only_its_tasks(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    key = await a_key(store, "tasks:read", "tasks:write", project="web")
    inside = await submit(store, "inside", owner=uuid4(), project="web")
    outside = await submit(store, "outside")
    async with serve(opened_edge) as (edge, client):
        made = await client.post("/tasks", json={"prompt": "made", "type": "CHAT"}, headers=key)
        named = await client.post(
            "/tasks", json={"prompt": "named", "project": " web "}, headers=key
        )
        elsewhere = [
            await client.post("/tasks", json={"prompt": "x", "project": "app"}, headers=key),
            await client.post(
                "/tasks", json={"prompt": "x"}, headers=key | {"X-Cogo-Project": "a"}
            ),
            await client.get("/memory/facts", headers=key),
            await client.get("/sessions", headers=key),
            await client.get("/keys", headers=key),
            await client.get("/queue", headers=key),
        ]
        hidden = [
            await client.get(f"/tasks/{outside}", headers=key),
            await client.post(f"/tasks/{outside}/cancel", headers=key),
            await client.get(f"/tasks/{outside}/events", headers=key),
        ]
        seen = await list_prompts(client, key)
        cancelled = await client.post(f"/tasks/{inside}/cancel", headers=key)
        projects = (await client.get("/projects", headers=key)).json()["projects"]
        async with open_mcp(edge, key) as mcp:
            listed = await call(mcp, "list_tasks")

    assert [each.json()["project"] for each in (made, named)] == ["web", "web"]
    assert [each.status_code for each in elsewhere] == [403] * len(elsewhere)
    assert elsewhere[0].json()["code"] == "project_only"
    assert [each.status_code for each in hidden] == [404] * 3
    assert seen == {"inside", "made", "named"}
    assert {each["prompt"] for each in listed["tasks"]} == seen
    assert cancelled.json()["status"] == "cancelled"
    assert [(each["name"], each["can_edit"]) for each in projects] == [("web", True)]


async def test_a_key_of_a_project_does_not_answer_what_its_owner_is_asked_elsewhere(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    bob = uuid4()
    key = await a_key(store, "tasks:read", "tasks:write", project="web", owner=bob)
    ask = wait_step("ok", "approve", params={"question": "Apply it?", "by": str(bob)})
    task_id = await start_flow(store, ask, owner=uuid4())
    [asked] = await store.find_approvals(limit=2, visible=EVERYTHING, task_id=task_id)
    async with serve(opened_edge) as (_, client):
        path = f"/approvals/{asked.id}"
        shown = await client.get(path, headers=key)
        answered = await client.post(path, json={"approved": True}, headers=key)

    assert [shown.status_code, answered.status_code] == [404, 404]


async def test_members_see_the_tasks_of_others_and_editors_change_them(
    opened_edge: OpenEdge, store: SupabaseStore
) -> None:
    alice, viewer, editor = uuid4(), uuid4(), uuid4()
    task_id = await submit(store, "hers", owner=alice, project="web")
    private = await submit(store, "private", owner=alice)
    await store.set_member(project="web", user_id=viewer, role="viewer")
    await store.set_member(project="web", user_id=editor, role="editor")
    await store.set_budget(
        scope="project", key="web", per="day", limit_usd=Decimal(5), allow_unpriced=False
    )
    keys = [
        await a_key(store, "tasks:read", "tasks:write", owner=each) for each in (viewer, editor)
    ]
    stranger = await a_key(store, "tasks:read", owner=uuid4())
    async with serve(opened_edge) as (_, client):
        for key in keys:
            assert await list_prompts(client, key) == {"hers"}
            assert (await client.get(f"/tasks/{task_id}", headers=key)).status_code == 200
            assert (await client.get(f"/tasks/{private}", headers=key)).status_code == 404
            [project] = (await client.get("/projects", headers=key)).json()["projects"]
            assert (project["name"], len(project["members"])) == ("web", 2)
            assert [each["limit_usd"] for each in project["caps"]] == ["5"]
        for path in ("pause", "resume", "cancel", "feedback", "events"):
            body = {"feedback": {"score": 1}, "events": {"name": "go"}}.get(path)
            answer = await client.post(f"/tasks/{task_id}/{path}", json=body, headers=keys[0])
            assert (answer.status_code, answer.json()["code"]) == (403, "project_role"), path
        refused = await client.post(
            "/tasks", json={"prompt": "x", "project": "web"}, headers=keys[0]
        )
        cancelled = await client.post(f"/tasks/{task_id}/cancel", headers=keys[1])
        assert await list_prompts(client, stranger) == set()
        assert (await client.get("/projects", headers=stranger)).json() == {"projects": []}

    assert (refused.status_code, refused.json()["code"]) == (403, "TQ007")
    assert cancelled.json()["status"] == "cancelled"


async def test_operators_manage_members(opened_edge: OpenEdge, store: SupabaseStore) -> None:
    admin, user = await a_key(store, "admin"), str(uuid4())
    plain = await a_key(store, "tasks:read", "tasks:write")
    member = {"project": " web ", "user_id": user, "role": "editor", "reason": "asked"}
    async with serve(opened_edge) as (_, client):
        assert (
            await client.put("/projects/members", json=member, headers=plain)
        ).status_code == 403
        added = await client.put("/projects/members", json=member, headers=admin)
        wrong = await client.put("/projects/members", json=member | {"project": " "}, headers=admin)
        query = {"project": "web", "user_id": user}
        removed = [
            await client.delete("/projects/members", params=query, headers=admin) for _ in range(2)
        ]
        actions = (await client.get("/actions", headers=admin)).json()["actions"]

    assert (added.json()["project"], added.json()["role"]) == ("web", "editor")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "TQ004")
    assert [each.json() for each in removed] == [{"removed": True}, {"removed": False}]
    assert [each["subject"] for each in actions if each["kind"] == "member"] == [f"web:{user}"] * 2
