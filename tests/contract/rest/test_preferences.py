"""The Prefer header: counts, time zone, and Preference-Applied."""

import asyncpg
import httpx
import pytest


def prefer(*values: str) -> dict[str, str]:
    return {"Prefer": ",".join(values)}


async def test_a_planned_count_is_the_estimate_of_the_planner(
    http: httpx.AsyncClient, rows: asyncpg.Connection
) -> None:
    await rows.execute(
        "insert into public.rest_labels select g, 't' from generate_series(3,3000) g"
    )
    await rows.execute("analyze public.rest_labels")

    async def count(kind: str, query: str = "") -> str:
        path = f"/rest_labels?select=id&limit=1{query}"
        answer = await http.get(path, headers=prefer(f"count={kind}"))
        assert answer.headers["preference-applied"] == f"count={kind}"
        return str(answer.headers["content-range"])

    try:
        assert await count("planned") == "0-0/3000"
        # Above the limit of one response the planner's estimate is used.
        assert await count("estimated") == "0-0/3000"
        assert await count("estimated", "&id=lt.50") == "0-0/49"
        assert await count("exact", "&id=gt.50") == "0-0/2950"
    finally:
        await rows.execute("analyze public.rest_labels")


async def test_a_planned_count_has_the_filters_of_embedded_rows(http: httpx.AsyncClient) -> None:
    path = "/rest_makers?select=name,rest_widgets!inner(data->a)&rest_widgets.name=eq.gear"

    answer = await http.get(path, headers=prefer("count=planned"))

    assert answer.json() == [{"name": "acme", "rest_widgets": [{"a": None}]}]
    assert answer.headers["content-range"].startswith("0-0/")


async def test_a_time_zone_applies_to_one_request(http: httpx.AsyncClient) -> None:
    tokyo = await http.get("/rpc/rest_hours", headers=prefer("timezone=Asia/Tokyo"))
    after = await http.get("/rpc/rest_hours")
    unknown = await http.get("/rpc/rest_hours", headers=prefer("timezone=Mars/North"))
    refused = await http.get(
        "/rpc/rest_hours", headers=prefer("handling=strict", "timezone=Mars/North")
    )

    assert (tokyo.json(), tokyo.headers["preference-applied"]) == ("21:00", "timezone=Asia/Tokyo")
    assert (after.json(), unknown.json()) == ("12:00", "12:00")
    assert "preference-applied" not in unknown.headers
    assert (refused.status_code, refused.json()["code"]) == (400, "PGRST122")


async def test_every_transaction_is_committed_regardless_of_preferences(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post(
        "/rest_labels", json={"id": 5, "title": "kept"}, headers=prefer("tx=rollback")
    )

    assert "preference-applied" not in answer.headers
    assert (await http.get("/rest_labels?id=eq.5")).json() == [{"id": 5, "title": "kept"}]


@pytest.mark.parametrize(
    ("method", "path", "applied"),
    [
        ("GET", "/rest_labels", "count=exact, handling=strict"),
        (
            "POST",
            "/rest_labels?on_conflict=id",
            "resolution=merge-duplicates, missing=default, return=minimal, count=exact,"
            " handling=strict",
        ),
        ("PUT", "/rest_labels?id=eq.1", "return=minimal, count=exact, handling=strict"),
        (
            "PATCH",
            "/rest_labels?id=eq.1",
            "missing=default, return=minimal, count=exact, handling=strict, max-affected=9",
        ),
        (
            "DELETE",
            "/rest_labels?id=eq.77",
            "return=minimal, count=exact, handling=strict, max-affected=9",
        ),
        ("POST", "/rpc/rest_numbers", "count=exact, handling=strict, max-affected=9"),
    ],
)
async def test_only_applied_preferences_are_echoed(
    http: httpx.AsyncClient, method: str, path: str, applied: str
) -> None:
    everything = prefer(
        "handling=strict",
        "max-affected=9",
        "count=exact",
        "return=minimal",
        "missing=default",
        "resolution=merge-duplicates",
        "tx=commit",
    )

    body = {} if "rpc" in path else {"id": 1, "title": "new"}
    answer = await http.request(
        method, path, json=None if method in {"GET", "DELETE"} else body, headers=everything
    )

    assert answer.is_success, answer.text
    assert answer.headers["preference-applied"] == applied


async def test_a_call_that_affects_too_many_rows_is_rolled_back(http: httpx.AsyncClient) -> None:
    strict = prefer("handling=strict", "max-affected=1")

    many = await http.post("/rpc/rest_void_of_many", json={}, headers=strict)
    left = await http.get("/rest_widgets?select=id&price=eq.1")
    single = await http.post("/rpc/rest_add", json={"p_a": 1}, headers=strict)

    assert (many.status_code, many.json()["code"]) == (400, "PGRST124")
    assert left.json() == []
    assert (single.status_code, single.json()["code"]) == (400, "PGRST128")
