"""Values that no row may hold, refused over HTTP in plain words."""

from typing import Any

import httpx

from protocol.records import EVERYTHING
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway

JSON = {"Content-Type": "application/json"}
DEEP = '{"a":' * 300 + "1" + "}" * 300
REFUSED = {
    "a deadline beyond the year 9999": (
        '{"prompt": "late", "deadline": "9999-12-31T23:59:59-12:00"}',
        422,
        "deadline",
    ),
    "a start before the year 1": (
        '{"prompt": "early", "run_at": "0001-01-01T00:00:00+14:00"}',
        422,
        "run_at",
    ),
    "a prompt of three mebibytes": (
        '{"prompt": "' + "x" * 3 * 1024 * 1024 + '"}',
        413,
        "prompt has 3145728 bytes; the limit is 2097152",
    ),
    "deep params": ('{"prompt": "deep", "params": ' + DEEP + "}", 400, "params"),
    "a budget that is no number": ('{"prompt": "n", "budget_usd": "NaN"}', 400, "budget_usd"),
}


async def test_a_value_that_no_row_may_hold_is_refused_by_name_and_leaves_no_row(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    async with opened() as client:
        for what, (body, status, said) in REFUSED.items():
            answer = await client.post("/tasks", content=body, headers=JSON)
            assert answer.status_code == status, what
            assert said in answer.json()["detail"], what
            assert "Error" not in answer.json()["detail"], what

    assert (await store.find_tasks(visible=EVERYTHING, limit=1)).tasks == []


async def test_a_list_gives_the_beginning_of_a_prompt(
    opened: OpenGateway, store: SupabaseStore
) -> None:
    long = {"prompt": "x" * 100_000, "params": {"code_context": "y" * 100_000, "language": "go"}}
    async with opened() as client:
        task = (await client.post("/tasks", json=long)).json()
        [listed] = [each for each in await listing(client) if each["id"] == task["id"]]
        whole = (await client.get(f"/tasks/{task['id']}")).json()["task"]

    assert (len(listed["prompt"]), listed["params"]) == (300, {"language": "go"})
    assert (whole["prompt"], whole["params"]) == (long["prompt"], long["params"])


async def listing(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return the tasks of the first page."""
    found: list[dict[str, Any]] = (await client.get("/tasks")).json()["tasks"]
    return found
