"""Two hundred watchers of twenty answers through one gateway: completeness and latency."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import httpx

from benchmarks.figures import quantiles
from benchmarks.processes import cpu_seconds, memory_mib, peak_memory_mib
from benchmarks.system import System

TASKS: Final = 20
WATCHERS: Final = 200
PATIENCE: Final = 120.0
HEAD_START: Final = timedelta(seconds=15)
"""Seconds for the watchers to connect before the answers begin."""

Frame: TypeAlias = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class _Watched:
    """What one watcher has received of a task."""

    text: str = ""
    seqs: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """Milliseconds since the vendor sent each chunk, received alone or in a batch."""
    result: str = ""

    def take(self, name: str, data: dict[str, Any]) -> None:
        match name:
            case "event":
                self.seqs.append(data["seq"])
            case "text":
                if data["offset"] != len(self.text):
                    raise RuntimeError(f"a watcher at {len(self.text)} was told {data['offset']}")
                self.text += data["delta"]
                now = time.time()
                self.lags += [(now - float(said)) * 1000 for said in data["delta"].split()]
            case "discard":
                raise RuntimeError("an attempt was given up: the vendor never fails here")
            case "end":
                self.result = data["result"]["text"]


async def figure_of_watchers(system: System, *, model: str) -> dict[str, Any]:
    """Measure the watchers. Raise `RuntimeError` if one misses an event or a character."""
    limits = httpx.Limits(max_connections=None)
    pid = system.pids["gateway"]
    async with httpx.AsyncClient(
        base_url=system.gateway_url, timeout=PATIENCE, limits=limits
    ) as client:
        await _watch_all(client, model=model, tasks=1, watchers=1)  # warm
        memory, cpu, started = memory_mib(pid), cpu_seconds(pid), time.monotonic()
        watched = await _watch_all(client, model=model, tasks=TASKS, watchers=WATCHERS)
        seconds = time.monotonic() - started
    return {
        "name": "gateway_watchers",
        "unit": "ms",
        **quantiles([lag for each in watched for lag in each.lags]),
        "watchers": len(watched),
        "tasks": TASKS,
        "missed": 0,
        "seconds": round(seconds, 1),
        "cpu_share": round((cpu_seconds(pid) - cpu) / seconds, 3),
        "mib_before": round(memory, 1),
        "mib_peak": round(peak_memory_mib(pid), 1),
    }


async def _watch_all(
    client: httpx.AsyncClient, *, model: str, tasks: int, watchers: int
) -> list[_Watched]:
    begin = datetime.now(UTC) + HEAD_START
    ids = [await _submitted(client, model, begin) for _ in range(tasks)]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        running = [
            group.create_task(_watch(client, ids[number % tasks])) for number in range(watchers)
        ]
    watched = [each.result() for each in running]
    for task_id, number in zip(ids, range(tasks), strict=True):
        _compare(await _events(client, task_id), watched[number::tasks])
    return watched


async def _submitted(client: httpx.AsyncClient, model: str, begin: datetime) -> str:
    body = {"prompt": "Say when", "type": "CHAT", "model": model, "run_at": begin.isoformat()}
    answer = (await client.post("/tasks", json=body)).raise_for_status()
    return str(answer.json()["id"])


async def _watch(client: httpx.AsyncClient, task_id: str) -> _Watched:
    watched = _Watched()
    async for name, data in _frames(client, task_id):
        watched.take(name, data)
    return watched


async def _events(client: httpx.AsyncClient, task_id: str) -> list[int]:
    """Return the numbers of all events, as read after the end."""
    return [data["seq"] async for name, data in _frames(client, task_id) if name == "event"]


async def _frames(client: httpx.AsyncClient, task_id: str) -> AsyncIterator[Frame]:
    """Yield whole frames; reading line by line would make this process the bottleneck."""
    pending = b""
    async with client.stream("GET", f"/tasks/{task_id}/events") as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_raw():
            *frames, pending = (pending + piece).split(b"\n\n")
            for frame in frames:
                fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
                if b"event" in fields:
                    yield fields[b"event"].decode(), json.loads(fields[b"data"])


def _compare(seqs: list[int], watched: list[_Watched]) -> None:
    for each in watched:
        if each.seqs != seqs:
            raise RuntimeError(f"a watcher heard {each.seqs} of {seqs}")
        if not each.text or each.text != each.result:
            raise RuntimeError("a watcher's text is not the result")
