"""Access by role, and requests that are always refused."""

import asyncpg
import httpx
import pytest
from postgrest import APIError
from supabase import AsyncClient

from tests.contract.rest.clients import open_client, rows_of, sign_up
from tests.support.eventually import eventually
from tests.support.servers.contract_target import Target


async def test_users_see_their_own_rows(rest_schema: Target, rows: asyncpg.Connection) -> None:
    url, key = rest_schema.url, rest_schema.publishable_key
    async with open_client(url, key) as ann, open_client(url, key) as bob:
        await sign_up(ann)
        await sign_up(bob)

        written = rows_of(await ann.table("rest_notes").insert({"body": "mine"}).execute())
        stolen = await bob.table("rest_notes").update({"body": "his"}).gt("id", 0).execute()
        with pytest.raises(APIError) as forged:
            owner = written[0]["owner"]
            await bob.table("rest_notes").insert({"body": "x", "owner": owner}).execute()
        kept = rows_of(await ann.table("rest_notes").select("*").execute())
        others = rows_of(await bob.table("rest_notes").select("*").execute())

    assert [row["body"] for row in kept] == ["mine"]
    assert (stolen.data, others) == ([], [])
    assert forged.value.code == "42501"


async def test_the_publishable_key_is_anonymous(
    rest_schema: Target, rows: asyncpg.Connection
) -> None:
    headers = {"apikey": rest_schema.publishable_key}
    async with httpx.AsyncClient(
        base_url=f"{rest_schema.url}/rest/v1", headers=headers, timeout=60
    ) as http:
        allowed = await http.get("/rest_makers?select=name")
        denied = await http.get("/rest_widgets")
        unwritable = await http.post("/rest_makers", json={"name": "x"})
        seen = (await http.post("/rpc/rest_whoami", json={})).json()
        root = await http.get("/")

    assert allowed.json() == [{"name": "acme"}, {"name": "zeta"}]
    for answer in (denied, unwritable):
        assert (answer.status_code, answer.json()["code"]) == (401, "42501")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (seen["role"], seen["timeout"]) == ("anon", "3s")
    assert root.status_code == 401


@pytest.mark.parametrize("key", [None, "sb_secret_of_somebody_else"])
async def test_requests_without_a_key_are_refused(rest_schema: Target, key: str | None) -> None:
    headers = {"apikey": key} if key else {}
    async with httpx.AsyncClient(base_url=rest_schema.url, headers=headers, timeout=60) as http:
        answer = await http.get("/rest/v1/rest_makers")

    assert answer.status_code == 401
    assert "hint" in answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/rest_nope", 404, "PGRST205"),
        ("GET", "/pg_authid", 404, "PGRST205"),
        ("GET", "/rest_makers?select=nope", 400, "42703"),
        ("GET", "/rest_makers?nope=eq.1", 400, "42703"),
        ("GET", "/rest_makers?id=eq.x", 400, "22P02"),
        ("GET", "/rest_makers?id=eq.99999999999", 400, "22003"),
        ("GET", "/rest_makers?name=eq.%00", 400, "22021"),
        ("GET", "/rest_makers?name=eq.%ff", 400, "PGRST100"),
        ("GET", "/rest_makers?id=1", 400, "PGRST100"),
        ("GET", "/rest_makers?select=id,rest_labels(id)", 400, "PGRST200"),
        ("GET", "/rest_makers?select=count()", 400, "PGRST123"),
        ("GET", "/rest_makers?select=id::regrole2", 400, "42704"),
        ("GET", "/rest_makers?name=fts(nope).x", 400, "42704"),
        ("GET", "/rest_makers/1", 404, "PGRST125"),
        ("TRACE", "/rest_makers", 405, "PGRST117"),
        ("PATCH", "/rpc/rest_add", 405, "PGRST101"),
        ("POST", "/", 405, "PGRST117"),
    ],
)
async def test_an_invalid_request_gets_its_error_code(
    http: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await http.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "details", "hint"}


@pytest.mark.parametrize("header", ["Accept-Profile", "Content-Profile"])
async def test_only_public_is_exposed(http: httpx.AsyncClient, header: str) -> None:
    method = "GET" if header == "Accept-Profile" else "POST"

    answer = await http.request(method, "/rest_makers", headers={header: "auth"}, json={})

    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")


async def test_a_strict_preference_that_is_unknown_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/rest_makers", headers={"Prefer": "handling=strict,sing=loud"})

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST122")


async def test_a_change_of_the_schema_is_seen_immediately(
    client: AsyncClient, rows: asyncpg.Connection
) -> None:
    await client.table("rest_makers").select("*").execute()

    await rows.execute(
        "drop table if exists public.rest_late;"
        "create table public.rest_late (id integer primary key);"
        "grant select, insert on public.rest_late to service_role"
    )
    await client.table("rest_late").insert({"id": 1}).execute()
    await rows.execute("alter table public.rest_late add column note text default 'n'")
    await client.table("rest_late").insert({"id": 2, "note": "x"}).execute()
    await rows.execute(
        "alter table public.rest_late alter column note drop default,"
        " alter column note type integer using 5"
    )

    async def is_number() -> bool:
        try:
            answer = await client.table("rest_late").select("id").gte("note", 5).execute()
        except APIError:
            return False
        return len(answer.data) == 2

    try:
        # Nothing is missing here, so only the notification announces the new type.
        known: bool = await eventually(is_number)
        assert known
    finally:
        await rows.execute("drop table public.rest_late")
