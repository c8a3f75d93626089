"""Finding tasks over HTTP, and doing one thing with many of them."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.tasks import bulk
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, NewTask, Task
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.integration.waiting import start_flow, wait_step


async def submit(store: SupabaseStore, prompt: str, **fields: Any) -> Task:
    return await store.submit_task(NewTask(prompt=prompt, **({"type": "CHAT"} | fields)))


async def prompts(client: httpx.AsyncClient, query: str, **options: Any) -> list[str]:
    answer = await client.get(f"/tasks?{query}", **options)
    assert answer.status_code == 200, answer.text
    return [each["prompt"] for each in answer.json()["tasks"]]


async def do(client: httpx.AsyncClient, action: str, **body: Any) -> dict[str, Any]:
    headers = body.pop("headers", {})
    answer = await client.post("/tasks/bulk", json={"action": action} | body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_filters_come_as_a_query(opened: OpenGateway, store: SupabaseStore) -> None:
    owner, project = uuid4(), uuid4().hex
    await submit(store, "a walrus", project=project, tags=["x", "y"], owner=owner)
    await submit(store, "a unicorn", project=project, tags=["y"], type="OTHER", model="model-q")
    async with opened() as client:
        here = f"project={project}"
        assert await prompts(client, here) == ["a unicorn", "a walrus"]
        assert await prompts(client, f"{here}&type=CHAT") == ["a walrus"]
        assert await prompts(client, f"{here}&type=CHAT&type=OTHER&status=failed") == []
        assert await prompts(client, f"{here}&tag=x&tag=y") == ["a walrus"]
        assert await prompts(client, f"{here}&owner=none") == ["a unicorn"]
        assert await prompts(client, f"{here}&owner={owner}&owner=none") == [
            "a unicorn",
            "a walrus",
        ]
        assert await prompts(client, f"{here}&model=model-q") == ["a unicorn"]
        assert await prompts(client, f"{here}&q=unicorns+or+penguin") == ["a unicorn"]
        assert await prompts(client, f"{here}&since=2020-01-01&until=2020-01-02T00:00:00Z") == []
        assert await prompts(client, f"{here}&min_cost=0&max_cost=1.5&limit=1") == ["a unicorn"]
        count = (await client.get(f"/tasks/count?{here}&q=walrus")).json()
        facets = (await client.get("/tasks/facets")).json()

    assert count == {"count": 1, "is_more": False}
    assert project in facets["projects"]
    assert {"x", "y"} <= set(facets["tags"])
    assert {"CHAT", "OTHER"} <= set(facets["types"])
    assert {str(owner), "none"} <= set(facets["owners"])
    assert "model-q" in facets["models"]


async def test_pages_go_on_where_the_last_one_ended(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    project = uuid4().hex
    for number in range(5):
        await submit(store, f"task {number}", project=project)
    found, before = [], ""
    async with opened() as client:
        for _ in range(10):
            page = (await client.get(f"/tasks?project={project}&limit=2{before}")).json()
            found += [each["prompt"] for each in page["tasks"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"

    assert found == [f"task {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "owner=alice",
        "since=soon",
        "min_cost=much",
        "min_cost=NaN",
        "max_cost=Infinity",
        "limit=0",
        "limit=201",
        "before=0",
        f"q={'x' * 501}",
        f"type={'x' * 256}",
        "&".join(f"type={number}" for number in range(101)),
        "dead=perhaps",
        "min_cost=1e999999",
    ],
)
async def test_wrong_filters_are_refused(opened: OpenGateway, query: str) -> None:
    async with opened() as client:
        for path in ("/tasks", "/tasks/count"):
            answer = await client.get(f"{path}?{query}")
            if path == "/tasks" or not query.startswith(("limit", "before")):
                assert answer.status_code in {400, 422}, answer.text
                assert answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["q=%27", "q=%22((&q=-", "q=%F0%9F%98%80", "q=a+%26+%7C", "tag=%27", "type=%00"]
)
async def test_hostile_texts_are_only_texts(opened: OpenGateway, query: str) -> None:
    async with opened() as client:
        for path in ("/tasks", "/tasks/count"):
            assert (await client.get(f"{path}?{query}")).status_code == 200


async def test_nobody_finds_or_changes_tasks_of_another(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    alice, bob = uuid4(), uuid4()
    project = uuid4().hex
    hers = await submit(store, "her walrus", owner=alice, project=project)
    key = await a_key(store, "tasks:read", "tasks:write", owner=str(bob))
    async with opened(is_keyless=False) as client:
        for query in (f"owner={alice}", f"project={project}", "q=walrus", f"q={hers.id}", ""):
            assert await prompts(client, query, headers=key) == []
        count = (await client.get("/tasks/count", headers=key)).json()
        facets = (await client.get("/tasks/facets", headers=key)).json()
        named = await do(client, "cancel", ids=[str(hers.id)], headers=key)
        found = await do(client, "cancel", filter={"owner": [str(alice)]}, headers=key)
        reader = await a_key(store, "tasks:read", owner=str(alice))
        refused = await client.post(
            "/tasks/bulk", json={"action": "cancel", "ids": [str(hers.id)]}, headers=reader
        )

    assert count["count"] == 0
    assert facets["owners"] == facets["projects"] == []
    assert named["skipped"] == [
        {"id": str(hers.id), "reason": f"there is no task {hers.id}, or it is not yours"}
    ]
    assert (named["done"], found["done"], found["skipped"]) == ([], [], [])
    assert refused.status_code == 403
    assert (await store.fetch_task(task_id=hers.id)).status is TaskState.PENDING


async def test_each_task_is_acted_on_by_itself(opened: OpenGateway, store: SupabaseStore) -> None:
    first, second, third = [await submit(store, f"task {number}") for number in range(3)]
    nobody = uuid4()
    await store.cancel_task(task_id=third.id)
    ids = [str(each) for each in (first.id, nobody, second.id, third.id, first.id)]
    async with opened() as client:
        tried = await do(client, "cancel", ids=ids, dry_run=True)
        assert (await store.fetch_task(task_id=first.id)).status is TaskState.PENDING
        done = await do(client, "cancel", ids=ids, reason="enough")
        again = await do(client, "cancel", ids=ids)

    for report in (tried, done):
        assert set(report["done"]) == {str(first.id), str(second.id)}
        assert {each["id"]: each["reason"] for each in report["skipped"]} == {
            str(nobody): f"there is no task {nobody}, or it is not yours",
            str(third.id): "it is cancelled",
        }
        assert (report["is_more"], report["next"]) == (False, None)
    assert again["done"] == []
    cancelled = await store.fetch_task(task_id=first.id)
    assert cancelled.status is TaskState.CANCELLED
    assert cancelled.error is not None
    assert cancelled.error["message"] == "enough"


async def test_a_filter_acts_on_what_the_action_is_for(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    project = uuid4().hex
    made = [await submit(store, f"task {number}", project=project) for number in range(3)]
    await store.cancel_task(task_id=made[0].id)
    here = {"project": [project]}
    everything = {str(each.id) for each in made[1:]}
    async with opened() as client:
        assert set((await do(client, "pause", filter=here))["done"]) == everything
        assert await do(client, "pause", filter=here) == {
            "done": [], "skipped": [], "is_more": False, "next": None
        }  # fmt: skip
        assert (await do(client, "retry", filter=here))["done"] == []
        assert (await do(client, "cancel", filter=here | {"status": ["failed"]}))["done"] == []
        assert set((await do(client, "resume", filter=here))["done"]) == everything
        assert (await do(client, "approve", filter=here))["done"] == []
        assert set((await do(client, "cancel", filter=here))["done"]) == everything


async def test_more_than_a_call_may_do_is_said(
    opened: OpenGateway, store: SupabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = uuid4().hex
    made = {str((await submit(store, "task", project=project)).id) for _ in range(5)}
    done: list[str] = []
    before: dict[str, int] = {}
    async with opened() as client:
        defaults = bulk.find_bulk_tasks.__kwdefaults__ or {}
        monkeypatch.setitem(defaults, "limit", 2)
        for more in (True, True, False):
            report = await do(client, "cancel", filter={"project": [project]}, **before)
            done += report["done"]
            assert report["is_more"] is more
            before = {"before": report["next"]}

    assert set(done) == made


async def test_questions_of_many_tasks_are_answered(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    owner = uuid4()
    question = wait_step("ok", "approve", params={"question": "Apply it?"})
    asked = [await start_flow(store, question, owner=owner) for _ in range(3)]
    here = {"owner": [str(owner)]}
    async with opened() as client:
        tried = await do(client, "approve", filter=here, dry_run=True)
        approved = await do(client, "approve", ids=[str(asked[0])], reason="fine")
        refused = await do(client, "refuse", filter=here, reason="not now")
        again = await do(client, "approve", ids=[str(asked[0])])
        open_ = (await client.get(f"/tasks?owner={owner}&asking=true")).json()

    assert set(tried["done"]) == set(map(str, asked))
    assert approved["done"] == [str(asked[0])]
    assert set(refused["done"]) == set(map(str, asked[1:]))
    assert again["done"] == []
    assert open_["tasks"] == []
    [answer] = await store.find_approvals(
        limit=10, visible=EVERYTHING, task_id=asked[0], only_open=False
    )
    assert (answer.approved, answer.comment, answer.answered_via) == (True, "fine", "http")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "explode", "ids": []},
        {"action": "cancel"},
        {"action": "cancel", "ids": [], "filter": {}},
        {"action": "cancel", "ids": ["x"]},
        {"action": "cancel", "ids": [str(UUID(int=n)) for n in range(1_001)]},
        {"action": "cancel", "filter": {"statuss": ["failed"]}},
        {"action": "cancel", "filter": {"status": "lost"}},
        {"action": "cancel", "filter": []},
        {"action": "cancel", "ids": [], "reason": "x" * 1_001},
    ],
)
async def test_wrong_bulk_requests_do_nothing(opened: OpenGateway, body: dict[str, Any]) -> None:
    async with opened() as client:
        answer = await client.post("/tasks/bulk", json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
