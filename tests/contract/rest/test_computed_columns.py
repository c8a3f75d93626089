"""Functions of a row can be selected, filtered and ordered like columns."""

import pytest
from postgrest import APIError
from supabase import AsyncClient

from tests.contract.rest.clients import rows_of


async def test_a_computed_column_is_returned_only_by_name(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    named = await table.select("id,loud:rest_shout,rest_facts->dear").eq("id", 2).execute()
    whole = await table.select("*").eq("id", 2).execute()
    both = await table.select("*,rest_shout").eq("id", 2).execute()

    assert rows_of(named) == [{"id": 2, "loud": "GEAR", "dear": True}]
    assert "rest_shout" not in rows_of(whole)[0]
    assert rows_of(both) == [rows_of(whole)[0] | {"rest_shout": "GEAR"}]


async def test_a_computed_column_can_be_filtered_and_ordered(client: AsyncClient) -> None:
    table = client.table("rest_widgets")

    found = await table.select("id").like("rest_shout", "%E%").order("rest_shout").execute()
    either = await table.select("id").or_("rest_shout.eq.BOLT,rest_facts->>dear.eq.true").execute()
    last = await table.select("id").order("rest_shout", desc=True).limit(1).execute()

    assert [row["id"] for row in rows_of(found)] == [2, 3]
    assert {row["id"] for row in rows_of(either)} == {1, 2, 3}
    assert rows_of(last) == [{"id": 3}]


async def test_a_computed_column_of_an_embedded_resource_is_returned(client: AsyncClient) -> None:
    answer = (
        await client.table("rest_makers")
        .select("name,rest_widgets(rest_shout)")
        .eq("rest_widgets.rest_shout", "GEAR")
        .eq("name", "acme")
        .execute()
    )

    assert rows_of(answer) == [{"name": "acme", "rest_widgets": [{"rest_shout": "GEAR"}]}]


async def test_writes_return_it_of_the_new_row_and_filter_by_the_old_one(
    client: AsyncClient,
) -> None:
    table = client.table("rest_widgets")

    made = await table.insert({"name": "new"}).select("name,rest_shout").execute()
    changed = (
        await table.update({"name": "newer"})
        .eq("rest_shout", "NEW")
        .select("*,rest_shout")
        .execute()
    )
    gone = await table.delete().eq("rest_shout", "NEWER").select("rest_shout").execute()

    assert rows_of(made) == [{"name": "new", "rest_shout": "NEW"}]
    assert [(row["name"], row["rest_shout"]) for row in rows_of(changed)] == [("newer", "NEWER")]
    assert rows_of(gone) == [{"rest_shout": "NEWER"}]


async def test_it_cannot_be_written_and_belongs_to_its_table_only(client: AsyncClient) -> None:
    with pytest.raises(APIError) as written:
        await client.table("rest_widgets").insert({"rest_shout": "x"}).execute()
    with pytest.raises(APIError) as elsewhere:
        await client.table("rest_makers").select("rest_shout").execute()

    assert written.value.code == "PGRST204"
    assert elsewhere.value.code == "42703"
