"""Usage and the history of the queue over HTTP."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from protocol.ids import utc_now
from protocol.records import CallEnd, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.integration.gateway.keys import a_key

ALICE, BOB = uuid4(), uuid4()


async def call(
    store: SupabaseStore, cost: str | None, *, owner: UUID | None = None, model: str = "m",
    project: str | None = None,
) -> None:  # fmt: skip
    task = await store.submit_task(NewTask(prompt="x", type="CHAT", owner=owner, project=project))
    ended = CallEnd(
        id=uuid4(), task_id=task.id, owner=owner, model_id=model, provider="p",
        provider_model="m-1", prompt_sha256="0", outcome="completed", duration_ms=1200,
        input_tokens=7, output_tokens=3, cost_usd=None if cost is None else Decimal(cost),
    )  # fmt: skip
    await store.end_call(agent_id="a", call=ended)


async def test_usage_is_summed_by_what_is_asked_for(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    await call(store, "1.5", project="web")
    await call(store, None, owner=ALICE, project="web")
    await call(store, "0.25", owner=ALICE, model="n")

    async with opened() as client:
        by_model = (await client.get("/usage", params={"by": "model", "bucket": "all"})).json()
        both = (await client.get("/usage", params={"by": ["owner", "project"]})).json()
        alices = (await client.get("/usage", params={"owner": str(ALICE)})).json()
        nobodys = (await client.get("/usage", params={"owner": "none"})).json()
        without = (await client.get("/usage", params={"project": "none"})).json()

    assert by_model["by"] == ["model"]
    assert by_model["rows"][0] == {
        "bucket": None, "model": "m", "tasks": 2, "calls": 2, "failed": 0, "input_tokens": 14,
        "cached_tokens": 0, "cache_write_tokens": 0, "output_tokens": 6, "reasoning_tokens": 0,
        "cost_usd": "1.5", "unknown_costs": 1, "first_token_ms_p50": None,
        "first_token_ms_p95": None, "duration_ms_p50": 1200, "duration_ms_p95": 1200,
        "simulated": False,
    }  # fmt: skip
    today = utc_now().date().isoformat()
    assert {(row["owner"], row["project"], row["bucket"]) for row in both["rows"]} == {
        (None, "web", today), (str(ALICE), "web", today), (str(ALICE), None, today),
    }  # fmt: skip
    assert [row["calls"] for row in alices["rows"]] == [2]
    assert [row["cost_usd"] for row in nobodys["rows"]] == ["1.5"]
    assert [row["cost_usd"] for row in without["rows"]] == ["0.25"]


async def test_users_see_their_own_and_only_operators_the_queue(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    await call(store, "1", owner=ALICE)
    await call(store, "2", owner=BOB)
    await call(store, "4")
    alice = await a_key(store, "tasks:read", owner=ALICE)
    nobody = await a_key(store, "tasks:read")
    admin = await a_key(store, "admin")

    async with opened(is_keyless=False) as client:

        async def costs(headers: dict[str, str], **params: Any) -> list[str]:
            found = await client.get("/usage", params=params, headers=headers)
            return [row["cost_usd"] for row in found.json()["rows"]]

        assert await costs(alice) == ["1"]
        assert await costs(alice, owner=str(BOB)) == []
        assert await costs(nobody) == ["4"]
        assert await costs(admin) == ["7"]
        assert (await client.get("/queue/history", headers=alice)).status_code == 403
        assert (await client.get("/queue/history", headers=admin)).status_code == 200
        assert (await client.get("/usage")).status_code == 401


async def test_members_see_what_their_projects_use(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    await store.set_member(project="web", user_id=ALICE, role="viewer")
    await store.set_member(project="web", user_id=BOB, role="editor")
    await call(store, "2", owner=BOB, project="web")
    await call(store, "4", owner=BOB)
    alice = await a_key(store, "tasks:read", owner=ALICE)

    async with opened(is_keyless=False) as client:
        params = {"by": ["owner", "project"]}
        found = (await client.get("/usage", params=params, headers=alice)).json()

    assert [(row["owner"], row["project"], row["cost_usd"]) for row in found["rows"]] == [
        (str(BOB), "web", "2")
    ]


async def test_csv_is_a_file_without_formulas(opened: OpenGateway, store: SupabaseStore) -> None:
    await call(store, "1", model='=HYPERLINK("http://x")', project="@a")

    async with opened() as client:
        params = {"by": ["model", "project"], "format": "csv"}
        named = await client.get("/usage", params=params)
        wanted = await client.get("/usage", headers={"Accept": "text/csv"})

    assert named.headers["content-type"] == "text/csv; charset=utf-8"
    assert named.headers["content-disposition"].startswith('attachment; filename="usage-20')
    assert named.text.splitlines()[1].split(",")[1:3] == ['"\'=HYPERLINK(""http://x"")"', "'@a"]
    assert wanted.text.startswith("bucket,tasks,calls,")


async def test_a_day_without_a_time_zone_is_one_of_the_zone(opened: OpenGateway) -> None:
    async with opened() as client:
        params = {"since": "2026-11-01", "until": "2026-11-03", "zone": "America/New_York"}
        found = (await client.get("/usage", params=params)).json()
        queue = (await client.get("/queue/history", params={"since": "2026-11-01"})).json()

    assert datetime.fromisoformat(found["since"]) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert datetime.fromisoformat(found["until"]) == datetime(2026, 11, 3, 5, tzinfo=UTC)
    assert datetime.fromisoformat(queue["since"]) == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "by=prompt",
        "by=model&by=type&by=tag",
        "bucket=week",
        "zone=Nowhere",
        "zone=Nowhere&since=2026-11-01",
        "zone=%00",
        "since=yesterday",
        "since=2026-11-02&until=2026-11-01",
        "bucket=hour&since=2026-01-01",
        "owner=someone",
        "format=xml",
        "since=0001-01-01",
        "since=0001-01-01&zone=Pacific/Kiritimati",
        "until=9999-12-31&zone=America/New_York",
    ],
)
async def test_what_cannot_be_meant_is_explained(opened: OpenGateway, query: str) -> None:
    async with opened() as client:
        answer = await client.get(f"/usage?{query}")

    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
