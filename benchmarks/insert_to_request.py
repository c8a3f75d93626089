"""Time from the insert of a task to the request at the provider, on an idle system."""

import asyncio
import time
from datetime import datetime
from typing import Any

import httpx
from supabase import AsyncClient, acreate_client

from benchmarks.figures import quantiles
from benchmarks.system import empty_home, running_system

TASKS = 100
WARM_UP = 10
QUIET_SECONDS = 0.15
"""Pause before polling, which on two cores would slow what is measured."""


async def run() -> list[dict[str, Any]]:
    """Insert tasks one at a time, each after the previous one has ended."""
    with empty_home() as home:
        async with (
            running_system(home) as system,
            httpx.AsyncClient(base_url=system.simulator_url) as simulator,
        ):
            client = await acreate_client(system.url, system.secret_key)
            samples = [await _one(client, simulator, n) for n in range(WARM_UP + TASKS)]
    return [
        {
            "name": "insert_to_request",
            "unit": "ms",
            **quantiles(samples[WARM_UP:]),
            "goal_p50": 40,
            "goal_p95": 100,
        }
    ]


async def _rows(query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await query.execute()).data
    return rows


async def _one(client: AsyncClient, simulator: httpx.AsyncClient, number: int) -> float:
    inserted_at = time.time()
    row = {"prompt": f"Write fibonacci, variant {number}", "type": "CHAT"}
    [task] = await _rows(client.table("cogo_tasks").insert(row))
    await asyncio.sleep(QUIET_SECONDS)
    await _ended(client, task["id"])
    log = (await simulator.get("/_simulator/requests", params={"after": number})).json()
    asked_at = datetime.fromisoformat(log["requests"][-1]["asked_at"]).timestamp()
    await asyncio.sleep(0.05)  # idle again: what follows the result has been written
    return (asked_at - inserted_at) * 1000


async def _ended(client: AsyncClient, task_id: str) -> None:
    while True:
        [task] = await _rows(client.table("cogo_tasks").select("status").eq("id", task_id))
        status = task["status"]
        if status == "completed":
            return
        if status in {"failed", "cancelled"}:
            raise RuntimeError(f"a task of the benchmark ended as {status}")
        await asyncio.sleep(0.02)
