"""A Postgres cluster: one data directory and one postmaster, on loopback, with passwords."""

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

from embedded.errors import CannotStart, ForeignData, PortInUse, PostgresFailed
from embedded.postgres.binaries import DEFAULT_MAJOR, find_installation
from embedded.postgres.bootstrap import apply_bootstrap, compute_bootstrap_version
from embedded.postgres.data_layout import DataLayout, choose_layout
from embedded.postgres.postmaster import read_postmaster, stop_orphan, stop_postmaster
from embedded.postgres.role_passwords import Passwords, load_passwords
from embedded.postgres.shared_memory import release_shared_memory, remove_shared_memory
from embedded.postgres.unprivileged.account import (
    change_owner,
    find_unprivileged_account,
    launch,
    make_private,
)
from embedded.private_files import write_private
from embedded.state import hold_directory_lock
from embedded.storage.contents import delete_contents

_log = logging.getLogger(__name__)

FIRST_PORT: Final = 54322
HOST: Final = "127.0.0.1"

START_SECONDS: Final = 60.0
"""Long enough for crash recovery of a small database."""

_LOG_BYTES: Final = 10_000_000
_POLL_SECONDS: Final = 0.005
_PORTS_TRIED: Final = 200
_RESTART_SECONDS: Final = 0.2
_LAST_RESTART_SECONDS: Final = 5.0
_SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "on",
    "jit": "off",  # does not pay off for statements of milliseconds
    "listen_addresses": HOST,
    "log_timezone": "UTC",
    "max_connections": "100",
    "max_logical_replication_workers": "0",  # slots are read over connections; no subscriptions
    "max_slot_wal_keep_size": "1GB",  # a slot that lags further is lost and recreated
    "shared_buffers": "128MB",
    "timezone": "UTC",
    # No Unix socket: its path may have 107 bytes at most, and its folder needs protection.
    "unix_socket_directories": "",
    "wal_level": "logical",  # for postgres_changes; a slot exists only while there are subscribers
}


class Postgres:
    """Runs Postgres within a context, and holds the lock of the state directory.

    The remains of a killed server (a stale pid file, a running postmaster) are cleared first.
    Entering the context raises `CannotStart`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        major: int = DEFAULT_MAJOR,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Take `settings` of postgresql.conf that override the defaults, except the port."""
        self._directory = directory
        self._settings = {**_SETTINGS, **(settings or {})}
        self._major = major
        self._wanted_port = port
        self._port = 0
        self._passwords: Passwords | None = None
        self._layout: DataLayout | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stack = contextlib.AsyncExitStack()

    def dsn(self, role: str, database: str = "postgres") -> str:
        """Return the URL for a login role: postgres, authenticator or supabase_admin."""
        if self._passwords is None:
            raise RuntimeError("Postgres has not been started")
        return (
            f"postgresql://{role}:{self._passwords.for_role(role)}@{HOST}:{self._port}/{database}"
        )

    @property
    def data(self) -> Path:
        """The data directory; below the state directory, unless root had to place it elsewhere."""
        if self._layout is None:
            raise RuntimeError("Postgres has not been started")
        return self._layout.data

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        if self._process is None:
            raise RuntimeError("Postgres has not been started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            # Not in a thread, which would keep the lock after a cancelled start.
            layout, passwords = self._prepare_directory(stack)
            self._layout, self._passwords = layout, passwords
            await stop_orphan(layout.data)
            if not layout.data.exists():
                await _initialize(layout, self._directory, passwords)
            _check_data_version(layout.data, self._major)
            stack.push_async_callback(self._stop)
            await self._start(layout)
            await self._bootstrap(layout, passwords)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def _prepare_directory(self, stack: contextlib.AsyncExitStack) -> tuple[DataLayout, Passwords]:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._directory = self._directory.resolve()
            stack.enter_context(hold_directory_lock(self._directory))
            passwords = load_passwords(self._directory)
        except OSError as error:
            raise CannotStart(
                f"{self._directory} cannot be written ({error.strerror}): choose another --dir."
            ) from error
        return _choose_layout(self._directory, self._major, passwords), passwords

    async def _start(self, layout: DataLayout) -> None:
        for port in [self._wanted_port] if self._wanted_port else _find_free_ports():
            self._port = port
            if await self._start_on(port, layout):
                return
        if self._wanted_port:
            raise PortInUse(f"Port {self._wanted_port} is in use: use another, or none.")
        raise CannotStart(f"No free port from {FIRST_PORT} on for Postgres.")

    async def _start_on(self, port: int, layout: DataLayout) -> bool:
        """Start Postgres and return whether it could use the port."""
        log = self._directory / "postgres.log"
        _rotate(log)
        begin = log.stat().st_size if log.exists() else 0
        # A copy of the directory has another inode, though the same system identifier.
        place = str(layout.data.stat().st_ino)
        settings = self._settings | {"port": str(port), "cogo.place": place}
        with log.open("ab") as output:
            log.chmod(0o600)
            self._process = await launch(
                layout.installation.bin / "postgres",
                "-D",
                str(layout.data),
                *(part for item in settings.items() for part in ("-c", "=".join(item))),
                account=layout.account,
                folder=layout.data.parent,
                output=output.fileno(),
            )
        if await self._is_ready(self._process, layout.data):
            return True
        lines = log.read_bytes()[begin:].decode(errors="replace")
        if "could not create any TCP/IP sockets" in lines:
            return False
        raise PostgresFailed(f"Postgres did not start; {log} ends with:\n{lines[-1000:].strip()}")

    async def _is_ready(self, process: asyncio.subprocess.Process, data: Path) -> bool:
        """Wait until Postgres accepts connections; return False if it ended instead."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    postmaster = read_postmaster(data)
                    if postmaster and postmaster.pid == process.pid and postmaster.is_ready:
                        return True
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise PostgresFailed(f"Postgres was not ready within {START_SECONDS:.0f} s.") from error
        return False

    async def keep_running(self, on_move: Callable[[], None] | None = None) -> None:
        """Restart Postgres whenever it ends by itself; run until cancelled.

        It restarts on its port. If another process uses that port, a free one is chosen and
        `on_move` is called, since `dsn` has changed; a port that was requested is waited for.
        """
        delay = _RESTART_SECONDS
        while self._process and self._layout:
            await self._process.wait()
            _log.error("Postgres ended unexpectedly; restarting it.")
            # Its children need a moment to release the shared memory.
            await asyncio.sleep(delay)
            port = self._port
            try:
                is_up = await self._restart(self._layout)
            except PostgresFailed as error:
                _log.error("%s", error)
                is_up = False
            if self._port != port:
                _log.warning("Port %s is in use; Postgres listens on %s.", port, self._port)
                if on_move is not None:
                    on_move()
            delay = _RESTART_SECONDS if is_up else min(delay * 2, _LAST_RESTART_SECONDS)

    async def _restart(self, layout: DataLayout) -> bool:
        port = self._port
        if await self._start_on(port, layout):
            return True
        for other in () if self._wanted_port else _find_free_ports():
            self._port = other
            if await self._start_on(other, layout):
                return True
        self._port = port
        return False

    async def _stop(self) -> None:
        if self._process and self._process.returncode is None:
            await stop_postmaster(self._process.pid, self.data)
            await self._process.wait()
        await release_shared_memory(self.data)

    async def _bootstrap(self, layout: DataLayout, passwords: Passwords) -> None:
        """Apply the bootstrap unless this version was applied to the data before."""
        marker = layout.data.with_name(f"{layout.data.name}.bootstrap")
        version = compute_bootstrap_version()
        if marker.exists() and marker.read_text() == version:
            return
        connection = await asyncpg.connect(self.dsn("supabase_admin"))
        try:
            await apply_bootstrap(connection, passwords)
        finally:
            await connection.close()
        write_private(marker, version)


async def drop_data(directory: Path) -> None:
    """Delete the database and the files of a state directory; keys and passwords stay.

    Raise `DirectoryInUse` while a server runs on it, or `CannotStart`.
    """
    with hold_directory_lock(directory):
        data = _choose_layout(directory, DEFAULT_MAJOR, load_passwords(directory)).data
        await stop_orphan(data)
        await release_shared_memory(data)
        if data.exists():
            # Renamed first, to a name that the next initialisation clears: an interrupted reset
            # leaves no part of a database.
            dropped = data.with_name(f"{data.name}.new-{secrets.token_hex(4)}")
            data.rename(dropped)
            shutil.rmtree(dropped)
        delete_contents(directory)
        data.with_name(f"{data.name}.bootstrap").unlink(missing_ok=True)


def _choose_layout(directory: Path, major: int, passwords: Passwords) -> DataLayout:
    return choose_layout(
        directory,
        find_installation(major),
        account=find_unprivileged_account(),
        token=passwords.token,
    )


async def _initialize(layout: DataLayout, directory: Path, passwords: Passwords) -> None:
    """Run initdb in a draft folder and rename it, so that a data directory is always complete."""
    # A new name, since children of a killed initdb may still write to the old folder.
    draft = layout.data.with_name(f"{layout.data.name}.new-{secrets.token_hex(4)}")
    for left in layout.data.parent.glob(f"{layout.data.name}.new-*"):
        remove_shared_memory(left)
        shutil.rmtree(left, ignore_errors=True)
    make_private(draft, layout.account)
    password = layout.data.with_name(f"{layout.data.name}.password")
    write_private(password, passwords.supabase_admin)
    change_owner(password, layout.account)
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    log = directory / "initdb.log"
    with log.open("wb") as output:
        process = await launch(
            layout.installation.bin / "initdb",
            f"--pgdata={draft}",
            "--username=supabase_admin",  # as on hosted projects, where `postgres` is no superuser
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The files reach the disk with the next write-back of the operating system.
            "--no-sync",
            "--no-instructions",
            *(provider if layout.installation.major >= 18 else ["--locale=C.UTF-8"]),
            account=layout.account,
            folder=layout.data.parent,
            output=output.fileno(),
        )
        try:
            code = await process.wait()
        finally:
            password.unlink()
            if process.returncode is None:  # cancelled
                with contextlib.suppress(ProcessLookupError):  # ended meanwhile
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                await release_shared_memory(draft)
    if code != 0:
        raise PostgresFailed(f"initdb failed:\n{log.read_text(errors='replace')[-1000:].strip()}")
    draft.rename(layout.data)


def _check_data_version(data: Path, major: int) -> None:
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else "an unknown version"
    if found != str(major):
        raise ForeignData(
            f"{data} holds data of Postgres {found}, this is Postgres {major}: choose another "
            f"--dir, or dump them with the programs of {found} and restore them here."
        )


def _find_free_ports() -> Iterable[int]:
    """Yield ports that are free at the moment; Postgres may still fail to bind one."""
    for port in range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        yield port


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
