"""supabase-py without asyncio."""

from collections.abc import Iterator

import httpx
import pytest
from postgrest import APIError, CountMethod
from supabase import Client, ClientOptions, create_client

from tests.contract.rest.conftest import fill
from tests.support.servers.contract_target import Target


@pytest.fixture
def sync(rest_schema: Target) -> Iterator[Client]:
    fill(rest_schema)
    with httpx.Client(timeout=20) as pool:
        options = ClientOptions(httpx_client=pool, auto_refresh_token=False)
        yield create_client(rest_schema.url, rest_schema.secret_key, options)


def test_it_reads(sync: Client) -> None:
    widgets = sync.table("rest_widgets")

    page = widgets.select("name", count=CountMethod.exact).order("id").range(0, 1).execute()
    single = widgets.select("name,rest_makers(name)").eq("id", 2).single().execute()
    none = widgets.select("name").eq("id", 77).maybe_single().execute()
    csv = widgets.select("id,name").lt("id", 3).order("id").csv().execute()

    assert (page.data, page.count) == ([{"name": "bolt"}, {"name": "gear"}], 3)
    assert single.data == {"name": "gear", "rest_makers": {"name": "acme"}}
    assert none is None
    assert csv.data == "id,name\n1,bolt\n2,gear"


def test_it_writes(sync: Client) -> None:
    makers = sync.table("rest_makers")

    made = makers.insert({"name": "one"}).execute()
    merged = makers.upsert({"name": "one", "country": "it"}, on_conflict="name").execute()
    changed = makers.update({"country": "fr"}).eq("name", "one").execute()
    gone = makers.delete().eq("name", "one").execute()

    assert made.data == [{"id": 3, "name": "one", "country": None}]
    assert merged.data == [{"id": 3, "name": "one", "country": "it"}]
    assert changed.data == gone.data == [{"id": 3, "name": "one", "country": "fr"}]


def test_it_calls(sync: Client) -> None:
    value = sync.rpc("rest_add", {"p_a": 1, "p_b": 2}).execute()
    rows = sync.rpc("rest_find", {"p_min": 5}, get=True).select("name").order("id").execute()
    with pytest.raises(APIError) as raised:
        sync.rpc("rest_fail", {"p_code": "PT409", "p_message": "lease lost"}).execute()

    assert value.data == 3
    assert rows.data == [{"name": "gear"}, {"name": "wheel"}]
    assert (raised.value.code, raised.value.message) == ("PT409", "lease lost")
