"""The boundary of the Data API: every failure becomes an answer that clients understand."""

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from embedded.keys import Keys
from embedded.rest.endpoint import Endpoint, Inbound
from embedded.rest.errors import unknown_table
from embedded.rest.transaction import DatabaseDownError, PoolExhaustedError

KEYS = Keys(
    publishable="sb_publishable_a",
    secret="sb_secret_b",
    jwt_secret="c" * 40,
    legacy_anon="d",
    legacy_service_role="e",
)


async def ask(
    failure: Exception | None,
    *,
    method: str = "GET",
    path: str = "/t",
    key: str | None = KEYS.secret,
) -> tuple[httpx.Response, list[Inbound]]:
    """Send one request to a handler that raises `failure`; give what the handler was handed."""
    handed: list[Inbound] = []

    async def handle(inbound: Inbound) -> Response:
        handed.append(inbound)
        if failure is not None:
            raise failure
        return Response("fine")

    app = Starlette(routes=[Mount("/rest/v1", routes=[Route("/{name}", Endpoint(KEYS, handle))])])
    transport = httpx.ASGITransport(app)
    headers = {"apikey": key} if key else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://rest/rest/v1") as client:
        return await client.request(method, path, headers=headers), handed


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (unknown_table("t"), 404, "PGRST205"),
        (asyncpg.UniqueViolationError("twice"), 409, "23505"),
        (asyncpg.InsufficientPrivilegeError("no"), 403, "42501"),
        (PoolExhaustedError(), 504, "PGRST003"),
        (ConnectionRefusedError("down"), 503, "PGRST001"),
        (asyncpg.InterfaceError("closed"), 503, "PGRST001"),
        (DatabaseDownError("starting up"), 503, "PGRST001"),
        (asyncpg.InternalClientError("unexpected state"), 503, "PGRST001"),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle"), 503, "PGRST001"),
    ],
)
async def test_every_failure_becomes_an_answer(failure: Exception, status: int, code: str) -> None:
    answer, _ = await ask(failure)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["proxy-status"] == f"PostgREST; error={code}"


async def test_an_answer_to_head_has_its_code_in_a_header_only() -> None:
    answer, _ = await ask(unknown_table("t"), method="HEAD")

    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["proxy-status"] == "PostgREST; error=PGRST205"


async def test_who_has_no_key_is_refused_before_anything_happens() -> None:
    answer, handed = await ask(None, key=None)

    assert (answer.status_code, handed) == (401, [])
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_in_the_url_is_no_filter() -> None:
    answer, (inbound,) = await ask(None, key=None, path=f"/t?id=eq.1&apikey={KEYS.publishable}")

    assert answer.status_code == 200
    assert inbound.identity.role == "anon"
    assert inbound.pairs == [("id", "eq.1")]
    assert (inbound.name, inbound.path) == ("t", "/t")
