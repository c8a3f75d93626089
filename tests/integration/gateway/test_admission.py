"""Authentication, and the tasks that a caller sees."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from embedded.state import State
from gateway.auth.keys import hash_key
from protocol.ids import utc_now
from protocol.records import BudgetScope
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key
from tests.support.eventually import eventually

ASK = {"prompt": "Write fibonacci"}
JSON = {"Content-Type": "application/json"}


async def signed_up(project: State) -> dict[str, str]:
    headers = {"apikey": project.publishable_key}
    async with httpx.AsyncClient(base_url=project.url, headers=headers, timeout=60) as http:
        body = {"email": f"{uuid4()}@example.com", "password": "long enough"}
        answer = await http.post("/auth/v1/signup", json=body)
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, str(answer.json()["code"])


async def test_a_setting_decides_whether_a_key_is_needed(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    async with opened() as client:
        assert (await client.post("/tasks", json=ASK)).status_code == 201
    async with opened(is_keyless=False) as client:
        assert code(await client.get("/tasks")) == (401, "unauthenticated")  # there is no key yet

    await a_key(store, "tasks:read", expires_at=utc_now() - timedelta(hours=1))
    async with opened(is_keyless=False) as client:
        assert code(await client.get("/tasks")) == (401, "unauthenticated")  # only an expired one

    headers = await a_key(store, "tasks:read")
    async with opened(is_keyless=False) as client:
        assert (await client.get("/tasks", headers=headers)).status_code == 200
    for key in await store.fetch_api_keys():
        await store.revoke_api_key(key_id=key.id)
    async with opened(is_keyless=False) as client:  # the last key was revoked
        assert code(await client.get("/tasks")) == (401, "unauthenticated")
    async with opened() as client:
        assert (await client.get("/tasks")).status_code == 200
        assert code(await client.get("/tasks", headers=headers)) == (401, "unauthenticated")


async def test_beyond_loopback_nobody_is_let_in_without_a_key(opened: OpenGateway) -> None:
    async with opened(is_loopback=False) as client:
        assert code(await client.get("/tasks")) == (401, "unauthenticated")
        wrong = {"Authorization": "Bearer cogo_abc_def"}
        assert code(await client.get("/tasks", headers=wrong)) == (401, "unauthenticated")


async def test_a_key_does_what_its_scopes_say_and_no_more_until_it_is_revoked(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    reader = await a_key(store, "tasks:read")
    async with opened() as client:
        assert (await client.get("/tasks", headers=reader)).status_code == 200
        assert code(await client.post("/tasks", json=ASK, headers=reader)) == (403, "scope_missing")
    [key] = await store.fetch_api_keys()
    assert key.last_used_at is not None
    await store.revoke_api_key(key_id=key.id)
    async with opened(is_loopback=False) as client:  # a new one remembers nothing
        assert code(await client.get("/tasks", headers=reader)) == (401, "unauthenticated")


async def test_a_rotated_key_ends_after_its_grace_and_the_database_has_no_key(
    store: SupabaseStore,
) -> None:
    first = (await a_key(store, "admin"))["Authorization"].removeprefix("Bearer ")
    [old] = await store.fetch_api_keys()

    await a_key(store, "admin", replaces=old.id)

    assert await store.check_api_key(key_id=old.id, key_hash=hash_key(first)) is None
    assert sorted(each.usable for each in await store.fetch_api_keys()) == [False, True]


async def test_a_rotated_key_and_the_one_before_work_until_the_grace_ends_or_it_expires(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    first = await a_key(store, "tasks:read")
    [old] = await store.fetch_api_keys()
    second = await a_key(store, "tasks:read", replaces=old.id, grace_seconds=3600)
    expired = await a_key(store, "tasks:read", expires_at=utc_now() - timedelta(hours=1))
    async with opened(is_loopback=False) as client:
        for headers, expected in ((first, 200), (second, 200), (expired, 401)):
            assert (await client.get("/tasks", headers=headers)).status_code == expected

    await store.revoke_api_key(key_id=old.id)
    async with opened(is_loopback=False) as client:  # a new one remembers nothing
        for headers, expected in ((first, 401), (second, 200)):
            assert (await client.get("/tasks", headers=headers)).status_code == expected


async def test_users_see_the_cap_of_their_own_and_operators_all(
    opened: OpenGateway, project: State, store: SupabaseStore
) -> None:
    anna = await signed_up(project)
    admin = await a_key(store, "admin")
    async with opened(is_loopback=False) as client:
        owner = (await client.post("/tasks", json=ASK, headers=anna)).json()["owner"]
        caps: list[tuple[BudgetScope, str | None]]
        caps = [("total", None), ("owner", owner), ("owner", str(uuid4()))]
        for scope, key in caps:
            await store.set_budget(scope=scope, key=key, per="day", limit_usd=Decimal(5))

        [own] = (await client.get("/budgets", headers=anna)).json()["budgets"]
        assert (own["scope"], own["key"], own["limit_usd"]) == ("owner", owner, "5")
        assert len((await client.get("/budgets", headers=admin)).json()["budgets"]) == 3


async def test_users_see_their_own_tasks_and_nobody_elses(
    opened: OpenGateway, project: State, store: SupabaseStore
) -> None:
    anna, bela = await signed_up(project), await signed_up(project)
    admin = await a_key(store, "admin")
    async with opened(is_loopback=False) as client:
        task = (await client.post("/tasks", json=ASK, headers=anna)).json()
        path = f"/tasks/{task['id']}"

        assert task["owner"] is not None
        assert (await client.get(path, headers=anna)).status_code == 200
        assert (await client.get(path, headers=admin)).status_code == 200
        for method, tail in (
            ("GET", ""),
            ("GET", "/events"),
            ("GET", "/timeline"),
            ("GET", "/attempts"),
            ("POST", "/cancel"),
        ):
            refused = await client.request(method, path + tail, headers=bela)
            assert code(refused) == (404, "TQ002")
        assert [each["id"] for each in (await client.get("/tasks", headers=anna)).json()["tasks"]]
        assert (await client.get("/tasks", headers=bela)).json()["tasks"] == []
        forged = {"Authorization": anna["Authorization"][:-4] + "AAAA"}
        assert code(await client.get("/tasks", headers=forged)) == (401, "unauthenticated")


async def test_the_same_idempotency_key_gives_the_same_task_or_says_that_it_was_another(
    opened: OpenGateway,
) -> None:
    async with opened() as client:
        headers = {"Idempotency-Key": "once"}
        one = await client.post("/tasks", json=ASK, headers=headers)
        two = await client.post("/tasks", json=ASK, headers=headers)
        other = await client.post("/tasks", json=ASK | {"prompt": "other"}, headers=headers)

    assert one.json()["id"] == two.json()["id"]
    assert code(other) == (422, "TQ004")
    assert one.json()["id"] in other.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "rebound.example"}, "host_refused"),
        ({"Origin": "http://evil.example"}, "origin_refused"),
        ({"Origin": "null"}, "origin_refused"),
    ],
)
async def test_a_strange_page_cannot_use_the_loopback_address(
    opened: OpenGateway, headers: dict[str, str], expected: str
) -> None:
    async with opened() as client:
        assert code(await client.post("/tasks", json=ASK, headers=headers)) == (403, expected)
        assert (await client.get("/tasks")).json()["tasks"] == []


async def test_pages_of_the_listed_origins_may_ask(opened: OpenGateway) -> None:
    async with opened() as client:
        answer = await client.get("/tasks", headers={"Origin": "http://localhost:3000"})

    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_large_bodies_and_many_requests_are_refused(opened: OpenGateway) -> None:
    async with opened(body_bytes=1_000, requests_per_minute=3) as client:
        large = await client.post("/tasks", json={"prompt": "x" * 2_000})
        assert code(large) == (413, "too_large")

        async def pieces() -> Any:
            for _ in range(4):
                yield b"x" * 500

        assert code(await client.post("/tasks", content=pieces())) == (413, "too_large")
        answers = [await client.get("/tasks") for _ in range(8)]
        stopped = await client.post("/spending/stop")
    assert code(answers[-1]) == (429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert stopped.status_code == 200, "the one key may be in the loop that has to be stopped"


async def test_a_full_gateway_says_when_to_ask_again_and_that_it_lives(opened: OpenGateway) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        arrived.set()  # the request is inside, and its body is asked for
        await released.wait()
        yield json.dumps(ASK).encode()

    async with opened(connections=1) as client, asyncio.TaskGroup() as group:
        first = group.create_task(client.post("/tasks", content=slowly(), headers=JSON))
        await arrived.wait()

        full = await client.get("/ready")
        assert code(full) == (503, "busy")
        assert int(full.headers["retry-after"]) >= 1
        assert (await client.get("/health")).status_code == 200
        assert (await client.post("/spending/stop")).status_code == 200

        released.set()
        assert (await first).status_code == 201
        assert (await client.get("/ready")).status_code == 200


async def test_a_caller_with_a_full_share_gets_no_more_and_others_are_served(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    greedy, other = await a_key(store, "admin"), await a_key(store, "tasks:read")
    async with opened(share=2) as client, asyncio.TaskGroup() as group:
        task_id = (await client.post("/tasks", json=ASK)).json()["id"]
        path = f"/tasks/{task_id}/events"

        async def are_open(count: int) -> bool:
            return f"cogo_gateway_watchers {count}.0" in (await client.get("/metrics")).text

        for number in (1, 2):
            group.create_task(client.get(path, headers=greedy))
            await eventually(partial(are_open, number))
        answer = await client.get("/tasks", headers=greedy)
        assert code(answer) == (429, "too_many_at_once")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await client.post("/spending/stop", headers=greedy)).status_code == 200
        assert (await client.post("/spending/stop", headers=other)).status_code == 403
        for headers in (other, {}):
            assert (await client.get("/tasks", headers=headers)).status_code == 200
        await store.cancel_task(task_id=task_id)  # which ends the streams
        await eventually(partial(are_open, 0))
        assert (await client.get("/tasks", headers=greedy)).status_code == 200


async def test_metrics_say_what_was_asked_and_ready_says_that_supabase_answers(
    opened: OpenGateway,
) -> None:
    async with opened() as client:
        assert (await client.get("/ready")).json() == {"status": "ready"}
        text = (await client.get("/metrics")).text

    assert 'cogo_gateway_requests_total{method="GET",route="/ready",status="200"} 1.0' in text


FULL_DISK = """
create function cogo.full_disk() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'disk_full', message = 'No space left on device';
end;
$$;
create trigger full_disk before insert on cogo.write_checks
  for each row execute function cogo.full_disk();
truncate cogo.write_checks;
"""


async def test_a_gateway_whose_database_cannot_write_is_not_ready(
    opened: OpenGateway, project: State
) -> None:
    database = await asyncpg.connect(project.db_url)
    await database.execute(FULL_DISK)
    try:
        async with opened() as client:
            answer = await client.get("/ready")
            assert (await client.get("/tasks")).status_code == 200  # it reads
    finally:
        await database.execute("drop function cogo.full_disk cascade")
        await database.close()

    assert answer.status_code == 503
    assert "cannot write: No space left on device" in answer.json()["detail"]
    assert "full" in answer.json()["hint"]


async def test_an_answer_is_rated_by_those_who_see_it_and_only_when_it_is_there(
    opened: OpenGateway, project: State
) -> None:
    alice, bob = await signed_up(project), await signed_up(project)
    async with opened() as client:
        task = (await client.post("/tasks", json=ASK, headers=alice)).json()
        where, good = f"/tasks/{task['id']}/feedback", {"score": 1}

        assert code(await client.post(where, json=good, headers=bob)) == (404, "TQ002")
        early = await client.post(where, json=good, headers=alice)
        assert (early.status_code, early.json()["code"]) == (409, "TQ003")
        assert (await client.post(where, json={"score": 2}, headers=alice)).status_code == 400
