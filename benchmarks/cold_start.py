"""Time until `cogo up` is ready and accepts a task, and until a killed executor serves again.

`start_cpu` is what all processes spend until then, however busy the machine is: the seconds of one
processor that a start on an empty directory takes, without those of Postgres while it is set up.
"""

import asyncio
import contextlib
import os
import signal
import time
from typing import Any

import httpx

from benchmarks.figures import quantiles
from benchmarks.processes import cpu_seconds, list_tree
from benchmarks.system import System, empty_home, running_system

RUNS = 5
LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.02


async def run() -> list[dict[str, Any]]:
    """Measure starts on an empty directory, on the same one again, and recoveries, in turn."""
    cold, accepted, cpu, warm, recovery = [], [], [], [], []
    for _ in range(RUNS):
        with empty_home() as home:
            async with running_system(home) as system:
                cold.append(system.seconds_to_ready)
                cpu.append(sum(map(cpu_seconds, list_tree(system.pid))))
                accepted.append(system.seconds_to_ready + await _insert_task(system))
            async with running_system(home) as system:
                warm.append(system.seconds_to_ready)
                recovery.append(await _recover(system))
    return [
        {"name": "cold_start", "unit": "s", **quantiles(cold)},
        {"name": "cold_start_to_task", "unit": "s", **quantiles(accepted), "goal_p50": 3.0},
        {"name": "start_cpu", "unit": "s CPU", **quantiles(cpu)},
        {"name": "warm_start", "unit": "s", **quantiles(warm)},
        {"name": "executor_recovery", "unit": "s", **quantiles(recovery), "goal_p50": 5.0},
    ]


async def _insert_task(system: System) -> float:
    """Insert a task; return how many seconds it took."""
    began = time.monotonic()
    async with httpx.AsyncClient(headers={"apikey": system.secret_key}, timeout=10) as http:
        answer = await http.post(f"{system.url}/rest/v1/cogo_tasks", json={"prompt": "Say hello"})
        answer.raise_for_status()
    return time.monotonic() - began


async def _recover(system: System) -> float:
    """Kill the executor; return the seconds until its successor is ready on the same port."""
    async with asyncio.timeout(LIMIT_SECONDS), httpx.AsyncClient() as http:
        await _wait(http, system, is_ready=True)
        os.kill(system.pids["executor"], signal.SIGKILL)
        killed = time.monotonic()
        await _wait(http, system, is_ready=False)  # until the kernel has closed its port
        await _wait(http, system, is_ready=True)
    return time.monotonic() - killed


async def _wait(http: httpx.AsyncClient, system: System, *, is_ready: bool) -> None:
    while await _is_ready(http, system) is not is_ready:  # noqa: ASYNC110 - another process
        await asyncio.sleep(POLL_SECONDS)


async def _is_ready(http: httpx.AsyncClient, system: System) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await http.get(f"{system.health_urls['executor']}/ready")).is_success
    return False
