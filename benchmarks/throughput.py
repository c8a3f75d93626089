"""Throughput of no-op tasks from insert to result, with one executor process."""

import asyncio
import time
from typing import Any

from postgrest import CountMethod
from supabase import acreate_client

from benchmarks.system import System, empty_home, running_system

TASKS = 500
CAPACITY = 32


async def run() -> list[dict[str, Any]]:
    """Insert all tasks at once and measure until the last result."""
    with empty_home() as home:
        async with running_system(home, "--capacity", str(CAPACITY)) as system:
            await _through(system, 20, stream=True)  # imports and plans are cached after this
            rates = {
                stream: await _through(system, TASKS, stream=stream) for stream in (True, False)
            }
    return [
        {
            "name": f"throughput_{'streamed' if stream else 'not_streamed'}",
            "unit": "tasks/s",
            "n": TASKS,
            "rate": round(rate, 1),
            "subtasks_per_second": round(rate * 2, 1),
        }
        for stream, rate in rates.items()
    ]


async def _through(system: System, count: int, *, stream: bool) -> float:
    client = await acreate_client(system.url, system.secret_key)
    mark = f"{time.time_ns()}"
    row: dict[str, Any] = {"prompt": "Say hello", "type": "CHAT", "stream": stream}
    rows = [row | {"idempotency_key": f"{mark}-{number}"} for number in range(count)]
    started = time.monotonic()
    await client.table("cogo_tasks").insert(rows).execute()
    while True:
        query: Any = client.table("cogo_tasks").select("id", count=CountMethod.exact, head=True)
        done = await query.like("idempotency_key", f"{mark}-%").eq("status", "completed").execute()
        if done.count == count:
            return count / (time.monotonic() - started)
        if time.monotonic() - started > 120:
            raise RuntimeError(f"only {done.count} of {count} tasks ended within 120 s")
        await asyncio.sleep(0.1)
