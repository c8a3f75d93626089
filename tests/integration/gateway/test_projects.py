"""Projects and tags over HTTP: in bodies, in headers of every route, and in MCP."""

from uuid import UUID

from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenEdge, OpenGateway
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
