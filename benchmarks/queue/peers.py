"""Other queues on the same Postgres, each in its own cached environment."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import python_of
from benchmarks.queue.database import connect
from benchmarks.supabase import Server

_PROGRAMS: Final = Path(__file__).parent / "programs"
_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A queue to compare with: its packages and its schema."""

    name: str
    requirements: Sequence[str]
    schema: str
    facts: dict[str, object]


PEERS: Final = (
    Peer(
        name="procrastinate",
        requirements=("procrastinate==3.10.0", "psycopg-binary==3.3.9"),
        schema="procrastinate",
        facts={"version": "3.10.0", "concurrency": 50},
    ),
    Peer(
        name="dbos",
        requirements=("dbos==3.4.0",),
        schema="dbos",
        facts={"version": "3.4.0", "worker_concurrency": None, "poll_seconds": 1.0},
    ),
)


async def install(peer: Peer) -> Path:
    """Create its environment if needed and return its Python."""
    return await asyncio.to_thread(python_of, peer.name, peer.requirements)


class InItsOwnProcess:
    """A peer as a competitor: its program fills and drains the queue and reports the times."""

    def __init__(self, server: Server, peer: Peer, python: Path) -> None:
        self.name = peer.name
        self.facts = peer.facts
        self._server = server
        self._peer = peer
        self._python = python

    async def prepare(self, count: int) -> None:
        """Empty its schema and queue the jobs."""
        owner = await connect(self._server.db_url, "postgres")
        await owner.execute(f"drop schema if exists {self._peer.schema} cascade")
        await owner.execute(f"create schema {self._peer.schema}")
        await owner.close()
        await self.tell("fill", count)

    async def drain(self, count: int) -> float:
        """Do all jobs and return the seconds, without the start of the process."""
        return float((await self.tell("drain", count))["seconds"])

    async def latency(self, count: int) -> list[float]:
        """Return the milliseconds from queueing a job to its start, when idle."""
        return list((await self.tell("latency", count))["ms"])

    async def tell(self, verb: str, count: int) -> dict[str, Any]:
        """Run its program once. The URL contains a password, so it is passed on standard input."""
        program = _PROGRAMS / f"{self._peer.name}_program.py"
        async with _process(str(self._python), str(program), verb, str(count)) as process:
            async with asyncio.timeout(_SECONDS):
                answer, _ = await process.communicate(f"{self._server.db_url}\n".encode())
            if process.returncode != 0:
                raise RuntimeError(f"{self.name} {verb} ended with {process.returncode}")
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
