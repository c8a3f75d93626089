"""Faults on request: each kind starts and ends as requested, and needs the secret key."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from postgrest import APIError
from supabase_auth.errors import AuthApiError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from embedded.state import State
from tests.support.accounts import an_email, connected, sign_up
from tests.support.eventually import eventually
from tests.support.servers.embedded import READY_SECONDS, embedded_server
from tests.support.servers.postgres import state_directory

TOPIC = "realtime:room"


@pytest.fixture(scope="module")
def faulty() -> Iterator[State]:
    with state_directory() as directory, embedded_server(directory, "--faults") as state:
        yield state


@pytest.fixture
async def http(faulty: State) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with the secret key; its faults end with the test."""
    headers = {"apikey": faulty.secret_key}
    async with httpx.AsyncClient(base_url=faulty.url, headers=headers, timeout=20) as client:
        yield client
        await client.delete("/_embedded/faults")


async def order(http: httpx.AsyncClient, **faults: Any) -> None:
    answer = await http.post("/_embedded/faults", json=faults)
    assert answer.status_code == 200, answer.text


@contextlib.asynccontextmanager
async def opened(state: State) -> AsyncIterator[ClientConnection]:
    address = state.url.replace("http", "ws")
    url = f"{address}/realtime/v1/websocket?vsn=1.0.0&apikey={state.publishable_key}"
    async with connect(url) as socket:
        yield socket


async def join(socket: ClientConnection, *, echo: bool = False, token: str | None = None) -> None:
    assert (await try_join(socket, echo=echo, token=token))["status"] == "ok"


async def try_join(
    socket: ClientConnection, *, echo: bool = False, token: str | None = None
) -> dict[str, Any]:
    """Join and return the payload of the reply."""
    config = {"broadcast": {"self": echo, "ack": True}, "private": False}
    payload = {"config": config} | ({"access_token": token} if token else {})
    frame = {"topic": TOPIC, "event": "phx_join", "payload": payload, "ref": "1"}
    await socket.send(json.dumps(frame))
    answer: dict[str, Any] = (await heard(socket, "phx_reply"))["payload"]
    return answer


async def heard(socket: ClientConnection, event: str) -> dict[str, Any]:
    """Return the next frame with this event."""
    async with asyncio.timeout(60):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["event"] == event:
                return frame


async def arrived(socket: ClientConnection, numbers: range) -> list[int]:
    """Broadcast numbers and return those that arrive."""
    for number in numbers:
        payload = {"type": "broadcast", "event": "note", "payload": {"number": number}}
        frame = {"topic": TOPIC, "event": "broadcast", "payload": payload, "ref": f"n{number}"}
        await socket.send(json.dumps(frame))
    # After the reply to the last push all pushes were served; after the reply to the heartbeat
    # all frames have arrived.
    found = await heard_before(socket, f"n{numbers[-1]}")
    beat = {"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "beat"}
    await socket.send(json.dumps(beat))
    return found + await heard_before(socket, "beat")


async def heard_before(socket: ClientConnection, ref: str) -> list[int]:
    """Return the numbers of the broadcasts before the reply to `ref`."""
    numbers = []
    async with asyncio.timeout(60):
        while (frame := json.loads(await socket.recv()))["ref"] != ref:
            if frame["event"] == "broadcast":
                numbers.append(frame["payload"]["payload"]["number"])
    return numbers


async def test_a_share_of_broadcasts_is_lost(faulty: State, http: httpx.AsyncClient) -> None:
    async with opened(faulty) as socket:
        await join(socket, echo=True)

        await order(http, drop_broadcasts=0.5, seed=1)
        some = await arrived(socket, range(100))
        await order(http, drop_broadcasts=1)
        none = await arrived(socket, range(1))
        await http.delete("/_embedded/faults")
        whole = await arrived(socket, range(7, 8))

    assert 25 < len(some) < 75
    assert (none, whole) == ([], [7])


async def test_joins_are_delayed(faulty: State, http: httpx.AsyncClient) -> None:
    await order(http, delay_joins_seconds=0.3)

    async with opened(faulty) as socket:
        started = time.monotonic()
        await join(socket)

    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("code", [1012, 4000])
async def test_open_sockets_are_closed_with_a_code_and_new_ones_open(
    faulty: State, http: httpx.AsyncClient, code: int
) -> None:
    async with opened(faulty) as socket:
        await join(socket)
        await order(http, close_sockets=code)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == code

    async with opened(faulty) as again:
        await join(again)


async def test_requests_and_sockets_get_429_until_it_ends(
    faulty: State, http: httpx.AsyncClient
) -> None:
    await order(http, too_many_requests=1)

    refused = await http.get("/rest/v1/")
    with pytest.raises(InvalidStatus) as socket:
        async with opened(faulty):
            pass
    await http.delete("/_embedded/faults")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert socket.value.response.status_code == 429
    assert (await http.get("/rest/v1/")).status_code == 200


async def test_new_tokens_have_the_requested_lifetime(http: httpx.AsyncClient) -> None:
    await order(http, token_seconds=7)
    person = {"email": f"{time.time_ns()}@example.com", "password": "long enough"}

    short = (await http.post("/auth/v1/signup", json=person)).json()
    await http.delete("/_embedded/faults")
    long = (await http.post("/auth/v1/token?grant_type=password", json=person)).json()

    assert (short["expires_in"], long["expires_in"]) == (7, 3600)


async def test_issued_tokens_are_revoked_and_later_ones_are_valid(
    faulty: State, http: httpx.AsyncClient
) -> None:
    connection = await asyncpg.connect(faulty.db_url)
    await connection.execute(
        "create table public.faults_read (id int); grant select on public.faults_read to"
        " authenticated; notify pgrst, 'reload schema'"
    )
    await connection.close()

    async with connected(faulty.url, faulty.publishable_key) as client:
        await sign_up(client, an_email())
        issued = await client.auth.get_session()
        assert issued
        await client.table("faults_read").select("*").execute()
        async with opened(faulty) as socket, opened(faulty) as with_key:
            await join(socket, token=issued.access_token)
            await join(with_key)
            await order(http, expire_tokens=True)

            said = await heard(socket, "system")
            await heard(socket, "phx_close")
            assert await arrived(with_key, range(1)) == []
        with pytest.raises(APIError) as refused:
            await client.table("faults_read").select("*").execute()
        async with opened(faulty) as socket:
            rejoined = await try_join(socket, token=issued.access_token)
        with pytest.raises(AuthApiError) as account:
            await client.auth.get_user(issued.access_token)

        await client.auth.refresh_session()
        fresh = await client.auth.get_session()
        assert fresh
        await client.table("faults_read").select("*").execute()
        async with opened(faulty) as socket:
            await join(socket, token=fresh.access_token)

    assert said["payload"]["message"].startswith("Token has expired")
    assert refused.value.code == "PGRST303"
    assert rejoined["response"]["reason"].startswith("InvalidJWTToken: Token has expired")
    assert account.value.status == 403
    assert (await http.get("/auth/v1/admin/users")).status_code == 200


async def test_a_paused_database_does_not_answer_and_then_continues(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/auth/v1/admin/users")).status_code == 200

    await order(http, pause_database_seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        await http.get("/auth/v1/admin/users", timeout=0.3)
    assert (await http.get("/health")).status_code == 200
    await order(http, pause_database_seconds=0.1)

    async def goes_on() -> bool:
        return (await http.get("/auth/v1/admin/users")).status_code == 200

    await eventually(goes_on)


def test_a_server_can_be_stopped_while_its_database_is_paused() -> None:
    long = 2 * READY_SECONDS  # longer than a client would wait
    with state_directory() as directory, embedded_server(directory, "--faults") as state:
        headers = {"apikey": state.secret_key}
        order = {"pause_database_seconds": long}
        answer = httpx.post(
            f"{state.url}/_embedded/faults", json=order, headers=headers, timeout=60
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"drop_broadcasts": 2}', "drop_broadcasts"),
        ('{"drop_broadcasts": true}', "drop_broadcasts"),
        ('{"close_sockets": 5}', "close_sockets"),
        ('{"expire_tokens": 1}', "expire_tokens"),
        ('{"token_seconds": 0}', "token_seconds"),
        ('{"made_up": 1}', "made_up"),
        ("[]", "object"),
        ("{", "JSON"),
    ],
)
async def test_an_invalid_fault_plan_is_refused_with_the_field(
    http: httpx.AsyncClient, body: str, named: str
) -> None:
    answer = await http.post("/_embedded/faults", content=body)

    assert answer.status_code == 400
    assert named in answer.json()["message"]


async def test_faults_need_the_secret_key(faulty: State, http: httpx.AsyncClient) -> None:
    publishable = {"apikey": faulty.publishable_key}

    answers = [
        await http.post("/_embedded/faults", json={"too_many_requests": 1}, headers=headers)
        for headers in (publishable, {"apikey": ""})
    ]

    assert [answer.status_code for answer in answers] == [403, 401]
    assert (await http.get("/rest/v1/")).status_code == 200


async def test_without_the_flag_there_are_no_faults(supabase_server: State) -> None:
    headers = {"apikey": supabase_server.secret_key}
    async with httpx.AsyncClient(
        base_url=supabase_server.url, headers=headers, timeout=60
    ) as client:
        answer = await client.post("/_embedded/faults", json={"too_many_requests": 1})

    assert answer.status_code == 404
