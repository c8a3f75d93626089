"""Lists are read to the end, however few rows a page has."""

from uuid import uuid4

import httpx
import pytest
from supabase import AsyncClientOptions, acreate_client

from protocol.records.base import may_have_more
from protocol.transport.supabase_store import SupabaseStore

KEY = "sb_secret_test"


@pytest.mark.parametrize("max_rows", [1, 3, 1000])
async def test_events_are_read_to_the_end_whatever_a_server_gives_at_once(max_rows: int) -> None:
    task_id = uuid4()

    def answer(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["seq"].removeprefix("gt."))
        page = range(after + 1, min(7, after + max_rows) + 1)
        return httpx.Response(200, json=[event(seq) for seq in page], request=request)

    def event(seq: int) -> dict[str, object]:
        at = "2026-03-01T12:00:00+00:00"
        return {"task_id": str(task_id), "seq": seq, "at": at, "kind": "task.running", "detail": {}}

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as pool:
        options = AsyncClientOptions(httpx_client=pool, auto_refresh_token=False)
        store = SupabaseStore(await acreate_client("http://test.invalid", KEY, options))

        found = await store.fetch_events(task_id=task_id)
        rest = await store.fetch_events(task_id=task_id, after=5)

    assert [each.seq for each in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [each.seq for each in rest] == [6, 7]


@pytest.mark.parametrize("max_rows", [100, 1000])
async def test_agents_are_read_to_the_end_the_last_heard_of_first(max_rows: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["order"].startswith("id")  # which does not change meanwhile
        start = int(request.url.params.get("offset", 0))
        page = range(start, min(250, start + max_rows))
        return httpx.Response(200, json=[agent(number) for number in page], request=request)

    def agent(number: int) -> dict[str, object]:
        beat = f"2026-03-01T12:{number // 60:02}:{number % 60:02}+00:00"
        row = {"kind": "executor", "capacity": 1, "lanes": [], "heartbeat_at": beat}
        return row | {"id": f"agent-{number:03}", "details": {}}

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as pool:
        options = AsyncClientOptions(httpx_client=pool, auto_refresh_token=False)
        store = SupabaseStore(await acreate_client("http://test.invalid", KEY, options))

        found = await store.fetch_agents()

    assert [each.id for each in found] == [f"agent-{number:03}" for number in range(249, -1, -1)]


@pytest.mark.parametrize(
    ("rows", "limit", "expected"),
    [(0, 50, False), (49, 50, False), (50, 50, True), (99, 200, False), (100, 1000, True)],
)
def test_a_page_that_a_server_cut_is_not_the_last_one(
    rows: int, limit: int, *, expected: bool
) -> None:
    assert may_have_more(range(rows), limit) is expected
