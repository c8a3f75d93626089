"""What a killed Postgres leaves in the memory of the machine is removed with its data."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.errors import CannotStart
from embedded.postgres.binaries import find_installation
from embedded.postgres.cluster import Postgres, drop_data
from embedded.postgres.postmaster import read_postmaster
from embedded.postgres.shared_memory import remove_shared_memory
from tests.support.eventually import eventually
from tests.support.processes import descendants, is_running, read_process_file
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory, sweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a statement about Linux")

_FILES = "/dev/shm/PostgreSQL."  # noqa: S108 - where Postgres puts them
_KEY = (1 << 32) - 1


@pytest.fixture
def directory() -> Iterator[Path]:
    with state_directory() as directory:
        yield directory


def segments(inode: int) -> list[str]:
    """Return the segments of the data directory with an inode."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return [line for line in lines if int(line.split()[0]) & _KEY == inode & _KEY]


def files_of(pid: int) -> set[Path]:
    """Return the files in /dev/shm that a process and its children have mapped."""
    maps = [read_process_file(each, "maps") for each in {pid, *descendants(pid)}]
    paths = {
        line.split(maxsplit=5)[5] for lines in maps for line in lines.splitlines() if "/" in line
    }
    return {Path(path) for path in paths if path.startswith(_FILES)}


@pytest.mark.parametrize("major", [18, 15])
async def test_a_killed_postgres_leaves_nothing_when_its_server_ends(
    directory: Path, major: int
) -> None:
    try:
        find_installation(major)
    except CannotStart:
        pytest.skip(f"no Postgres {major} server binaries")
    async with Postgres(directory, major=major) as postgres:
        inode = postgres.data.stat().st_ino
        assert not remove_shared_memory(postgres.data)
        assert segments(inode), "it was in use"
        files, children = files_of(postgres.pid), descendants(postgres.pid)
        os.kill(postgres.pid, signal.SIGKILL)
        await eventually(lambda: not any(is_running(each) for each in children), within=20)
        assert segments(inode)
        assert files
        assert all(file.exists() for file in files)

    assert not segments(inode)
    assert not any(file.exists() for file in files)


def test_shared_memory_of_somebody_else_stays(tmp_path: Path) -> None:
    """Others may have the key of a data directory; Postgres then takes another one."""
    key = tmp_path.stat().st_ino & _KEY
    libc = ctypes.CDLL(None)
    created = libc.shmget(ctypes.c_uint(key), 56, 0o3600)
    assert created >= 0
    try:
        remove_shared_memory(tmp_path)
        assert segments(key)
    finally:
        libc.shmctl(created, 0, None)


async def kill_server(directory: Path) -> tuple[int, set[Path]]:
    """Kill a server and its Postgres at once; return the inode of the data, and files in use."""
    program = [sys.executable, "-m", "embedded", f"--dir={directory}", "--ready-fd=1"]
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        program, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout
        assert server.stdout.readline()
        postmaster = read_postmaster(directory / "postgres")
        assert postmaster
        files, children = files_of(postmaster.pid), descendants(postmaster.pid)
        os.kill(postmaster.pid, signal.SIGSTOP)  # or it would end in order with the server
        server.kill()
        os.kill(postmaster.pid, signal.SIGKILL)
    pids = {postmaster.pid, *children}
    await eventually(lambda: not any(is_running(each) for each in pids), within=20)
    inode = (directory / "postgres").stat().st_ino
    assert segments(inode)
    assert files
    return inode, files


async def test_what_a_killed_server_left_goes_with_the_next_start_or_with_the_data(
    directory: Path,
) -> None:
    inode, files = await kill_server(directory)
    async with Postgres(directory):
        assert len(segments(inode)) == 1
        assert not any(file.exists() for file in files)
    inode, files = await kill_server(directory)

    await drop_data(directory)

    assert not segments(inode)
    assert not any(file.exists() for file in files)


def a_dead_pid() -> int:
    with subprocess.Popen(["true"]) as ended:
        return ended.pid


async def test_the_next_run_of_the_tests_removes_what_a_killed_one_left(directory: Path) -> None:
    left, held = (directory / f"cogo-test-{pid}-x" for pid in (a_dead_pid(), os.getpid()))
    for each in (left, held):
        each.mkdir()
        each.chmod(0o711)
    inode, files = await kill_server(left)

    sweep(directory)

    assert (left.exists(), held.exists()) == (False, True)
    assert not segments(inode)
    assert not any(file.exists() for file in files)


async def test_the_next_run_of_the_tests_stops_servers_of_a_killed_one(directory: Path) -> None:
    left = directory / f"cogo-test-{a_dead_pid()}-x"
    left.mkdir()
    left.chmod(0o711)
    with embedded_server(left) as state:
        sweep(directory)
        assert left.is_dir()
        assert state.pid is not None
        pid = state.pid
        await eventually(lambda: not is_running(pid), within=20)

    sweep(directory)

    assert not left.exists()


async def test_a_server_ends_with_a_run_of_the_tests_that_is_killed(directory: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from tests.support.servers.embedded import embedded_server\n"
        "with embedded_server(pathlib.Path(sys.argv[1])) as state:\n"
        "    print(state.pid, flush=True)\n"
        "    input()\n"
    )
    command = [sys.executable, "-c", program, str(directory)]
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout
        pid = int(run.stdout.readline())
        inode = (directory / "postgres").stat().st_ino
        run.kill()

    await eventually(lambda: not is_running(pid), within=30)

    assert not segments(inode)
