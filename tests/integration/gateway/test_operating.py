"""Operators' controls over HTTP: what they change, what is recorded, and who may not."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from embedded.state import State
from protocol.records import NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

ALICE = UUID("a11ce000-0000-4000-8000-000000000000")  # in the ids of tests, which workers compare
CHANGES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/lanes/model-a/pause", None),
    ("PUT", "/lanes/model-a/limit", {"max_running": 1}),
    ("POST", f"/owners/{ALICE}/pause", None),
    ("PUT", "/owners/none/limit", {"per_minute": 1}),
    ("POST", "/models/control", {"action": "ban", "subject": "claude-sonnet"}),
    ("GET", "/models/operations", None),
    ("PUT", "/models/policy", {"policy": "scored"}),
    ("PUT", "/budgets", {"scope": "total", "limit_usd": 5}),
    ("DELETE", "/budgets?scope=total", None),
    ("GET", "/keys", None),
    ("POST", "/keys", {"name": "mine"}),
    ("POST", "/keys/nobody/rotate", None),
    ("DELETE", "/keys/nobody", None),
    ("GET", "/grants", None),
    ("PUT", f"/grants/{ALICE}", {"priority": 1}),
    ("DELETE", f"/grants/{ALICE}", None),
    ("GET", "/dead-letters", None),
    ("GET", "/dead-letters/groups", None),
    ("POST", "/dead-letters/retry", {"filter": {"lane": "nowhere"}}),
    ("GET", "/actions", None),
    ("POST", "/spending/stop", None),
    ("POST", "/spending/resume", None),
]


@pytest.fixture(autouse=True)
async def _clean(project: State) -> AsyncIterator[None]:
    yield
    connection = await asyncpg.connect(project.db_url)
    try:
        for table in (
            "spending_stop",
            "lanes",
            "owners",
            "controls",
            "policies",
            "budgets",
            "grants",
        ):
            await connection.execute(f"delete from cogo.{table}")  # noqa: S608
        await connection.execute("delete from cogo.api_keys")
        await connection.execute("delete from public.cogo_actions")
    finally:
        await connection.close()


async def list_actions(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/actions", params=filters)
    assert answer.status_code == 200, answer.text
    return [dict(each) for each in answer.json()["actions"]]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_user_without_the_scope_changes_and_reads_nothing(
    opened: OpenGateway, store: SupabaseStore, method: str, path: str, body: dict[str, Any] | None
) -> None:
    headers = await a_key(store, "tasks:read", "tasks:write", "models:read", owner=ALICE)
    before = await store.find_actions(limit=100)

    async with opened(is_keyless=False) as client:
        answer = await client.request(method, path, json=body, headers=headers)

    assert answer.status_code == 403, answer.text
    assert answer.json()["code"] == "scope_missing"
    assert await store.find_actions(limit=100) == before


async def test_who_did_it_is_the_key_that_was_sent_and_not_what_the_request_says(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    headers = await a_key(store, "admin")
    key_id = (await store.fetch_api_keys())[0].id
    forged = headers | {"X-Cogo-Operator": '{"who": "mallory"}', "X-Cogo-Who": "mallory"}

    async with opened(is_keyless=False) as client:
        client.headers.update(forged)
        paused = await client.post("/lanes/model-a/pause", json={"reason": "zu teuer é"})
        limited = await client.put("/lanes/model-a/limit", json={"max_running": 3})
        again = await client.post("/lanes/model-a/pause")
        found = await list_actions(client, kind="lane")

    assert paused.json()["paused"] is True
    assert limited.json() == {"paused": True, "max_running": 3, "per_minute": None, "running": 0}
    assert again.status_code == 200  # and changes nothing
    assert [(each["who"], each["subject"], each["reason"]) for each in found] == [
        (f"key:{key_id}", "model-a", None),
        (f"key:{key_id}", "model-a", "zu teuer é"),
    ]
    assert found[0]["before"] == {"max_running": None}
    assert found[0]["after"] == {"max_running": 3}
    assert found[1]["before"] is None
    assert found[1]["after"]["paused"] is True


async def test_an_action_is_not_recorded_in_the_name_of_who_came_before(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    async with opened() as client:
        await client.post("/owners/none/pause")
        await store.set_lane(lane="model-a", paused=True)  # without a principal
        found = await list_actions(client)

    assert [(each["kind"], each["who"]) for each in found] == [
        ("lane", "database:service_role"),
        ("owner", "local"),
    ]


async def test_what_a_keyless_operator_does_to_a_task_is_an_action(opened: OpenGateway) -> None:
    async with opened() as client:
        task_id = (await client.post("/tasks", json={"prompt": "x"})).json()["id"]
        for action in ("pause", "resume", "cancel"):
            answer = await client.post(f"/tasks/{task_id}/{action}")
            assert answer.is_success, answer.text
        found = await list_actions(client, kind="task")

    assert [(each["who"], each["subject"], each["after"]["action"]) for each in found] == [
        ("local", task_id, action) for action in ("cancel", "resume", "pause")
    ]


async def test_pages_of_actions_join_and_filters_select(opened: OpenGateway) -> None:
    async with opened() as client:
        for number in range(5):
            await client.put("/lanes/a/limit", json={"max_running": number})
        await client.put("/models/policy", json={"policy": "scored"})
        pages, before = [], None
        while True:
            answer = await client.get(
                "/actions", params={"limit": 2} | ({"before": before} if before else {})
            )
            pages.append([each["kind"] for each in answer.json()["actions"]])
            before = answer.json()["next"]
            if before is None:
                break
        policies = await list_actions(client, kind="policy", who="local", subject="none")
        nothing = await list_actions(client, who="somebody")
        later = await list_actions(client, since="2999-01-01T00:00:00Z")

    assert pages == [["policy", "lane"], ["lane", "lane"], ["lane", "lane"], []]
    assert [each["after"] for each in policies] == [{"policy": "scored"}]
    assert nothing == later == []


async def test_models_are_controlled_by_any_of_their_names(opened: OpenGateway) -> None:
    async with opened() as client:
        ban = await client.post(
            "/models/control", json={"action": "ban", "subject": "anthropic", "reason": "a leak"}
        )
        listed = (await client.get("/models/operations")).json()
        undone = await client.post(
            "/models/control", json={"action": "allow", "subject": "anthropic"}
        )
        pinned = await client.post(
            "/models/control", json={"action": "pin", "subject": "anthropic"}
        )
        unknown = await client.post("/models/control", json={"action": "ban", "subject": "no such"})
        odd = await client.post(
            "/models/control", json={"action": "ban", "subject": "anthropic", "scope": "owner:x"}
        )
        found = await list_actions(client, kind="model")

    assert ban.json()["controlled"][0] | {"restamped": 0} == {
        "subject": "anthropic", "action": "ban", "scope": "everywhere", "was": "allow",
        "restamped": 0,
    }  # fmt: skip
    [control] = listed["controls"]
    assert (control["who"], control["reason"]) == ("local", "a leak")
    assert undone.json()["controlled"][0]["was"] == "ban"
    assert pinned.status_code == unknown.status_code == odd.status_code == 400
    assert "provider" in pinned.json()["detail"]
    assert [(each["subject"], each["after"] is None, each["reason"]) for each in found] == [
        ("anthropic", True, None),
        ("anthropic", False, "a leak"),
    ]


async def test_caps_are_set_listed_and_removed(opened: OpenGateway) -> None:
    wrong: list[dict[str, Any]] = [
        {"scope": "total", "key": "x", "limit_usd": 1},
        {"scope": "provider", "limit_usd": 1},
        {"scope": "owner", "key": "somebody", "limit_usd": 1},
        {"scope": "total", "limit_usd": -1},
        {"scope": "total", "limit_usd": "NaN"},
        {"scope": "nothing", "limit_usd": 1},
    ]
    async with opened() as client:
        cap = {"scope": "owner", "key": "none", "per": "month", "limit_usd": "2.50"}
        stored = await client.put("/budgets", json=cap | {"reason": "trial"})
        listed = (await client.get("/budgets")).json()["budgets"]
        params = {"scope": "owner", "key": "none", "per": "month"}
        removed = await client.delete("/budgets", params=params)
        again = await client.delete("/budgets", params=params)
        refused = [await client.put("/budgets", json=each) for each in wrong]
        found = await list_actions(client, kind="budget")

    assert float(stored.json()["limit_usd"]) == 2.5
    assert [(each["scope"], each["per"]) for each in listed] == [("owner", "month")]
    assert (removed.json(), again.json()) == ({"removed": True}, {"removed": False})
    assert [each.status_code for each in refused] == [400] * len(wrong)
    assert [(each["subject"], each["reason"]) for each in found] == [
        ("owner:none:month", None),
        ("owner:none:month", "trial"),
    ]


async def test_a_key_is_shown_once_and_its_hash_never(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    headers = await a_key(store, "admin")
    async with opened(is_keyless=False) as client:
        client.headers.update(headers)
        created = (await client.post("/keys", json={"name": "ci", "scopes": ["tasks:read"]})).json()
        used = await client.get("/tasks", headers={"Authorization": f"Bearer {created['key']}"})
        key_id = created["stored"]["id"]
        rotated = (await client.post(f"/keys/{key_id}/rotate")).json()
        listed = (await client.get("/keys")).text
        revoked = await client.delete(f"/keys/{rotated['stored']['id']}", params={"reason": "lost"})
        unknown = await client.delete("/keys/nobody")
        odd = [
            await client.post("/keys", json={"name": "x", "scopes": ["everything"]}),
            await client.post("/keys", json={"name": "x", "scopes": ["console:session", "admin"]}),
            await client.post("/keys", json={"name": "", "scopes": ["admin"]}),
            await client.post("/keys", json={"name": "x", "expires_at": "2001-01-01T00:00:00Z"}),
        ]
        actions = await client.get("/actions", params={"kind": "key"})

    assert used.status_code == 200
    assert created["key"] not in listed
    assert created["key"] not in actions.text
    assert "hash" not in actions.text
    assert revoked.json()["usable"] is False
    assert unknown.status_code == 404
    assert [each.status_code for each in odd] == [400] * 4
    changes = [each for each in actions.json()["actions"] if each["reason"] == "lost"]
    assert [set(each["after"]) for each in changes] == [{"revoked_at"}]


async def test_grants_record_only_what_has_changed(opened: OpenGateway) -> None:
    path = f"/grants/{ALICE}"
    async with opened() as client:
        first = await client.put(
            path, json={"providers": ["anthropic", "ollama"], "tools": ["none"]}
        )
        second = await client.put(path, json={"providers": ["anthropic"]})
        listed = (await client.get("/grants")).json()["grants"]
        removed = await client.delete(path)
        odd = [
            await client.put(path, json={}),
            await client.put(path, json={"models": ["no such model"]}),
            await client.put(path, json={"providers": ["nobody"]}),
            await client.put(path, json={"tools": ["none", "x.y"]}),
            await client.put(path, json={"priority": 10}),
            await client.put("/grants/somebody", json={"priority": 1}),
        ]
        found = await list_actions(client, kind="grant")

    assert first.json()["providers"] == ["anthropic", "ollama"]
    assert second.json()["tools"] == []
    assert [each["owner"] for each in listed] == [str(ALICE)]
    assert removed.json()["providers"] == []
    assert [each.status_code for each in odd] == [400] * len(odd)
    assert [(each["subject"], each["before"], each["after"]) for each in reversed(found)] == [
        (str(ALICE), None, {"provider": ["anthropic", "ollama"], "tool": ["none"]}),
        (str(ALICE), {"provider": ["ollama"]}, None),
        (str(ALICE), {"provider": ["anthropic"], "tool": ["none"]}, None),
    ]


async def test_a_stop_is_seen_by_everybody_and_ended_by_operators(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    admin = await a_key(store, "admin")
    user = await a_key(store, "tasks:read", "tasks:write", owner=ALICE)
    async with opened(is_keyless=False) as client:
        before = (await client.get("/spending", headers=user)).json()
        stopped = await client.post("/spending/stop", json={"reason": "a loop"}, headers=admin)
        again = await client.post(
            "/spending/stop", json={"reason": "another", "cancel_running": True}, headers=admin
        )
        seen = (await client.get("/spending", headers=user)).json()["stopped"]
        task = await client.post("/tasks", json={"prompt": "wait"}, headers=user)
        resumed = await client.post("/spending/resume", json={"reason": "fixed"}, headers=admin)
        twice = await client.post("/spending/resume", headers=admin)
        found = (await client.get("/actions", params={"kind": "spending"}, headers=admin)).json()

    assert before == {"stopped": None}
    assert stopped.json()["is_new"]
    assert (again.json()["is_new"], again.json()["reason"]) == (False, "a loop")
    assert (seen["who"], seen["reason"]) == (None, "a loop")
    assert task.status_code == 201
    assert (resumed.json(), twice.json()) == ({"resumed": True}, {"resumed": False})
    assert [
        (each["subject"], each["after"] is None, each["reason"]) for each in found["actions"]
    ] == [
        ("all", True, "fixed"),
        ("all", False, "a loop"),
    ]


async def test_what_an_operator_does_to_tasks_not_their_own_is_recorded(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    headers = await a_key(store, "admin")
    user = await a_key(store, "tasks:read", "tasks:write", owner=ALICE)
    hers = [await store.submit_task(NewTask(prompt="x", owner=ALICE)) for _ in range(2)]
    nobodys = await store.submit_task(NewTask(prompt="x"))
    async with opened(is_keyless=False) as client:
        await client.post(f"/tasks/{hers[0].id}/pause", headers=headers)
        await client.post(f"/tasks/{hers[1].id}/cancel", headers=user)
        await client.post(f"/tasks/{nobodys.id}/cancel", headers=headers)
        found = (await client.get("/actions", params={"kind": "task"}, headers=headers)).json()

    [last, action] = found["actions"]
    assert (last["subject"], last["after"]) == (str(nobodys.id), {"action": "cancel"})
    assert action["subject"] == str(hers[0].id)
    assert action["after"] == {"action": "pause"}


async def test_wrong_values_are_explained(opened: OpenGateway) -> None:
    async with opened() as client:
        odd = [
            await client.put("/lanes/a/limit", json={}),
            await client.put("/lanes/a/limit", json={"max_running": -1}),
            await client.put("/lanes/a/limit", json={"per_minute": 0}),
            await client.put("/lanes/a/limit", json={"max_running": 2**31}),
            await client.put("/lanes/a/limit", json={"limit": 3}),
            await client.post("/lanes/a/stop"),
            await client.post("/owners/somebody/pause"),
            await client.post("/lanes/a/pause", json={"reason": "x" * 501}),
            await client.post("/lanes/a/pause", json={"reason": "a\0b"}),
            await client.put("/models/policy", json={"policy": "best"}),
            await client.put("/models/policy", json={}),
            await client.get("/actions", params={"limit": 201}),
            await client.get("/actions", params={"since": "yesterday"}),
        ]
        slashed = await client.post("/lanes/accounts/fireworks/models/x/pause")
        queue = (await client.get("/queue")).json()["lanes"]
        found = await list_actions(client)

    assert [each.status_code for each in odd] == [400] * 8 + [200] + [400] * 4, [
        (each.request.url.path, each.text) for each in odd
    ]
    assert all(each.json()["detail"] for each in odd if each.status_code == 400)
    assert slashed.json()["paused"]
    assert {each["lane"] for each in queue if each["lane_paused"]} >= {
        "accounts/fireworks/models/x"
    }
    assert found[-1]["reason"] == "ab"
