"""CPU time of statements in Postgres, beside that of a constant one on the same connection.

What the machine does besides changes the CPU time of the same work by half (caches, shared cores);
it changes that of the constant statement too.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from benchmarks.figures import quantiles
from benchmarks.queue.database import Connection, backend_of, cpu_us

SAMPLES: Final = 300
WARM_UP: Final = 50
_CONSTANT: Final = "select sum(length(md5(attname))) from pg_catalog.pg_attribute where attnum < 8"


class Yardstick:
    """The constant statement, on one connection."""

    def __init__(self, connection: Connection, backend: int) -> None:
        self.backend = backend
        self._connection = connection

    @classmethod
    async def on(cls, connection: Connection) -> "Yardstick":
        """Find the process that serves the connection."""
        return cls(connection, await backend_of(connection))

    async def measure(self) -> float:
        """Return the CPU time of the constant statement in microseconds."""
        before = cpu_us(self.backend)
        await self._connection.fetchval(_CONSTANT)
        return cpu_us(self.backend) - before


async def sample(
    connection: Connection, step: Callable[[], Awaitable[None]]
) -> dict[str, float | int]:
    """Return times of a step, its CPU time in Postgres, and that in units of the constant's."""
    yardstick = await Yardstick.on(connection)
    walls, cpus, constants = [], [], []
    for number in range(WARM_UP + SAMPLES):
        constant = await yardstick.measure()
        before, started = cpu_us(yardstick.backend), time.perf_counter()
        await step()
        if number >= WARM_UP:
            walls.append((time.perf_counter() - started) * 1000)
            cpus.append(cpu_us(yardstick.backend) - before)
            constants.append(constant)
    cpu, constant = statistics.median(cpus), statistics.median(constants)
    return {
        **quantiles(walls),
        "postgres_cpu_us": round(cpu),
        "yardsticks": round(cpu / constant, 3),
    }
