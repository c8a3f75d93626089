"""A thousand concurrent streams through one executor: success, time and memory."""

import asyncio
import time
from typing import Any, Final

from postgrest import CountMethod
from supabase import AsyncClient, acreate_client

from benchmarks.peers.high_concurrency import render_overlay
from benchmarks.processes import peak_memory_mib
from benchmarks.system import empty_home, running_system
from benchmarks.vendor_server import SLOW_SECONDS, running_server

STREAMS: Final = 1000
PATIENCE: Final = 240.0
GOAL_MIB: Final = 512


async def run() -> list[dict[str, Any]]:
    """Insert the tasks; each answer takes at least ten seconds, so that all run at once."""
    with empty_home() as home:
        catalogue = home / "high_concurrency.toml"
        catalogue.write_text(render_overlay(STREAMS), encoding="utf-8")
        async with running_server() as server:
            variables = {
                "COGO_CATALOGUE": str(catalogue),
                "OPENAI_BASE_URL": f"{server}/slow/openai/v1",
            }
            arguments = ("--capacity", str(STREAMS))
            async with running_system(home, *arguments, variables=variables) as system:
                client = await acreate_client(system.url, system.secret_key)
                idle = peak_memory_mib(system.pids["executor"])
                most, seconds = await _through(client)
                peak = peak_memory_mib(system.pids["executor"])
    return [
        {
            "name": "many_streams",
            "unit": "MiB",
            "n": STREAMS,
            "most_at_once": most,
            "seconds": round(seconds, 1),
            "seconds_of_one": SLOW_SECONDS,
            "idle": round(idle, 1),
            "peak": round(peak, 1),
            "goal_peak": GOAL_MIB,
        }
    ]


async def _through(client: AsyncClient) -> tuple[int, float]:
    """Return the maximum number of concurrent tasks and the seconds until all had completed."""
    task = {"prompt": "Say hello", "type": "CHAT", "model": "gpt-6.1-sol"}
    started = time.monotonic()
    await client.table("cogo_tasks").insert([task] * STREAMS).execute()
    most = 0
    while True:
        running = await _count(client, "cogo_subtasks", "running")
        most = max(most, running)
        done = await _count(client, "cogo_tasks", "completed")
        if done == STREAMS:
            return most, time.monotonic() - started
        if time.monotonic() - started > PATIENCE:
            raise RuntimeError(f"only {done} of {STREAMS} tasks ended within {PATIENCE:.0f} s")
        await asyncio.sleep(0.5)


async def _count(client: AsyncClient, table: str, status: str) -> int:
    query: Any = client.table(table).select("id", count=CountMethod.exact, head=True)
    return int((await query.eq("status", status).execute()).count or 0)
