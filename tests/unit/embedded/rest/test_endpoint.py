"""The boundary of the Data API: every error becomes a response that clients understand."""

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from embedded.keys import Keys
from embedded.rest.endpoint import RestEndpoint, RestRequest
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
) -> tuple[httpx.Response, list[RestRequest]]:
    """Send a request to a handler that raises `failure`; return the response and requests."""
    handed: list[RestRequest] = []

    async def handle(request: RestRequest) -> Response:
        handed.append(request)
        if failure is not None:
            raise failure
        return Response("fine")

    app = Starlette(
        routes=[Mount("/rest/v1", routes=[Route("/{name}", RestEndpoint(KEYS, handle))])]
    )
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
async def test_every_error_becomes_a_response(failure: Exception, status: int, code: str) -> None:
    result, _ = await ask(failure)

    assert (result.status_code, result.json()["code"]) == (status, code)
    assert result.headers["proxy-status"] == f"PostgREST; error={code}"


async def test_a_response_to_head_has_its_code_in_a_header_only() -> None:
    result, _ = await ask(unknown_table("t"), method="HEAD")

    assert (result.status_code, result.content) == (404, b"")
    assert result.headers["proxy-status"] == "PostgREST; error=PGRST205"


async def test_a_request_without_a_key_is_refused_first() -> None:
    result, handed = await ask(None, key=None)

    assert (result.status_code, handed) == (401, [])
    assert result.headers["www-authenticate"] == "Bearer"


async def test_a_key_in_the_url_is_no_filter() -> None:
    result, (request,) = await ask(None, key=None, path=f"/t?id=eq.1&apikey={KEYS.publishable}")

    assert result.status_code == 200
    assert request.identity.role == "anon"
    assert request.pairs == [("id", "eq.1")]
    assert (request.name, request.path) == ("t", "/t")
