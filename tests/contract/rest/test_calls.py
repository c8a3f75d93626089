from uuid import UUID

import httpx
import pytest
from postgrest import APIError, CountMethod
from supabase import AsyncClient

from tests.contract.rest.clients import rows_of

ID = UUID(int=7)


async def test_a_function_returns_its_value_row_or_rows(client: AsyncClient) -> None:
    async def call(name: str, **arguments: object) -> object:
        return (await client.rpc(name, arguments).execute()).data

    assert await call("rest_add", p_a=1) == 11
    assert await call("rest_add", p_a=1, p_b=1) == 2
    assert await call("rest_numbers") == [1, 2, 3]
    assert await call("rest_count", p_n=1) == [{"n": 1, "label": "n1"}]
    assert await call("rest_nothing") == []
    row = await call("rest_get", p_id=2)
    assert isinstance(row, dict)
    assert row["name"] == "gear"


async def test_a_call_with_other_values_is_another_call(client: AsyncClient) -> None:
    """The server may keep the statement of the first one."""

    async def call(name: str, **arguments: object) -> object:
        return (await client.rpc(name, arguments).execute()).data

    for n in range(3):
        assert await call("rest_add", p_a=n, p_b=n) == 2 * n
        assert await call("rest_add", p_b=n, p_a=1) == 1 + n
        assert await call("rest_numbers") == [1, 2, 3]
        assert await call("rest_count", p_n=2) == [
            {"n": 1, "label": "n1"},
            {"n": 2, "label": "n2"},
        ]
        assert await call("rest_take_document") == {}
        assert await call("rest_take_document", n=n) == {"n": n}


async def test_arguments_keep_their_json_types(client: AsyncClient) -> None:
    doc = {"a": [1, None, "\u4e16"], "b": {}}

    answer = await client.rpc(
        "rest_echo", {"p_doc": doc, "p_ids": [str(ID)], "p_text": "it's $1"}
    ).execute()
    plain = await client.rpc("rest_echo", {"p_doc": "text"}).execute()
    unnamed = await client.rpc("rest_take_document", {"a": 1}).execute()

    assert answer.data == {"doc": doc, "ids": [str(ID)], "text": "it's $1"}
    assert plain.data == {"doc": "text", "ids": None, "text": None}
    assert unnamed.data == {"a": 1}


async def test_rows_of_a_function_are_selected_filtered_ordered_and_counted(
    client: AsyncClient,
) -> None:
    answer = (
        await client.rpc("rest_find", {"p_min": 1}, count=CountMethod.exact)
        .select("name,rest_makers(name)")
        .neq("name", "bolt")
        .order("id", desc=True)
        .limit(1)
        .execute()
    )
    single = await client.rpc("rest_find", {"p_min": 10}).single().execute()

    assert answer.data == [{"name": "wheel", "rest_makers": None}]
    assert answer.count == 2
    assert isinstance(single.data, dict)
    assert single.data["name"] == "gear"


async def test_a_call_by_get_takes_arguments_and_filters_from_the_url(
    client: AsyncClient, http: httpx.AsyncClient
) -> None:
    answer = await client.rpc("rest_find", {"p_min": "5"}, get=True).eq("name", "gear").execute()
    document = await client.rpc("rest_echo", {"p_doc": {"a": 1}, "p_ids": [ID]}, get=True).execute()
    many = await http.get("/rpc/rest_sum?p_numbers=1&p_numbers=2")

    assert [row["id"] for row in rows_of(answer)] == [2]
    assert document.data == {"doc": {"a": 1}, "ids": [str(ID)], "text": None}
    assert many.json() == 3


async def test_a_call_by_get_cannot_write(http: httpx.AsyncClient) -> None:
    answer = await http.get("/rpc/rest_mark?p_title=x")

    assert (answer.status_code, answer.json()["code"]) == (405, "25006")
    assert (await http.post("/rpc/rest_mark", json={"p_title": "x"})).json() == 99


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("P0001", 400),
        ("TQ001", 400),
        ("PT409", 409),
        ("40001", 500),
        ("42501", 403),
        ("23505", 409),
        ("57014", 500),
    ],
)
async def test_errors_of_a_function_reach_the_caller(
    client: AsyncClient, http: httpx.AsyncClient, code: str, status: int
) -> None:
    arguments = {"p_code": code, "p_message": "lease lost", "p_detail": '{"task":1}'}

    with pytest.raises(APIError) as raised:
        await client.rpc("rest_fail", arguments).execute()
    answer = await http.post("/rpc/rest_fail", json=arguments)

    error = raised.value
    assert (error.code, error.message) == (code, "lease lost")
    assert (error.details, error.hint) == ('{"task":1}', "a hint")
    assert answer.status_code == status
    assert answer.headers["proxy-status"] == f"PostgREST; error={code}"


async def test_a_function_may_set_the_whole_response(http: httpx.AsyncClient) -> None:
    chosen = await http.post("/rpc/rest_choose", json={})
    raised = await http.post(
        "/rpc/rest_fail",
        json={
            "p_code": "PGRST",
            "p_message": '{"code":"mine","message":"m"}',
            "p_detail": '{"status":402,"headers":{"X-Pay":"now"}}',
        },
    )

    assert (chosen.status_code, chosen.headers["x-chosen"]) == (202, "yes")
    assert (raised.status_code, raised.headers["x-pay"]) == (402, "now")
    assert raised.json() == {"code": "mine", "message": "m", "details": None, "hint": None}


async def test_an_unknown_function_or_argument_is_a_404(client: AsyncClient) -> None:
    for name, arguments in (
        ("rest_nope", {"a": "1"}),
        ("rest_add", {"p_x": "1"}),
        ("rest_add", {}),
    ):
        with pytest.raises(APIError) as raised:
            await client.rpc(name, arguments).execute()
        assert raised.value.code == "PGRST202"

    with pytest.raises(APIError) as misspelt:
        await client.rpc("rest_ad", {"p_a": "1"}).execute()
    with pytest.raises(APIError) as misnamed:
        await client.rpc("rest_add", {"p_aa": "1"}).execute()
    assert misspelt.value.hint == "Perhaps you meant to call the function public.rest_add"
    assert misnamed.value.hint == "Perhaps you meant to call the function public.rest_add(p_a, p_b)"


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[1]", 400), (b'"x"', 400), (b"", 404)]
)
async def test_a_call_takes_an_object(http: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await http.post(
        "/rpc/rest_add", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == status


async def test_a_body_that_is_not_json_is_the_single_argument(http: httpx.AsyncClient) -> None:
    async def call(name: str, body: bytes, kind: str) -> httpx.Response:
        return await http.post(f"/rpc/{name}", content=body, headers={"Content-Type": kind})

    text = await call("rest_take_text", b"it's $1", "text/plain; charset=utf-8")
    data = await call("rest_take_bytes", b"\x00\xff", "application/octet-stream")
    json = await call("rest_take_text", b'{"":"x"}', "application/json")
    wrong = await call("rest_take_document", b"x", "text/plain")
    without = await call("rest_nothing", b"x", "text/plain")

    assert (text.json(), data.json(), json.json()) == ("it's $1", 2, '{"":"x"}')
    assert (wrong.status_code, without.status_code) == (404, 404)
    assert wrong.json() == {
        "code": "PGRST202",
        "message": "Could not find the function public.rest_take_document in the schema cache",
        "details": "Searched for the function public.rest_take_document with a single unnamed text"
        " parameter, but no matches were found in the schema cache.",
        "hint": None,
    }


async def test_a_function_with_an_unnamed_argument_is_not_exposed(
    client: AsyncClient,
) -> None:
    with pytest.raises(APIError) as hidden:
        await client.rpc("rest_take_number", {"": 1}).execute()
    with pytest.raises(APIError) as ambiguous:
        await client.rpc("rest_defaults", {}).execute()
    chosen = await client.rpc("rest_defaults", {"": "x"}).execute()

    assert hidden.value.code == "PGRST202"
    assert (ambiguous.value.code, ambiguous.value.message) == (
        "PGRST203",
        "Could not choose the best candidate function between: public.rest_defaults(),"
        " public.rest_defaults( => text)",
    )
    assert chosen.data == "text"


async def test_a_function_sees_the_caller_and_the_request(http: httpx.AsyncClient) -> None:
    answer = await http.post("/rpc/rest_whoami", json={}, headers={"X-Test": "5"})

    seen = answer.json()
    assert (seen["role"], seen["uid"], seen["header"]) == ("service_role", None, "5")
    assert (seen["method"], seen["path"]) == ("POST", "/rpc/rest_whoami")
    assert seen["timeout"] == "8s"


async def test_a_function_has_its_own_statement_timeout(http: httpx.AsyncClient) -> None:
    answer = await http.post("/rpc/rest_sleep", json={"p_seconds": 5})

    assert (answer.status_code, answer.json()["code"]) == (500, "57014")
