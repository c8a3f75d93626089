"""Fresh Supabase-like databases on real Postgres servers, one server a major version."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
import pytest

from embedded.errors import CannotStart
from embedded.postgres.binaries import find_installation
from embedded.postgres.cluster import Postgres
from embedded.postgres.postmaster import is_running
from embedded.postgres.shared_memory import remove_shared_memory
from embedded.postgres.system_data import find_system_data
from embedded.state import is_alive, read_state
from tests.support import processes

FAST: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Settings for data that need not survive the machine."""

ONE_VERSION: Final = pytest.mark.parametrize("cluster", [18], ids=["pg18"], indirect=True)
"""Marks long tests of a law, whose SQL others run on all versions, and texts that are the same."""

_PREFIX: Final = "cogo-test-"
_DATA: Final = (
    "cogo-*/postgres",
    "cogo-*/.cogo/postgres",
    *(f"pytest-of-*/{'*/' * depth}postgres" for depth in (2, 3, 4)),
)
"""Where the data of servers lie: of tests, of scripts, and below pytest's directories."""

_T = TypeVar("_T")
_numbers = itertools.count(1)


class Cluster:
    """A running Postgres with the bootstrap in its database `postgres`, the template."""

    def __init__(self, postgres: Postgres, major: int, runner: asyncio.Runner) -> None:
        self._postgres = postgres
        self._runner = runner
        self._prepared: dict[str, str] = {}
        self.major = major

    def dsn(self, role: str, database: str) -> str:
        """Return the URL of a database for postgres, authenticator or supabase_admin."""
        return self._postgres.dsn(role, database)

    def create(self, *, template: str = "postgres") -> str:
        """Create a database as a copy of `template` (nobody connected to it); give its name."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._execute(f'create database "{name}" template "{template}" owner postgres')
        return name

    def prepared(self, name: str, prepare: Callable[[str], Coroutine[Any, Any, None]]) -> str:
        """Return the database that `prepare` made from its URL for postgres, at the first call."""
        if name not in self._prepared:
            database = self.create()
            self.run(prepare(self.dsn("postgres", database)))
            self._prepared[name] = database
        return self._prepared[name]

    def drop(self, name: str) -> None:
        """Drop a database with its connections."""
        self._execute(f'drop database if exists "{name}" with (force)')

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine from a fixture that is not async."""
        return self._runner.run(work)

    def _execute(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.dsn("supabase_admin", "template1"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        self.run(execute())


@contextlib.contextmanager
def state_directory() -> Iterator[Path]:
    """Make a state directory that an unprivileged Postgres may enter, also under root."""
    # Its name tells later runs when it is left over.
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        _remove(directory)


def _remove(directory: Path) -> None:
    """Remove a state directory, and the shared memory of a Postgres that was killed in it."""
    for pid_file in directory.rglob("postmaster.pid"):
        remove_shared_memory(pid_file.parent)
    shutil.rmtree(directory, ignore_errors=True)


def sweep(temporary: Path | None = None) -> None:
    """Remove what killed runs left below a directory for temporary files.

    Their servers that still run are stopped, and their directories stay until the next sweep.
    Whatever belongs to a run or a server that lives stays.
    """
    root = temporary or Path(tempfile.gettempdir())
    for each in find_system_data():
        remove_shared_memory(each.folder / "postgres")
    for pattern in _DATA:
        for data in root.glob(pattern):
            remove_shared_memory(data)
    for directory in root.glob(f"{_PREFIX}*-*"):
        if _is_left(directory) and not _stop_servers(directory):
            _remove(directory)


def _is_left(directory: Path) -> bool:
    """Return whether the run that made a directory has ended."""
    pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
    with contextlib.suppress(OSError):
        return (
            pid.isdecimal()
            and directory.stat().st_uid == os.getuid()
            and not processes.is_running(int(pid))
        )
    return False


def _stop_servers(directory: Path) -> bool:
    """Send SIGTERM to the servers below a directory; return whether one was there."""
    states = [read_state(path.parent) for path in directory.rglob("state.json")]
    running = [state.pid for state in states if state and state.pid and is_alive(state)]
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    data = (path.parent for path in directory.rglob("postmaster.pid"))
    return bool(running) or any(is_running(each) for each in data)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remove what killed runs left, once a run."""
    if not hasattr(session.config, "workerinput"):
        with contextlib.suppress(FileNotFoundError):  # another run sweeps, too
            sweep()


@pytest.fixture(scope="session", autouse=True)
def tidy_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove what servers of this run left, and what root puts outside their state directories."""
    yield
    ours = tmp_path_factory.getbasetemp().resolve()
    for pid_file in ours.rglob("postmaster.pid"):
        remove_shared_memory(pid_file.parent)
    for each in find_system_data():
        if each.owner.is_relative_to(ours):
            remove_shared_memory(each.folder / "postgres")
            shutil.rmtree(each.folder, ignore_errors=True)


@contextlib.contextmanager
def _running_cluster(major: int) -> Iterator[Cluster]:
    try:
        find_installation(major)
    except CannotStart:
        pytest.skip(f"no Postgres {major} server binaries")
    # A loop of its own, so that the event loop of the tests stays as pytest-asyncio left it.
    with (
        state_directory() as directory,
        asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner,
    ):
        postgres = Postgres(directory, major=major, settings=FAST)
        runner.run(postgres.__aenter__())
        try:
            yield Cluster(postgres, major, runner)
        finally:
            runner.run(postgres.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_18() -> Iterator[Cluster]:
    with _running_cluster(18) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_15() -> Iterator[Cluster]:
    with _running_cluster(15) as running:
        yield running


@pytest.fixture(scope="session", params=[18, 15], ids=["pg18", "pg15"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Return Postgres 18, and 15 where its binaries are found.

    Both run until the end: pytest ends a fixture with parameters whenever the parameter changes,
    once or twice in each module.
    """
    running: Cluster = request.getfixturevalue(f"postgres_{request.param}")
    return running


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """Yield the URL, for the role postgres, of a bootstrapped empty database of this test."""
    name = cluster.create()
    yield cluster.dsn("postgres", name)
    cluster.drop(name)


@pytest.fixture(scope="module")
def module_database_url(cluster: Cluster) -> Iterator[str]:
    """Yield the URL of a database that the tests of a module share."""
    name = cluster.create()
    yield cluster.dsn("postgres", name)
    cluster.drop(name)
