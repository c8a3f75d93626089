import json

import pytest
import websockets

from tests.contract.realtime.conftest import ONE_POSTGRES, Server
from tests.contract.realtime.wire import wire

pytestmark = ONE_POSTGRES


async def refusal(url: str, query: str, **headers: str) -> tuple[int, bytes]:
    address = f"{url.replace('http://', 'ws://')}/websocket?{query}"
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with websockets.connect(address, additional_headers=headers):
            pass
    return caught.value.response.status_code, caught.value.response.body


async def test_each_refusal_of_a_key_is_json(server: Server) -> None:
    for query, said in {
        "vsn=1.0.0": "API key is missing",
        "apikey=": "The token provided is not a valid JWT",
        "apikey=garbage": "The token provided is not a valid JWT",
        f"apikey={server.token()}x": "Failed to validate JWT signature",
        f"apikey={server.token(lifetime=-10)}": "Token has expired",
        f"apikey={server.token(role=None)}": "Fields `role` and `exp` are required in JWT",
        f"apikey={server.token(exp=None)}": "Fields `role` and `exp` are required in JWT",
        "apikey=sb_secret_of_another_project": "Invalid API key",
    }.items():
        status, body = await refusal(server.url, query)

        assert (status, json.loads(body)) == (401, {"error": said}), query


async def test_the_key_in_the_header_has_precedence(server: Server) -> None:
    status, body = await refusal(
        server.url, f"apikey={server.keys.publishable}", **{"x-api-key": "garbage"}
    )

    assert (status, json.loads(body)["error"]) == (401, "The token provided is not a valid JWT")


async def test_a_browser_may_not_hold_the_secret_key(server: Server) -> None:
    status, _ = await refusal(
        server.url, f"apikey={server.keys.secret}", **{"User-Agent": "Mozilla/5.0"}
    )

    assert status == 401


async def test_an_unknown_serializer_is_refused_without_a_body(server: Server) -> None:
    key = server.keys.publishable

    assert await refusal(server.url, f"apikey={key}&vsn=3.0.0") == (403, b"")


async def test_keys_of_every_kind_open_a_socket(server: Server) -> None:
    keys = server.keys
    for key in (
        keys.publishable,
        keys.secret,
        keys.legacy_anon,
        keys.legacy_service_role,
        server.token(),
    ):
        async with wire(server.url, key) as socket:
            assert await socket.is_silent()
