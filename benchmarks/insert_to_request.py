"""Time from the insert of a task to the request at the provider, on an idle system, by stages.

The ends of the stages are the times of the task's events, of its call, and of the simulator's log;
all are by the clock of this machine.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any, Final

import httpx
from supabase import AsyncClient, acreate_client

from benchmarks.figures import quantiles
from benchmarks.system import empty_home, running_system

TASKS = 100
WARM_UP = 10
QUIET_SECONDS = 0.15
"""Pause before polling, which on two cores would slow what is measured."""
STAGES: Final = ("insert", "claim_plan", "plan", "claim_step", "begin_call", "send")
"""The insert of the row; then what ends with the claim of the plan, with the step in the queue,
with its claim, with the reserved cost of the call, and with the request."""


@dataclass(frozen=True, slots=True)
class _Sample:
    task_id: str
    inserted_at: float
    asked_at: float

    @property
    def total_ms(self) -> float:
        return (self.asked_at - self.inserted_at) * 1000


async def run() -> list[dict[str, Any]]:
    """Insert tasks one at a time, each after the previous one has ended."""
    with empty_home() as home:
        async with (
            running_system(home) as system,
            httpx.AsyncClient(base_url=system.simulator_url) as simulator,
        ):
            client = await acreate_client(system.url, system.secret_key)
            samples = [await _one(client, simulator, n) for n in range(WARM_UP + TASKS)]
            samples = samples[WARM_UP:]
            stages = [await _read_stages(client, each) for each in samples]
    return [
        {
            "name": "insert_to_request",
            "unit": "ms",
            **quantiles([each.total_ms for each in samples]),
            "goal_p50": 25,
            "goal_p95": 60,
        },
        {
            "name": "insert_to_request_stages",
            "unit": "ms",
            "n": len(stages),
            **{name: round(median(each[name] for each in stages), 3) for name in STAGES},
        },
    ]


async def _rows(query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await query.execute()).data
    return rows


async def _one(client: AsyncClient, simulator: httpx.AsyncClient, number: int) -> _Sample:
    inserted_at = time.time()
    row = {"prompt": f"Write fibonacci, variant {number}", "type": "CHAT"}
    [task] = await _rows(client.table("cogo_tasks").insert(row))
    await asyncio.sleep(QUIET_SECONDS)
    await _ended(client, task["id"])
    log = (await simulator.get("/_simulator/requests", params={"after": number})).json()
    asked_at = _to_seconds(log["requests"][-1]["asked_at"])
    await asyncio.sleep(0.05)  # idle again: what follows the result has been written
    return _Sample(task["id"], inserted_at, asked_at)


async def _read_stages(client: AsyncClient, sample: _Sample) -> dict[str, float]:
    """Return the milliseconds of each stage of a task that has ended."""
    events = client.table("cogo_events").select("kind,at,detail").eq("task_id", sample.task_id)
    calls = client.table("cogo_calls").select("started_at").eq("task_id", sample.task_id)
    at: dict[str, str] = {}
    for each in await _rows(events.order("seq")):
        step = "" if each["detail"].get("key") in {None, "plan"} else " of the step"
        at.setdefault(each["kind"] + step, each["at"])
    [call] = await _rows(calls)
    ends = (
        at["task.pending"],
        at["subtask.running"],
        at["subtask.queued of the step"],
        at["subtask.running of the step"],
        call["started_at"],
    )
    times = [sample.inserted_at, *map(_to_seconds, ends), sample.asked_at]
    spans = ((end - start) * 1000 for start, end in pairwise(times))
    return dict(zip(STAGES, spans, strict=True))


def _to_seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


async def _ended(client: AsyncClient, task_id: str) -> None:
    while True:
        [task] = await _rows(client.table("cogo_tasks").select("status").eq("id", task_id))
        status = task["status"]
        if status == "completed":
            return
        if status in {"failed", "cancelled"}:
            raise RuntimeError(f"a task of the benchmark ended as {status}")
        await asyncio.sleep(0.02)
