"""The embedded server alone, in its own process, on an empty directory."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.system import READY_SECONDS, empty_home


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Address, keys and process of the server."""

    url: str
    publishable_key: str
    secret_key: str
    db_url: str
    pid: int

    @property
    def socket_url(self) -> str:
        """Return the URL of Realtime for version 1 of the protocol."""
        address = self.url.replace("http", "ws", 1)
        return f"{address}/realtime/v1/websocket?vsn=1.0.0&apikey={self.publishable_key}"

    def resident_bytes(self) -> int:
        """Return the memory of the server's process, without Postgres."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the kernel does not tell")

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's process, without Postgres."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def running_server(schema: str = "") -> AsyncIterator[Server]:
    """Run `python -m embedded` with the objects of `schema`, created by the project's owner."""
    reading, writing = os.pipe()
    with empty_home() as home, os.fdopen(reading) as ready:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "embedded", "--dir", str(home), "--ready-fd", str(writing)),
            pass_fds=[writing],
        )
        os.close(writing)
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await asyncio.to_thread(ready.readline)
            state = json.loads(line)
            if schema:
                await _execute(state["db_url"], schema)
            yield Server(**{name: state[name] for name in Server.__dataclass_fields__})
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def _execute(db_url: str, statement: str) -> None:
    connection = await asyncpg.connect(db_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
