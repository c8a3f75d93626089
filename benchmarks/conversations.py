"""A conversation of a thousand turns: time and memory of a turn, and the tokens that it sends.

One turn after the other, through all of a system: insert, orchestrator, executor, simulator. The
figures are those of the first and of the last fifth of the turns. Their memory is that of the
executor.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from supabase import AsyncClient, acreate_client

from benchmarks.figures import quantiles
from benchmarks.system import System, empty_home, running_system

TURNS: Final = 1_000
QUICK_TURNS: Final = 100
PARTS: Final = 5
WORDS: Final = "The quick brown fox jumps over the lazy dog, and asks what was said before. " * 20
"""About 330 tokens."""
GOAL_TOKENS: Final = 35_000
"""32,000 of the conversation, and the prompt."""


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Hold the conversation."""
    turns = QUICK_TURNS if quick else TURNS
    milliseconds: list[float] = []
    tokens: list[float] = []
    megabytes: list[float] = []
    session_id = str(uuid4())
    with empty_home() as home:
        async with running_system(home) as system:
            client = await acreate_client(system.url, system.secret_key)
            for number in range(turns):
                began = time.perf_counter()
                tokens.append(await _hold_turn(client, session_id, number))
                milliseconds.append((time.perf_counter() - began) * 1000)
                megabytes.append(_measure_executor(system))
            named = {"p_owner": None, "p_session_id": session_id, "p_limit": 1}
            [page] = await _fetch_rows(client.rpc("cogo_read_session", named))
    return [
        *_build_figures("conversation_turn", "ms", milliseconds),
        *_build_figures("conversation_prompt", "tokens", tokens, goal_max=GOAL_TOKENS),
        *_build_figures("conversation_executor", "MB", megabytes),
        {
            "name": "conversation_summary",
            "unit": "characters",
            "value": len((page["summary"] or {}).get("content", "")),
        },
    ]


async def _hold_turn(client: AsyncClient, session_id: str, number: int) -> float:
    """Add a turn, and return the tokens that the simulator has counted in its prompt."""
    row = {"prompt": f"{number}: {WORDS}", "type": "CHAT", "session_id": session_id}
    [task] = await _fetch_rows(client.table("cogo_tasks").insert(row))
    columns = "status,input_tokens,cached_tokens"
    while True:
        query = client.table("cogo_tasks").select(columns).eq("id", task["id"])
        [now] = await _fetch_rows(query)
        if now["status"] == "completed":
            return float(now["input_tokens"] + now["cached_tokens"])
        if now["status"] in {"failed", "cancelled"}:
            raise RuntimeError(f"a task of the benchmark ended as {now['status']}")
        await asyncio.sleep(0.02)


async def _fetch_rows(query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await query.execute()).data
    return rows


def _measure_executor(system: System) -> float:
    """Return the resident memory of the executor, where the kernel tells it."""
    pid = next((pid for name, pid in system.pids.items() if name.startswith("executor")), None)
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    [line] = [each for each in status.read_text().splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def _build_figures(
    name: str, unit: str, samples: Sequence[float], **goals: float
) -> list[dict[str, Any]]:
    part = max(len(samples) // PARTS, 1)
    return [
        {"name": f"{name}_{which}", "unit": unit, **quantiles(values), **goals}
        for which, values in (("first", samples[:part]), ("last", samples[-part:]))
    ]
