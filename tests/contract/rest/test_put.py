"""PUT of the row that the URL names."""

import httpx
import pytest

SHOWN = {"Prefer": "return=representation"}


async def test_a_put_inserts_or_replaces_the_row(http: httpx.AsyncClient) -> None:
    path = "/rest_labels?id=eq.9"

    made = await http.put(path, json={"id": 9, "title": "a"}, headers=SHOWN)
    replaced = await http.put(path, json={"id": 9, "title": "b"}, headers=SHOWN)
    silent = await http.put(path, json=[{"id": 9, "title": "c"}])
    left = await http.get(path)

    assert (made.status_code, made.json()) == (201, [{"id": 9, "title": "a"}])
    assert (replaced.status_code, replaced.json()) == (200, [{"id": 9, "title": "b"}])
    assert made.headers["preference-applied"] == "return=representation"
    assert (silent.status_code, silent.content) == (204, b"")
    assert left.json() == [{"id": 9, "title": "c"}]


async def test_a_key_of_several_columns_must_be_complete(http: httpx.AsyncClient) -> None:
    row = {"widget_id": 3, "label_id": 1}

    answer = await http.put("/rest_widget_labels?widget_id=eq.3&label_id=eq.1", json=row)
    half = await http.put("/rest_widget_labels?widget_id=eq.3", json=row)

    assert answer.status_code == 204
    assert (half.status_code, half.json()["code"]) == (405, "PGRST105")


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?id=gt.9", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?id=not.eq.9", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?id=eq(any).{9}", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?title=eq.x", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?id=eq.9&title=eq.x", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?or=(id.eq.9)", {"id": 9, "title": "x"}, 405, "PGRST105"),
        ("?id=eq.9&limit=1", {"id": 9, "title": "x"}, 400, "PGRST114"),
        ("?id=eq.9&offset=1", {"id": 9, "title": "x"}, 400, "PGRST114"),
        ("?id=eq.9", {"id": 8, "title": "x"}, 400, "PGRST115"),
        ("?id=eq.9", {"title": "x"}, 400, "PGRST115"),
        ("?id=eq.9", [], 400, "PGRST115"),
        ("?id=eq.9", 7, 400, "PGRST102"),
        ("?id=eq.x", {"id": 9, "title": "x"}, 400, "22P02"),
    ],
)
async def test_a_put_without_its_key_writes_nothing(
    http: httpx.AsyncClient, query: str, body: object, status: int, code: str
) -> None:
    answer = await http.put(f"/rest_labels{query}", json=body)
    left = await http.get("/rest_labels?select=id&order=id")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert left.json() == [{"id": 1}, {"id": 2}]
