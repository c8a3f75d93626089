import httpx
import pytest
from postgrest import APIError, CountMethod, ReturnMethod
from supabase import AsyncClient

from tests.contract.rest.clients import rows_of


async def test_inserted_rows_are_returned_with_defaults(client: AsyncClient) -> None:
    one = await client.table("rest_makers").insert({"name": "one"}).execute()
    two = (
        await client.table("rest_makers")
        .insert([{"name": "two"}, {"name": "three", "country": "fr"}])
        .execute()
    )

    assert one.data == [{"id": 3, "name": "one", "country": None}]
    assert [(row["id"], row["country"]) for row in rows_of(two)] == [(4, None), (5, "fr")]


async def test_an_insert_may_select_the_returned_columns(client: AsyncClient) -> None:
    answer = (
        await client.table("rest_widgets")
        .insert({"name": "nut", "maker_id": 2})
        .select("name,rest_makers(name)")
        .execute()
    )

    assert answer.data == [{"name": "nut", "rest_makers": {"name": "zeta"}}]


async def test_a_minimal_insert_returns_nothing(client: AsyncClient) -> None:
    answer = (
        await client.table("rest_makers")
        .insert({"name": "quiet"}, returning=ReturnMethod.minimal, count=CountMethod.exact)
        .execute()
    )

    assert (answer.data, answer.count) == ([], 1)


async def test_missing_keys_are_null_or_the_default(client: AsyncClient) -> None:
    rows: list[dict[str, object]] = [{"name": "a", "price": 9}, {"name": "b"}]
    table = client.table("rest_widgets")

    nulls = await table.insert(rows).execute()
    defaults = await table.insert(rows, default_to_null=False).execute()

    assert [row["price"] for row in rows_of(nulls)] == [9, None]
    assert [row["price"] for row in rows_of(defaults)] == [9, 1.5]


async def test_json_values_keep_their_types(client: AsyncClient) -> None:
    data = {"deep": [1, None, {"x": 1.5}], "text": "\u00e9\u4e16\U0001f600 \"'\\ $1"}
    row = {"name": data["text"], "data": data, "tags": ["a,b", '"', "{}"], "size": "[1,2)"}

    answer = await client.table("rest_widgets").insert(row).execute()

    assert {key: rows_of(answer)[0][key] for key in row} == row


async def test_an_upsert_merges_or_ignores(client: AsyncClient) -> None:
    table = client.table("rest_makers")

    merged = await table.upsert({"name": "acme", "country": "it"}, on_conflict="name").execute()
    by_key = await table.upsert([{"id": 1, "name": "acme", "country": "es"}]).execute()
    ignored = await table.upsert(
        [{"name": "acme", "country": "xx"}, {"name": "new", "country": "yy"}],
        on_conflict="name",
        ignore_duplicates=True,
    ).execute()

    assert merged.data == [{"id": 1, "name": "acme", "country": "it"}]
    assert by_key.data == [{"id": 1, "name": "acme", "country": "es"}]
    assert [row["name"] for row in rows_of(ignored)] == ["new"]


async def test_partitions_and_domains_are_written_and_read(client: AsyncClient) -> None:
    table = client.table("rest_readings")
    reading = {"day": "2026-11-21", "sensor": 7, "value": 0.5}

    for value in (0.5, 1.5):
        answer = await table.upsert({**reading, "value": value}).execute()
        assert answer.data == [{**reading, "value": value}]
    with pytest.raises(APIError) as negative:
        await table.insert({**reading, "sensor": -1}).execute()
    below = await table.select("sensor").gt("sensor", -5).execute()
    await table.delete().eq("sensor", 7).execute()

    assert negative.value.code == "23514"
    # A domain's check is for rows; a filter may compare with any integer.
    assert below.data == [{"sensor": 7}]


async def test_an_update_changes_the_rows_of_its_filter(client: AsyncClient) -> None:
    answer = (
        await client.table("rest_widgets")
        .update({"price": 4, "maker_id": None})
        .eq("id", 1)
        .select("price,maker_id")
        .execute()
    )
    others = await client.table("rest_widgets").select("price").neq("id", 1).order("id").execute()

    assert answer.data == [{"price": 4.0, "maker_id": None}]
    assert others.data == [{"price": 20.0}, {"price": 7.5}]


async def test_a_delete_returns_the_deleted_rows(client: AsyncClient) -> None:
    await client.table("rest_widget_labels").delete().gt("label_id", 0).execute()
    answer = await client.table("rest_labels").delete().eq("id", 2).execute()
    left = await client.table("rest_labels").select("id").execute()

    assert answer.data == [{"id": 2, "title": "old"}]
    assert left.data == [{"id": 1}]


async def test_a_write_that_affects_too_many_rows_is_rolled_back(client: AsyncClient) -> None:
    with pytest.raises(APIError) as raised:
        await (
            client.table("rest_widgets").update({"price": 0}).gt("id", 0).max_affected(2).execute()
        )
    left = await client.table("rest_widgets").select("id").eq("price", 0).execute()

    assert raised.value.code == "PGRST124"
    assert left.data == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_write_without_a_filter_is_refused(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/rest_labels", json={"title": "x"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "21000"
    assert answer.json()["message"].endswith("requires a WHERE clause")


async def test_statuses_and_locations_of_writes(http: httpx.AsyncClient) -> None:
    def prefer(*values: str) -> dict[str, str]:
        return {"Prefer": ",".join(values)}

    merging = prefer("resolution=merge-duplicates", "return=representation")
    made = await http.post("/rest_makers", json={"name": "m"})
    placed = await http.post(
        "/rest_widget_labels",
        json={"widget_id": 3, "label_id": 1},
        headers=prefer("return=headers-only"),
    )
    merged = await http.post("/rest_labels", json={"id": 1, "title": "x"}, headers=merging)
    added = await http.post("/rest_labels", json={"id": 7, "title": "x"}, headers=merging)
    changed = await http.patch("/rest_labels?id=eq.7", json={"title": "y"})
    unchanged = await http.patch("/rest_labels?id=eq.7", json={})
    shown = await http.patch(
        "/rest_labels?id=eq.7", json={"title": "z"}, headers=prefer("return=representation")
    )
    gone = await http.delete("/rest_labels?id=eq.7")

    assert (made.status_code, made.content) == (201, b"")
    assert placed.headers["location"] == "/rest_widget_labels?widget_id=eq.3&label_id=eq.1"
    assert (merged.status_code, added.status_code) == (200, 201)
    assert (changed.status_code, changed.headers["content-range"]) == (204, "0-0/*")
    assert unchanged.status_code == 204
    assert (shown.status_code, shown.json()) == (200, [{"id": 7, "title": "z"}])
    assert shown.headers["preference-applied"] == "return=representation"
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "PGRST102"),
        (b"{", "PGRST102"),
        (b"7", "PGRST102"),
        (b"[1]", "PGRST102"),
        (b'[{"name":"a"},{"country":"b"}]', "PGRST102"),
        (b'{"name":"\xff"}', "PGRST102"),
        (b'{"name":"\\u0000"}', "22P05"),
        (b'{"name":"\\ud800"}', "22P02"),
        (b'{"nope":1}', "PGRST204"),
        (b'{"id":99999999999999999999,"name":"x"}', "22003"),
        (b'{"id":"x","name":"x"}', "22P02"),
        (b'{"country":"x"}', "23502"),
    ],
)
async def test_an_invalid_body_is_a_400(http: httpx.AsyncClient, body: bytes, code: str) -> None:
    answer = await http.post(
        "/rest_makers", content=body, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_violated_constraint_is_a_409_and_writes_nothing(client: AsyncClient) -> None:
    with pytest.raises(APIError) as twice:
        await client.table("rest_makers").insert([{"name": "b"}, {"name": "acme"}]).execute()
    with pytest.raises(APIError) as dangling:
        await client.table("rest_widgets").insert({"name": "x", "maker_id": 99}).execute()
    left = await client.table("rest_makers").select("id").eq("name", "b").execute()

    assert (twice.value.code, dangling.value.code) == ("23505", "23503")
    assert left.data == []
