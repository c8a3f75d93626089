"""The server as a process: start, state file, stop and refusals."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect

from embedded.postgres.cluster import drop_data
from embedded.postgres.postmaster import read_postmaster
from embedded.state import State, is_alive, read_state
from tests.support.eventually import eventually
from tests.support.ports import a_port
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory


@pytest.fixture
def directory() -> Iterator[Path]:
    with state_directory() as directory:
        yield directory


@pytest.fixture
def client(supabase_server: State) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=supabase_server.url, timeout=60) as client:
        yield client


def refused(directory: Path, *arguments: str) -> str:
    """Return the one line of a server that cannot start."""
    answer = subprocess.run(
        [sys.executable, "-m", "embedded", f"--dir={directory}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    return answer.stderr


def test_the_port_of_the_last_run_is_used_unless_it_is_in_use(directory: Path) -> None:
    port = a_port()
    with embedded_server(directory, f"--port={port}") as state:
        assert state.url.endswith(f":{port}")
    with embedded_server(directory) as again:
        assert again.url == state.url
    with (
        state_directory() as other,
        embedded_server(other, f"--port={port}"),
        embedded_server(directory) as elsewhere,
    ):
        assert elsewhere.url != state.url


async def test_hosted_limits_apply_on_request(directory: Path) -> None:
    with embedded_server(directory, "--hosted-limits") as state:
        async with httpx.AsyncClient(
            base_url=state.url, headers={"apikey": state.secret_key}, timeout=20
        ) as http:

            async def send(messages: int) -> int:
                message = {"topic": "room", "event": "e", "payload": {}}
                body = {"messages": [message] * messages}
                return (await http.post("/realtime/v1/api/broadcast", json=body)).status_code

            # 100 a second as the mean of a minute.
            assert await send(6000) == 202
            assert await send(1) == 429


def test_the_state_file_has_the_address_and_only_its_owner_reads_it(directory: Path) -> None:
    with embedded_server(directory) as state:
        assert is_alive(state)
        assert (directory / "state.json").stat().st_mode & 0o777 == 0o600

    after = read_state(directory)
    assert after
    assert (after.pid, after.url) == (None, state.url)
    assert not is_alive(state)


def test_keys_and_address_survive_a_restart(directory: Path) -> None:
    with embedded_server(directory) as first:
        pass
    with embedded_server(directory) as second:
        assert (second.publishable_key, second.secret_key) == (
            first.publishable_key,
            first.secret_key,
        )


async def test_legacy_grants_apply_to_new_tables_until_they_are_ended(directory: Path) -> None:
    async def read_new_table(state: State, name: str) -> httpx.Response:
        connection = await asyncpg.connect(state.db_url)
        await connection.execute(f"create table {name} (id integer)")
        await connection.close()
        async with httpx.AsyncClient(headers={"apikey": state.publishable_key}) as http:

            async def read() -> httpx.Response | None:
                answer = await http.get(f"{state.url}/rest/v1/{name}", timeout=20)
                return None if answer.status_code == 404 else answer

            answer = await eventually(read)
            assert answer is not None
            return answer

    with embedded_server(directory, "--legacy-grants") as state:
        assert (await read_new_table(state, "one")).json() == []
    await drop_data(directory)
    with embedded_server(directory) as state:
        assert state.legacy_grants
        assert (await read_new_table(state, "two")).json() == []
    with embedded_server(directory, "--no-legacy-grants") as state:
        assert not state.legacy_grants
        refused = await read_new_table(state, "three")
        assert refused.status_code == 401
        assert "--legacy-grants" in refused.json()["hint"]


def test_a_second_server_reports_the_url_of_the_first(directory: Path) -> None:
    with embedded_server(directory) as state:
        assert state.url in refused(directory)
        assert state.url in refused(directory, f"--port={state.url.rpartition(':')[2]}")
        assert is_alive(state)


def test_a_directory_starts_again_after_its_server_was_killed(directory: Path) -> None:
    program = [sys.executable, "-m", "embedded", f"--dir={directory}", "--ready-fd=1"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as server:
        assert server.stdout
        killed = json.loads(server.stdout.readline())
        server.kill()

    state = read_state(directory)
    assert state
    assert not is_alive(state)
    with embedded_server(directory) as again:
        assert again.secret_key == killed["secret_key"]
        assert is_alive(again)


def test_a_port_in_use_is_named(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"Port {port} is in use" in refused(directory, f"--port={port}")


def test_an_address_that_others_can_reach_needs_allow_remote(directory: Path) -> None:
    assert "--allow-remote" in refused(directory, "--host=0.0.0.0")
    assert "not an IP address" in refused(directory, "--host=elsewhere")
    with embedded_server(directory, "--host=0.0.0.0", "--allow-remote") as state:
        assert is_alive(state)


def test_data_of_another_version_are_refused_with_the_remedy(directory: Path) -> None:
    with embedded_server(directory):
        pass
    [version] = directory.glob("postgres/PG_VERSION")
    version.write_text("15\n")

    assert "holds data of Postgres 15" in refused(directory)


def test_an_unwritable_directory_is_named(directory: Path) -> None:
    (directory / "file").write_text("")

    assert "cannot be written" in refused(directory / "file")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_stops_it_properly(directory: Path, number: signal.Signals) -> None:
    program = [sys.executable, "-m", "embedded", f"--dir={directory}", "--ready-fd=1"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline()
        server.send_signal(number)
        assert server.wait(timeout=120) == 0

    assert "database system is shut down" in (directory / "postgres.log").read_text()


async def test_the_server_outlives_a_killed_postgres(directory: Path) -> None:
    with embedded_server(directory) as state:
        postmaster = read_postmaster(directory / "postgres")
        assert postmaster
        async with httpx.AsyncClient(base_url=state.url, timeout=60) as client:
            os.kill(postmaster.pid, signal.SIGKILL)

            async def answers() -> bool:
                fresh = read_postmaster(directory / "postgres")
                if not fresh or fresh.pid == postmaster.pid:
                    return False
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.get("/rest/v1/", headers={"apikey": state.secret_key})
                    return answer.status_code == 200
                return False

            probe: Callable[[], bool | Awaitable[bool]] = answers
            assert await eventually(probe, within=20)


def test_it_listens_on_loopback_only(supabase_server: State) -> None:
    port = int(supabase_server.url.rpartition(":")[2])
    others = {
        str(info[4][0])
        for info in socket.getaddrinfo(socket.gethostname(), None, family=socket.AF_INET)
    } - {"127.0.0.1", "127.0.1.1"}

    for address in others:
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=2):
            pytest.fail(f"{address} answers")


def test_health_names_the_process(client: httpx.Client, supabase_server: State) -> None:
    assert client.get("/health").json() == {"status": "ok", "pid": supabase_server.pid}


@pytest.mark.parametrize("path", ["/rest/v1/", "/auth/v1/user", "/auth/v1/admin/users"])
def test_requests_without_a_key_are_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 401
    assert answer.json()["message"] == "No API key found in request"


def test_cors_allows_any_origin_and_header(client: httpx.Client) -> None:
    wanted = "authorization, apikey, x-retry-count, traceparent, accept-profile"
    preflight = client.options(
        "/rest/v1/anything",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": wanted,
        },
    )
    answer = client.get("/rest/v1/anything", headers={"Origin": "https://app.example"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == wanted
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/storage/v1/object/move", 501),
        ("POST", "/functions/v1/hello", 501),
        ("POST", "/graphql/v1/", 501),
        ("GET", "/auth/v1/authorize", 501),
        ("PATCH", "/auth/v1/user", 405),
        ("GET", "/elsewhere", 404),
    ],
)
def test_unsupported_paths_name_the_alternative(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert path in answer.json()["message"]
    assert "supabase start" in answer.json()["message"]


async def test_shutdown_does_not_wait_for_open_websockets(directory: Path) -> None:
    with embedded_server(directory) as state:
        address = state.url.replace("http", "ws") + "/realtime/v1/websocket?vsn=1.0.0&apikey="
        async with connect(address + state.publishable_key) as socket_:
            os.kill(state.pid or 0, signal.SIGTERM)
            async with asyncio.timeout(60):
                await socket_.wait_closed()
