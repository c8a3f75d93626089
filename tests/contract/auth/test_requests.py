"""Requests to the Auth API that official clients do not send."""

import httpx
import pytest

from tests.support.servers.contract_target import Target


@pytest.mark.parametrize("path", ["/auth/v1/signup", "/auth/v1/token?grant_type=password"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"email":1,"password":2}',
        b'{"email":"a@b.c"}',
        b'{"email":"no address","password":"long enough"}',
        b'{"email":"a\\u0000@b.c","password":"long enough"}',
        b'{"email":"\\ud800@b.c","password":"long enough"}',
        b'{"email":"nul@b.c","password":"long enough","data":{"a":"\\u0000"}}',
        b'{"email":"data@b.c","password":"long enough","data":[]}',
    ],
)
async def test_an_invalid_body_is_refused_and_never_a_server_error(
    http: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await http.post(path, content=body)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error_code"]


async def test_an_error_has_the_format_of_the_requested_version(
    http: httpx.AsyncClient,
) -> None:
    wrong = {"email": "nobody@example.com", "password": "wrong"}
    path = "/auth/v1/token?grant_type=password"

    old = await http.post(path, json=wrong)
    new = await http.post(path, json=wrong, headers={"X-Supabase-Api-Version": "2024-01-01"})

    assert (old.json()["code"], old.json()["error_code"]) == (400, "invalid_credentials")
    assert old.json()["msg"] == new.json()["message"] == "Invalid login credentials"
    assert new.json()["code"] == "invalid_credentials"
    assert new.headers["x-supabase-api-version"] == "2024-01-01"


async def test_without_a_session_there_is_no_account(http: httpx.AsyncClient) -> None:
    answer = await http.get("/auth/v1/user")

    assert answer.status_code == 401


async def test_a_secret_key_in_a_browser_is_refused(
    http: httpx.AsyncClient, contract_target: Target
) -> None:
    headers = {"apikey": contract_target.secret_key, "User-Agent": "Mozilla/5.0 (X11)"}

    for path in ("/auth/v1/admin/users", "/rest/v1/"):
        assert (await http.get(path, headers=headers)).status_code == 401, path


@pytest.mark.parametrize("key", ["", "sb_secret_made_up", "sb_publishable_made_up", "a.b.c"])
async def test_an_unknown_key_opens_nothing(http: httpx.AsyncClient, key: str) -> None:
    for path in ("/auth/v1/settings", "/rest/v1/"):
        assert (await http.get(path, headers={"apikey": key})).status_code == 401, path


async def test_health_keys_and_settings_are_public(http: httpx.AsyncClient) -> None:
    health = await http.get("/auth/v1/health")
    keys = await http.get("/auth/v1/.well-known/jwks.json")
    settings = await http.get("/auth/v1/settings")

    assert health.json()["name"] == "GoTrue"
    assert isinstance(keys.json()["keys"], list)
    assert settings.json()["external"]["email"] is True
