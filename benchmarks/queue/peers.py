"""Other queues on the same Postgres, each in its own cached environment, set up as it advises."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import npm_package, python_of
from benchmarks.queue.competitors import WORKERS, Drained
from benchmarks.queue.database import connect
from benchmarks.supabase import Server

_PROGRAMS: Final = Path(__file__).parent / "programs"
_SECONDS: Final = 600.0
_PGMQ: Final = ("pgmq==1.1.4", "asyncpg==0.32.0")
_TABLES: Final = """
select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = any ($1)
"""


class PeerFailed(Exception):
    """A peer cannot be installed or measured; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A queue to compare with: its packages, its schemas, and how its worker is run."""

    name: str
    requirements: Sequence[str]
    schemas: Sequence[str]
    options: dict[str, object]
    version: str
    npm: str = ""
    """A package of npm whose files it needs."""
    has_latency: bool = False
    """Whether it notifies its workers, or polls, by itself."""

    @property
    def facts(self) -> dict[str, object]:
        """What its figures say about the way it was run."""
        return {"version": self.version, **self.options}


PEERS: Final = (
    Peer(
        name="procrastinate",
        requirements=("procrastinate==3.10.0", "psycopg-binary==3.3.9"),
        schemas=("procrastinate",),
        options={"concurrency": 10, "connections": WORKERS},
        version="3.10.0",
        has_latency=True,
    ),
    Peer(
        name="dbos",
        requirements=("dbos==3.4.0",),
        schemas=("dbos",),
        options={"poll_seconds": 1.0},
        version="3.4.0",
        has_latency=True,
    ),
    Peer(
        name="absurd",
        requirements=("absurd-sdk==0.5.1", "absurdctl==0.5.1", "psycopg[binary]==3.3.9"),
        schemas=("absurd",),
        options={"concurrency": 10, "connections": WORKERS},
        version="0.5.1",
        has_latency=True,
    ),
    *(
        Peer(
            name="pgmq",
            requirements=_PGMQ,
            schemas=("pgmq",),
            options={"batch": batch, "connections": WORKERS},
            version="1.13.0",
        )
        for batch in (1, 50)
    ),
    Peer(
        name="pgflow",
        requirements=_PGMQ,
        schemas=("pgflow", "pgmq"),
        options={"batch": 10, "connections": 4},
        version="0.8.1",
        npm="@pgflow/core@0.8.1",
    ),
)


@dataclass(slots=True)
class InItsOwnProcess:
    """A peer as a competitor: its program fills and drains the queue and reports the times."""

    server: Server
    peer: Peer
    name: str = field(init=False)
    facts: dict[str, object] = field(init=False)
    _python: Path = field(init=False)
    _options: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.peer.name
        self.facts = self.peer.facts
        self._options = dict(self.peer.options)

    async def install(self) -> None:
        """Create its environment if needed; raise `PeerFailed` if that is not possible here."""
        try:
            self._python = await asyncio.to_thread(
                python_of, self.name, tuple(self.peer.requirements)
            )
            if self.peer.npm:
                self._options["folder"] = str(await asyncio.to_thread(npm_package, self.peer.npm))
        except FileNotFoundError as error:
            raise PeerFailed(f"{error.filename} is not installed here") from error
        except subprocess.CalledProcessError as error:
            wanted = " ".join((*self.peer.requirements, self.peer.npm)).strip()
            raise PeerFailed(f"{wanted} cannot be installed here") from error

    async def prepare(self, count: int) -> None:
        """Empty its schemas, queue the jobs, and vacuum and analyze its tables."""
        owner = await connect(self.server.db_url, "postgres")
        try:
            await owner.execute("set client_min_messages = warning")
            for schema in self.peer.schemas:
                await owner.execute(f"drop schema if exists {schema} cascade")
            # pgmq and pgflow create theirs.
            if "pgmq" not in self.peer.schemas:
                await owner.execute(f"create schema {self.peer.schemas[0]}")
            await self.tell("fill", count)
            for row in await owner.fetch(_TABLES, list(self.peer.schemas)):
                await owner.execute(f"vacuum analyze {row[0]}")
        finally:
            await owner.close()

    async def drain(self, count: int) -> Drained:
        """Do all jobs, without the start of the process."""
        answer = await self.tell("drain", count)
        return Drained(float(answer["seconds"]), float(answer["cpu_seconds"]))

    async def latency(self, count: int) -> list[float]:
        """Return the milliseconds from queueing a job to its start, when idle."""
        return list((await self.tell("latency", count))["ms"])

    async def tell(self, verb: str, count: int) -> dict[str, Any]:
        """Run its program once. The URL contains a password, so it is passed on standard input."""
        program = str(_PROGRAMS / f"{self.name}_program.py")
        options = json.dumps(self._options)
        async with _process(str(self._python), program, verb, str(count), options) as process:
            try:
                async with asyncio.timeout(_SECONDS):
                    answer, _ = await process.communicate(f"{self.server.db_url}\n".encode())
            except TimeoutError:
                raise PeerFailed(f"{verb} took more than {_SECONDS:.0f} seconds") from None
            if process.returncode != 0:
                raise PeerFailed(f"its {verb} ended with {process.returncode}; see standard error")
            answered: dict[str, Any] = json.loads(answer.splitlines()[-1])
            return answered


@contextlib.asynccontextmanager
async def _process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
