from typing import Any

import httpx
import pytest
from postgrest import APIError, CountMethod
from supabase import AsyncClient

from tests.contract.rest.clients import rows_of


async def names(builder: Any) -> list[str]:
    """Return the names in the response, in its order."""
    answer = await builder.execute()
    return [row["name"] for row in rows_of(answer)]


async def test_a_row_is_returned_with_the_types_of_its_columns(client: AsyncClient) -> None:
    answer = await client.table("rest_widgets").select("*").eq("id", 1).execute()

    assert answer.data == [
        {
            "id": 1,
            "maker_id": 1,
            "name": "bolt",
            "price": 3.0,
            "tags": ["small", "with, comma"],
            "data": {"a": {"b": [1, "two"]}},
            "size": "[1,5)",
            "code": "x  ",
            "parent_id": None,
            "is_sold": True,
        }
    ]


async def test_columns_are_renamed_cast_and_extracted_from_json(client: AsyncClient) -> None:
    select = "nr:id,price::text,list:data->a->b,data->a->b->>1"

    answer = await client.table("rest_widgets").select(select).eq("id", 1).execute()

    assert answer.data == [{"nr": 1, "price": "3.00", "list": [1, "two"], "b": "two"}]


@pytest.mark.parametrize(
    ("column", "operator", "operand", "expected"),
    [
        ("name", "eq", "bolt", ["bolt"]),
        ("name", "neq", "bolt", ["gear", "wheel"]),
        ("price", "gt", "7.5", ["gear"]),
        ("price", "gte", "7.5", ["gear", "wheel"]),
        ("price", "lt", "7.5", ["bolt"]),
        ("price", "lte", "7.5", ["bolt", "wheel"]),
        ("name", "like", "b*t", ["bolt"]),
        ("name", "ilike", "B%", ["bolt"]),
        ("name", "like(any)", "{b*,g*}", ["bolt", "gear"]),
        ("name", "ilike(all)", "{*E*,*L}", ["wheel"]),
        ("name", "match", "^[bg]", ["bolt", "gear"]),
        ("name", "imatch", "^B", ["bolt"]),
        ("id", "eq(any)", "{1,3}", ["bolt", "wheel"]),
        ("name", "in", '(bolt,"wheel")', ["bolt", "wheel"]),
        ("name", "in", "()", []),
        ("maker_id", "is", "null", ["wheel"]),
        ("maker_id", "is", "not_null", ["bolt", "gear"]),
        ("is_sold", "is", "true", ["bolt"]),
        ("is_sold", "is", "unknown", ["wheel"]),
        ("maker_id", "isdistinct", "1", ["wheel"]),
        ("tags", "cs", '{"with, comma"}', ["bolt"]),
        ("tags", "cd", "{large,small}", ["gear", "wheel"]),
        ("tags", "ov", "{large,other}", ["gear"]),
        ("data", "cs", '{"a":{"b":["two"]}}', ["bolt"]),
        ("data->a->b->0", "eq", "1", ["bolt"]),
        ("data->a->b->>1", "eq", "two", ["bolt"]),
        ("size", "sl", "[5,6)", ["bolt"]),
        ("size", "sr", "[1,2)", ["gear"]),
        ("size", "nxr", "[1,5)", ["bolt"]),
        ("size", "nxl", "[5,6)", ["gear"]),
        ("size", "adj", "[9,10)", ["gear"]),
        ("name", "fts", "wheel | bolt", ["bolt", "wheel"]),
        ("name", "plfts(english)", "wheels", ["wheel"]),
        ("name", "phfts", "gear", ["gear"]),
        ("name", "wfts", "gear or bolt", ["bolt", "gear"]),
        ("code", "eq", "x", ["bolt"]),
        ("name", "not.in", "(bolt,gear)", ["wheel"]),
        ("maker_id", "not.is", "null", ["bolt", "gear"]),
    ],
)
async def test_every_operator_filters(
    client: AsyncClient, column: str, operator: str, operand: str, expected: list[str]
) -> None:
    builder = client.table("rest_widgets").select("name").filter(column, operator, operand)

    assert await names(builder.order("id")) == expected


async def test_values_quoted_by_the_client_are_unquoted(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    assert await names(table.select("name").contains("tags", ["with, comma"])) == ["bolt"]
    assert await names(table.select("name").in_("name", ["bolt", 'a"b', "c,d)"])) == ["bolt"]
    unsold = table.select("name").not_.is_("is_sold", True).not_.eq("name", "wheel")
    assert await names(unsold) == ["gear"]
    assert await names(table.select("name").or_("id.eq.3,and(price.lt.5,name.like.b*)")) == [
        "bolt",
        "wheel",
    ]
    assert await names(
        table.select("name").text_search("name", "gears", {"config": "english"})
    ) == ["gear"]


async def test_rows_are_ordered_limited_and_counted(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    by_maker = table.select("name").order("maker_id", nullsfirst=True).order("name", desc=True)
    assert await names(by_maker) == ["wheel", "gear", "bolt"]

    page = await table.select("name", count=CountMethod.exact).order("id").range(1, 1).execute()
    assert (page.data, page.count) == ([{"name": "gear"}], 3)

    head = await table.select("*", count=CountMethod.exact, head=True).gt("id", 1).execute()
    assert (head.data, head.count) == ([], 2)


async def test_related_rows_are_embedded_in_every_direction(client: AsyncClient) -> None:
    select = "name,maker:rest_makers(name),labels:rest_labels(title),parent:parent_id(name)"

    widgets = await client.table("rest_widgets").select(select).order("id").execute()
    makers = (
        await client.table("rest_makers")
        .select("name,rest_widgets(name,rest_labels(id))")
        .order("name", desc=True, foreign_table="rest_widgets")
        .order("id")
        .execute()
    )

    assert widgets.data == [
        {
            "name": "bolt",
            "maker": {"name": "acme"},
            "labels": [{"title": "new"}, {"title": "old"}],
            "parent": None,
        },
        {
            "name": "gear",
            "maker": {"name": "acme"},
            "labels": [{"title": "old"}],
            "parent": {"name": "bolt"},
        },
        {"name": "wheel", "maker": None, "labels": [], "parent": {"name": "bolt"}},
    ]
    assert makers.data == [
        {
            "name": "acme",
            "rest_widgets": [
                {"name": "gear", "rest_labels": [{"id": 2}]},
                {"name": "bolt", "rest_labels": [{"id": 1}, {"id": 2}]},
            ],
        },
        {"name": "zeta", "rest_widgets": []},
    ]


async def test_rows_are_counted_by_functional_notation(
    client: AsyncClient, http: httpx.AsyncClient
) -> None:
    makers = client.table("rest_makers")

    children = await makers.select("name,rest_widgets(count)").order("id").execute()
    renamed = await client.table("rest_widgets").select("n:count").gt("id", 1).execute()
    mixed = await http.get("/rest_widgets?select=id,count")
    filtered = await http.get("/rest_widgets?select=id&count=gt.1")
    written = await http.post(
        "/rest_labels?select=count",
        json={"id": 9, "title": "x"},
        headers={"Prefer": "return=representation"},
    )

    assert rows_of(children) == [
        {"name": "acme", "rest_widgets": [{"count": 2}]},
        {"name": "zeta", "rest_widgets": [{"count": 0}]},
    ]
    assert rows_of(renamed) == [{"n": 2}]
    for refused in (mixed, filtered, written):
        assert (refused.status_code, refused.json()["code"]) == (400, "42803")


async def test_a_table_is_embedded_twice_only_under_two_names(http: httpx.AsyncClient) -> None:
    twice = await http.get("/rest_makers?select=rest_widgets(id),rest_widgets(name)")
    alias = await http.get("/rest_makers?select=w:rest_widgets(id),w:rest_widgets(name)")
    named = await http.get("/rest_makers?select=rest_widgets(id),other:rest_widgets(name)&id=eq.2")

    assert (twice.status_code, alias.status_code) == (400, 400)
    assert twice.json() == {
        "code": "42712",
        "message": 'table name "rest_makers_rest_widgets_1" specified more than once',
        "details": None,
        "hint": None,
    }
    assert named.json() == [{"rest_widgets": [], "other": []}]


async def test_a_table_is_embedded_in_itself_by_its_name_or_the_column(
    http: httpx.AsyncClient,
) -> None:
    async def embed(what: str) -> tuple[int, Any]:
        answer = await http.get(f"/rest_widgets?select={what}(id)&id=eq.1")
        return answer.status_code, answer.json()

    children = (200, [{"rest_widgets": [{"id": 2}, {"id": 3}]}])
    assert await embed("rest_widgets") == children
    assert await embed("rest_widgets!parent_id") == children
    assert await embed("parent_id") == (200, [{"parent_id": None}])
    for what in ("rest_widgets!rest_widgets_parent_id_fkey", "rest_widgets_parent_id_fkey"):
        status, refusal = await embed(what)
        assert (status, refusal["code"]) == (400, "PGRST200")


async def test_a_view_has_the_relationships_of_its_columns(client: AsyncClient) -> None:
    cheap = client.table("rest_cheap").select("name,rest_makers(name),rest_labels(id)")
    makers = client.table("rest_makers").select("name,rest_cheap(name)").eq("id", 1)

    assert (await cheap.order("id").execute()).data == [
        {"name": "bolt", "rest_makers": {"name": "acme"}, "rest_labels": [{"id": 1}, {"id": 2}]},
        {"name": "wheel", "rest_makers": None, "rest_labels": []},
    ]
    assert (await makers.execute()).data == [{"name": "acme", "rest_cheap": [{"name": "bolt"}]}]


async def test_an_inner_embed_filters_its_parents(client: AsyncClient) -> None:
    makers = client.table("rest_makers")

    outer = await makers.select("name,w:rest_widgets(name)").eq("w.name", "gear").execute()
    inner = (
        await makers.select("name,w:rest_widgets!inner(name)", count=CountMethod.exact)
        .gt("w.price", 10)
        .execute()
    )
    without = await makers.select("name,rest_widgets()").is_("rest_widgets", "null").execute()

    assert [len(row["w"]) for row in rows_of(outer)] == [1, 0]
    assert (inner.data, inner.count) == ([{"name": "acme", "w": [{"name": "gear"}]}], 1)
    assert without.data == [{"name": "zeta"}]


async def test_a_spread_parent_adds_its_columns_and_order(client: AsyncClient) -> None:
    builder = (
        client.table("rest_widgets")
        .select("name,...rest_makers(maker:name)")
        .order("rest_makers(name)", nullsfirst=True)
        .order("id")
    )

    assert (await builder.execute()).data == [
        {"name": "wheel", "maker": None},
        {"name": "bolt", "maker": "acme"},
        {"name": "gear", "maker": "acme"},
    ]


async def test_spread_children_add_their_columns_as_arrays(client: AsyncClient) -> None:
    makers = client.table("rest_makers").select("name,...rest_widgets(widget:name,id)").order("id")
    labels = (
        client.table("rest_widgets")
        .select("name,...rest_labels(title)")
        .order("title", desc=True, foreign_table="rest_labels")
        .order("id")
    )

    assert (await makers.execute()).data == [
        {"name": "acme", "widget": ["bolt", "gear"], "id": [1, 2]},
        {"name": "zeta", "widget": [], "id": []},
    ]
    assert (await labels.execute()).data == [
        {"name": "bolt", "title": ["old", "new"]},
        {"name": "gear", "title": ["old"]},
        {"name": "wheel", "title": []},
    ]


async def test_a_single_row_may_be_requested(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    assert (await table.select("name").eq("id", 1).single().execute()).data == {"name": "bolt"}
    assert await table.select("name").eq("id", 77).maybe_single().execute() is None
    for wanted, rows in ((77, 0), (2, 2)):
        with pytest.raises(APIError) as raised:
            await table.select("name").gte("id", wanted).single().execute()
        assert raised.value.code == "PGRST116"
        assert raised.value.details == f"The result contains {rows} rows"


async def test_csv_and_stripped_nulls_are_other_formats_of_the_rows(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    csv = await table.select("id,tags").lt("id", 3).order("id").csv().execute()
    stripped = await table.select("id,maker_id").eq("id", 3).strip_nulls().execute()

    assert csv.data == 'id,tags\n1,"{small,""with, comma""}"\n2,{large}'
    assert stripped.data == [{"id": 3}]


async def test_views_are_read_like_tables(client: AsyncClient) -> None:
    assert await names(client.table("rest_cheap").select("name").order("id")) == ["bolt", "wheel"]


async def test_a_part_is_a_206_and_an_offset_beyond_the_end_a_416(http: httpx.AsyncClient) -> None:
    counted = {"Prefer": "count=exact"}

    part = await http.get("/rest_widgets?select=id", headers={**counted, "Range": "1-1"})
    whole = await http.get("/rest_widgets?select=id&limit=9", headers=counted)
    behind = await http.get("/rest_widgets?offset=9", headers=counted)
    uncounted = await http.get("/rest_widgets?offset=9")

    assert (part.status_code, part.headers["content-range"]) == (206, "1-1/3")
    assert (whole.status_code, whole.headers["content-range"]) == (200, "0-2/3")
    assert (behind.status_code, behind.json()["code"]) == (416, "PGRST103")
    assert (uncounted.status_code, uncounted.headers["content-range"]) == (200, "*/*")


async def test_at_most_a_thousand_rows_are_returned(client: AsyncClient) -> None:
    answer = await client.rpc("rest_count", {"p_n": 1200}, count=CountMethod.exact).execute()

    assert isinstance(answer.data, list)
    assert (len(answer.data), answer.count) == (1000, 1200)
