"""The cluster: its account, its recovery, and what it refuses."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from embedded.errors import CannotStart, DirectoryInUse, ForeignData, PortInUse
from embedded.postgres.cluster import Postgres
from embedded.postgres.postmaster import read_postmaster
from embedded.state import read_state
from tests.support.eventually import eventually
from tests.support.ports import a_port
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a statement about root")


@pytest.fixture
def directory() -> Iterator[Path]:
    with state_directory() as directory:
        yield directory


def modes_above(path: Path) -> dict[Path, tuple[int, int, int]]:
    statuses = {folder: folder.stat() for folder in path.parents}
    return {folder: (s.st_mode, s.st_uid, s.st_gid) for folder, s in statuses.items()}


def uid_of(pid: int) -> int:
    answer = subprocess.run(
        ["ps", "-p", str(pid), "-o", "uid="], capture_output=True, text=True, check=True
    )
    return int(answer.stdout)


def command_of(pid: int) -> str:
    return subprocess.run(
        ["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=True
    ).stdout


async def answer(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_data_survive_a_restart(directory: Path) -> None:
    async with Postgres(directory) as postgres:
        await answer(postgres.dsn("postgres"), "create table public.kept as select 42 as n")
    async with Postgres(directory) as postgres:
        kept = await answer(postgres.dsn("postgres"), "select n from public.kept")

    assert kept == 42


async def test_no_ancestor_of_the_state_directory_changes(directory: Path) -> None:
    state = directory / "a" / "state"
    state.mkdir(parents=True)
    before = modes_above(state)

    async with Postgres(state) as postgres:
        assert modes_above(state) == before
        data = postgres.data

    assert modes_above(state) == before
    assert data.stat().st_mode & 0o777 == 0o700


@as_root
async def test_root_drops_to_an_account_whose_data_nobody_else_can_read(directory: Path) -> None:
    async with Postgres(directory) as postgres:
        uid = uid_of(postgres.pid)
        owner = postgres.data.stat().st_uid

    assert uid == owner != 0


@as_root
async def test_a_private_home_stays_private(directory: Path) -> None:
    home = directory / "home"
    home.mkdir(mode=0o700)
    before = modes_above(home / "state")

    async with Postgres(home / "state") as postgres:
        data = postgres.data
        assert modes_above(home / "state") == before
        assert not data.is_relative_to(home)

    shutil.rmtree(data.parent)


async def test_connections_need_passwords_that_only_their_owner_can_read(directory: Path) -> None:
    async with Postgres(directory) as postgres:
        right = postgres.dsn("supabase_admin")
        password = right.split(":")[2].split("@")[0]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await answer(right.replace(password, "wrong"), "select 1")
        methods = await answer(
            right, "select array_agg(distinct auth_method) from pg_hba_file_rules"
        )

    assert methods == ["scram-sha-256"]
    assert (directory / "passwords.json").stat().st_mode & 0o777 == 0o600
    assert (directory / "postgres.log").stat().st_mode & 0o777 == 0o600


async def test_no_password_is_in_a_log_or_an_argument(directory: Path) -> None:
    async with Postgres(directory) as postgres:
        password = postgres.dsn("supabase_admin").split(":")[2].split("@")[0]
        command = command_of(postgres.pid)

    logs = (directory / "postgres.log").read_text() + (directory / "initdb.log").read_text()
    assert password not in command + logs


async def test_a_directory_has_one_server(directory: Path) -> None:
    async with Postgres(directory):
        with pytest.raises(DirectoryInUse):
            async with Postgres(directory):
                pytest.fail("two servers on one directory")


async def test_two_directories_get_two_ports(directory: Path) -> None:
    async with Postgres(directory / "a") as first, Postgres(directory / "b") as second:
        assert first.dsn("postgres") != second.dsn("postgres")
        assert await answer(first.dsn("postgres"), "select 1") == 1
        assert await answer(second.dsn("postgres"), "select 1") == 1


async def test_a_requested_port_is_not_replaced(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=str(port)):
            async with Postgres(directory, port=port):
                pytest.fail("a port for two")


async def test_data_of_another_version_are_refused_and_unchanged(directory: Path) -> None:
    async with Postgres(directory) as postgres:
        version = postgres.data / "PG_VERSION"
    version.write_text("16\n")

    with pytest.raises(ForeignData, match=r"Postgres 16.*another --dir"):
        async with Postgres(directory):
            pytest.fail("started on foreign data")
    version.write_text("18\n")
    async with Postgres(directory) as postgres:
        assert await answer(postgres.dsn("postgres"), "select 1") == 1


async def test_an_unwritable_directory_is_reported_in_one_line(directory: Path) -> None:
    (directory / "file").write_text("")

    with pytest.raises(CannotStart, match="cannot be written"):
        async with Postgres(directory / "file" / "state"):
            pytest.fail("started inside a file")


async def test_an_interrupted_initdb_is_repeated(directory: Path) -> None:
    half = directory / "postgres.new-cut"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    async with Postgres(directory) as postgres:
        assert await answer(postgres.dsn("postgres"), "select 1") == 1
    assert not half.exists()


async def test_a_stale_pid_file_of_a_process_that_is_not_postgres_is_cleared(
    directory: Path,
) -> None:
    async with Postgres(directory) as postgres:
        pid_file = postgres.data / "postmaster.pid"
        content = pid_file.read_text().splitlines()
    bystander = await asyncio.create_subprocess_exec("sleep", "600")
    pid_file.write_text("\n".join([str(bystander.pid), *content[1:], ""]))

    async with Postgres(directory) as postgres:
        assert await answer(postgres.dsn("postgres"), "select 1") == 1

    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_postgres_ends_with_a_killed_server_and_keeps_the_data(
    directory: Path,
) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from embedded.postgres.cluster import Postgres\n"
        "async def main():\n"
        "    async with Postgres(pathlib.Path(sys.argv[1])) as postgres:\n"
        "        print(postgres.data, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(directory), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout
    data = Path((await server.stdout.readline()).decode().strip())
    postmaster = read_postmaster(data)
    assert postmaster
    server.kill()
    await server.wait()

    if sys.platform == "linux":
        await eventually(lambda: not _runs(postmaster.pid), within=10)
    async with Postgres(directory) as postgres:
        assert await answer(postgres.dsn("postgres"), "select 1") == 1


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.2, 0.35, 0.5])
async def test_a_start_that_is_cancelled_leaves_nothing_running(
    directory: Path, seconds: float
) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), Postgres(directory):
            pass

    left = read_postmaster(directory / "postgres")
    assert left is None or not _runs(left.pid)
    async with Postgres(directory) as postgres:
        assert await answer(postgres.dsn("postgres"), "select 1") == 1


async def test_a_running_orphan_is_stopped_before_the_next_start(directory: Path) -> None:
    first = Postgres(directory)
    await first.__aenter__()
    orphan = first.pid
    # After kill -9 on other systems the lock is free and the postmaster runs.
    first._stack.pop_all()
    del first

    async with Postgres(directory) as postgres:
        assert postgres.pid != orphan
        assert await answer(postgres.dsn("postgres"), "select 1") == 1


async def test_a_killed_postgres_restarts_on_its_port(directory: Path) -> None:
    port = a_port()
    async with Postgres(directory, port=port) as postgres, asyncio.TaskGroup() as group:
        dsn = postgres.dsn("postgres")
        await answer(dsn, "create table public.kept as select 42 as n")
        keeper = group.create_task(postgres.keep_running())
        os.kill(postgres.pid, signal.SIGKILL)

        async def kept() -> bool:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                return await answer(dsn, "select n from public.kept") == 42
            return False

        probe: Callable[[], bool | Awaitable[bool]] = kept
        assert await eventually(probe, within=20)
        keeper.cancel()


async def test_postgres_restarts_on_another_port_and_publishes_it(
    directory: Path,
) -> None:
    with embedded_server(directory, "--port=0") as state:
        async with open_database(state.db_url) as connection:
            await connection.execute("create table public.kept as select 42 as n")
            await connection.execute("grant select on public.kept to service_role")
        port = int(state.db_url.split(":")[3].partition("/")[0])
        postmaster = read_postmaster(directory / "postgres")
        assert postmaster
        with taking(port) as take:
            assert state.pid is not None
            os.kill(state.pid, signal.SIGSTOP)  # otherwise it could be first
            try:
                os.kill(postmaster.pid, signal.SIGKILL)
                await eventually(take)
            finally:
                os.kill(state.pid, signal.SIGCONT)

            async def kept() -> bool:
                with contextlib.suppress(httpx.HTTPError):
                    async with httpx.AsyncClient(
                        headers={"apikey": state.secret_key}, timeout=60
                    ) as http:
                        rows = await http.get(f"{state.url}/rest/v1/kept")
                    return rows.is_success and rows.json() == [{"n": 42}]
                return False

            probe: Callable[[], bool | Awaitable[bool]] = kept
            assert await eventually(probe, within=20)
            now = read_state(directory)

        assert now is not None
        assert (now.url, now.secret_key) == (state.url, state.secret_key)
        assert now.db_url != state.db_url
        async with open_database(now.db_url) as connection:
            assert await connection.fetchval("select n from public.kept") == 42


@contextlib.contextmanager
def taking(port: int) -> Iterator[Callable[[], bool]]:
    """Yield a server that listens on `port` as soon as it is free."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def take() -> bool:
            try:
                thief.bind(("127.0.0.1", port))
                thief.listen()
            except OSError:
                return False
            return True

        yield take


@contextlib.asynccontextmanager
async def open_database(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
