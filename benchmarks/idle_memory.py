"""Memory of an idle system, process by process, as `cogo up` starts it without any key.

Proportional set size: a page that several processes share is counted once in the sum. It is read
once the connections of the start have been closed. Then the executor calls every vendor of the
simulator, which imports their SDKs; one with real keys imports those of its vendors at its start.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx

from benchmarks.processes import list_tree, proportional_memory_mib, read_command
from benchmarks.system import System, empty_home, running_system
from embedded.postgres.database import IDLE_SECONDS

GOAL_MB: Final = 350
_SETTLED: Final = IDLE_SECONDS + 15
_MODELS: Final = ("claude-haiku-4-5", "gpt-6.1-terra")
"""One of each SDK."""
_LIMIT: Final = 60.0


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure an idle system before and after its first calls; `quick` does not wait."""
    settled = 1.0 if quick else _SETTLED
    with empty_home() as home:
        async with running_system(home, "--simulate") as system:
            await asyncio.sleep(settled)
            before = _measure(system)
            async with asyncio.timeout(_LIMIT):
                await _call_models(system)
            await asyncio.sleep(settled)
            after = _measure(system)
    return [
        {"name": "idle_memory", "unit": "MB", **before, "goal_total": GOAL_MB},
        {"name": "idle_memory_after_calls", "unit": "MB", **after},
    ]


def _measure(system: System) -> dict[str, Any]:
    names = {pid: name for name, pid in system.pids.items()} | {system.pid: "up"}
    processes: dict[str, float] = {}
    for pid in list_tree(system.pid):
        name = names.get(pid) or _name_other(read_command(pid))
        processes[name] = processes.get(name, 0.0) + proportional_memory_mib(pid) * 2**20 / 1e6
    return {
        "total": round(sum(processes.values()), 1),
        "processes": {name: round(size, 1) for name, size in processes.items()},
    }


def _name_other(command: str) -> str:
    if not command.startswith("postgres:"):
        return "postmaster" if "/postgres " in command else command.partition(" ")[0]
    return "connections" if "127.0.0.1" in command else "postgres"


async def _call_models(system: System) -> None:
    async with httpx.AsyncClient(
        base_url=f"{system.url}/rest/v1", headers={"apikey": system.secret_key}, timeout=10
    ) as http:
        for model in _MODELS:
            row = {"prompt": "Say hello", "model": model}
            answer = await http.post(
                "/cogo_tasks", json=row, headers={"prefer": "return=representation"}
            )
            answer.raise_for_status()
            one = {"id": f"eq.{answer.json()[0]['id']}", "select": "status"}
            while not await _is_completed(http, one):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)


async def _is_completed(http: httpx.AsyncClient, one: Mapping[str, str]) -> bool:
    [row] = (await http.get("/cogo_tasks", params=one)).json()
    return bool(row["status"] == "completed")
