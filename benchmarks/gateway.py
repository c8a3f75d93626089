"""Latency that the gateway adds to the first token, and the cost of 200 watchers.

The simulated vendor streams the current time, so each chunk says when it was sent.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from benchmarks.figures import quantiles
from benchmarks.peers.high_concurrency import render_overlay
from benchmarks.system import System, empty_home, running_system
from benchmarks.vendor_server import running_server
from benchmarks.watchers import TASKS, figure_of_watchers

MODEL: Final = "gpt-6.1-sol"
REQUESTS: Final = 100
WARM_UP: Final = 10
QUICK_REQUESTS: Final = 10
PIECES: Final = "20x5"
"""Chunks of an answer, and the milliseconds after each."""
WATCHED_PIECES: Final = "40x250"


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Send requests one at a time to an idle system; then let 200 watchers follow 20 answers."""
    async with _system(PIECES) as system:
        asked = await _first_tokens(system, QUICK_REQUESTS if quick else REQUESTS)
    async with _system(WATCHED_PIECES) as system:
        watched = await figure_of_watchers(system, model=MODEL)
    return [*asked, watched]


@asynccontextmanager
async def _system(pieces: str) -> AsyncIterator[System]:
    """Run a system whose vendor streams the time in this many chunks."""
    with empty_home() as home:
        catalogue = home / "high_concurrency.toml"
        catalogue.write_text(render_overlay(TASKS), encoding="utf-8")
        async with running_server() as vendor:
            variables = {
                "COGO_CATALOGUE": str(catalogue),
                "COGO_GATEWAY_RATE": "100000",
                "OPENAI_BASE_URL": f"{vendor}/clock/{pieces}/openai/v1",
            }
            arguments = ("--capacity", str(TASKS))
            async with running_system(home, *arguments, variables=variables) as system:
                yield system


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Milliseconds of each step, in order."""

    to_insert: float
    to_vendor: float
    of_vendor: float
    to_client: float

    @property
    def overhead(self) -> float:
        """Return the milliseconds that a client of the database would not wait for."""
        return self.to_insert + self.to_client


async def _first_tokens(system: System, requests: int) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=system.gateway_url, timeout=60.0) as client:
        samples = [await _one(client) for _ in range(WARM_UP + requests)][WARM_UP:]
    parts = {
        "gateway_request_to_insert": [each.to_insert for each in samples],
        "gateway_insert_to_vendor_request": [each.to_vendor for each in samples],
        "gateway_vendor_to_first_piece": [each.of_vendor for each in samples],
        "gateway_first_piece_to_client": [each.to_client for each in samples],
    }
    total = {
        "name": "gateway_first_token_overhead",
        "unit": "ms",
        **quantiles([each.overhead for each in samples]),
        "goal_p95": 50,
    }
    return [
        total,
        *({"name": name, "unit": "ms", **quantiles(found)} for name, found in parts.items()),
    ]


async def _one(client: httpx.AsyncClient) -> _Sample:
    """Send a request and read its whole answer, so that the system is idle before the next one."""
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Say when"}]}
    first: tuple[float, str] | None = None
    task_id = ""
    asked_at = time.time()
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if first is not None or not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                raise RuntimeError(f"the gateway answered {chunk['error']}")
            task_id = chunk["id"].removeprefix("chatcmpl-")
            text = chunk["choices"][0]["delta"].get("content")
            first = (time.time(), text) if text else None
    if first is None:
        raise RuntimeError("an answer had no text")
    task = (await client.get(f"/tasks/{task_id}")).raise_for_status().json()["task"]
    inserted_at = datetime.fromisoformat(task["created_at"]).timestamp()
    heard_at, text = first
    vendor_asked_at, said_at = map(float, text.split()[:2])
    return _Sample(
        to_insert=(inserted_at - asked_at) * 1000,
        to_vendor=(vendor_asked_at - inserted_at) * 1000,
        of_vendor=(said_at - vendor_asked_at) * 1000,
        to_client=(heard_at - said_at) * 1000,
    )
