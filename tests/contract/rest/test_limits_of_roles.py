"""Privileges and timeouts of roles, and the errors about them."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.contract.rest.clients import open_client, sign_up
from tests.support.servers.contract_target import Target

_GRANT = "Grant the required privileges to the current role with: GRANT "


@pytest.fixture
async def anonymous(
    rest_schema: Target, rows: asyncpg.Connection
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client with the publishable key."""
    headers = {"apikey": rest_schema.publishable_key}
    async with httpx.AsyncClient(
        base_url=f"{rest_schema.url}/rest/v1", headers=headers, timeout=20
    ) as raw:
        yield raw


@pytest.mark.parametrize(
    ("method", "path", "prefer", "grant"),
    [
        ("GET", "/rest_widgets", "", "SELECT ON public.rest_widgets"),
        ("HEAD", "/rest_widgets", "", None),
        ("GET", "/rest_cheap", "", "SELECT ON public.rest_cheap"),
        ("GET", "/rest_makers?select=*,rest_widgets(*)", "", "SELECT ON public.rest_widgets"),
        ("POST", "/rest_makers", "return=representation", "INSERT ON public.rest_makers"),
        ("POST", "/rest_labels", "return=minimal", "INSERT ON public.rest_labels"),
        ("POST", "/rest_labels", "return=representation", "SELECT, INSERT ON public.rest_labels"),
        (
            "POST",
            "/rest_labels",
            "resolution=merge-duplicates",
            "SELECT, INSERT, UPDATE ON public.rest_labels",
        ),
        ("PATCH", "/rest_makers?id=eq.1", "", "UPDATE ON public.rest_makers"),
        ("DELETE", "/rest_labels?id=eq.1", "", "SELECT, DELETE ON public.rest_labels"),
    ],
)
async def test_a_missing_privilege_names_the_grant_that_would_help(
    anonymous: httpx.AsyncClient, method: str, path: str, prefer: str, grant: str | None
) -> None:
    body = {"id": 7} if method in {"POST", "PATCH"} else None

    answer = await anonymous.request(method, path, json=body, headers={"Prefer": prefer})

    assert answer.status_code == 401
    assert answer.headers["proxy-status"] == "PostgREST; error=42501"
    if grant is not None:
        assert answer.json()["hint"].startswith(f"{_GRANT}{grant} TO anon;")


async def test_a_function_without_privileges_has_no_hint(
    anonymous: httpx.AsyncClient,
) -> None:
    answer = await anonymous.post("/rpc/rest_mark", json={"p_title": "x"})

    assert (answer.status_code, answer.json()["code"]) == (401, "42501")
    assert answer.json()["hint"] is None


async def test_anonymous_requests_have_three_seconds_and_users_eight(
    rest_schema: Target, anonymous: httpx.AsyncClient
) -> None:
    stopped = await anonymous.post("/rpc/rest_sleep_long", json={"p_seconds": 5})
    nobody = (await anonymous.post("/rpc/rest_whoami", json={})).json()
    async with open_client(rest_schema.url, rest_schema.publishable_key) as person:
        await sign_up(person)
        seen = (await person.rpc("rest_whoami").execute()).data

    assert (stopped.status_code, stopped.json()["code"]) == (500, "57014")
    assert stopped.json()["message"] == "canceling statement due to statement timeout"
    assert (nobody["role"], nobody["timeout"]) == ("anon", "3s")
    assert isinstance(seen, dict)
    assert (seen["role"], seen["timeout"]) == ("authenticated", "8s")


async def test_plans_are_not_available(http: httpx.AsyncClient) -> None:
    answer = await http.get("/rest_widgets", headers={"Accept": "application/vnd.pgrst.plan+json"})

    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST107")
    assert answer.json()["message"] == (
        "None of these media types are available: application/vnd.pgrst.plan+json"
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "/rest_widgets?select=*,rest_makerz(*)",
            (
                "PGRST200",
                "Could not find a relationship between 'rest_widgets' and 'rest_makerz'"
                " in the schema cache",
                "Searched for a foreign key relationship between 'rest_widgets' and 'rest_makerz'"
                " in the schema 'public', but no matches were found.",
                "Perhaps you meant 'rest_makers' instead of 'rest_makerz'.",
            ),
        ),
        (
            "/rest_widgets?select=*,rest_makers(*)&rest_makers=eq.1",
            (
                "PGRST120",
                "Bad operator on the 'rest_makers' embedded resource",
                "Only is null or not is null filters are allowed on embedded resources",
                None,
            ),
        ),
        (
            "/rest_makers?select=*,rest_widgets(*)&order=rest_widgets(name)",
            (
                "PGRST118",
                "A related order on 'rest_widgets' is not possible",
                "'rest_makers' and 'rest_widgets' do not form a many-to-one or one-to-one"
                " relationship",
                None,
            ),
        ),
        (
            "/rest_widgets?rest_makers.name=eq.x",
            (
                "PGRST108",
                "'rest_makers' is not an embedded resource in this request",
                None,
                "Verify that 'rest_makers' is included in the 'select' query parameter.",
            ),
        ),
        (
            "/rpc/rest_add?p_b=1",
            (
                "PGRST202",
                "Could not find the function public.rest_add(p_b) in the schema cache",
                "Searched for the function public.rest_add with parameter p_b,"
                " but no matches were found in the schema cache.",
                "Perhaps you meant to call the function public.rest_add(p_a, p_b)",
            ),
        ),
    ],
)
async def test_an_error_has_the_text_of_postgrest(
    http: httpx.AsyncClient, path: str, expected: tuple[str | None, ...]
) -> None:
    answer = await http.get(path)

    body = answer.json()
    assert (body["code"], body["message"], body["details"], body["hint"]) == expected


async def test_ambiguous_relationships_are_listed(http: httpx.AsyncClient) -> None:
    answer = await http.get("/rest_labels?select=*,rest_pairs(*)")

    assert answer.status_code == 300
    assert answer.json() == {
        "code": "PGRST201",
        "message": "Could not embed because more than one relationship was found for"
        " 'rest_labels' and 'rest_pairs'",
        "details": [
            {
                "cardinality": "one-to-many",
                "embedding": "rest_labels with rest_pairs",
                "relationship": f"rest_pairs_{side}_fkey using rest_labels(id)"
                f" and rest_pairs({side})",
            }
            for side in ("one", "other")
        ],
        "hint": "Try changing 'rest_pairs' to one of the following:"
        " 'rest_pairs!rest_pairs_one_fkey', 'rest_pairs!rest_pairs_other_fkey'."
        " Find the desired relationship in the 'details' key.",
    }
