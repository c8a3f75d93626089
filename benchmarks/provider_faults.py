"""Results of vendor faults through COGO, LiteLLM and any-llm.

The same simulator misbehaves once per request. COGO is the whole system, from the insert to the
result; the peers are called directly, LiteLLM's router with a healthy fallback.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import python_of
from benchmarks.provider_cells import PEERS
from benchmarks.providers import environment
from benchmarks.system import System, empty_home, running_system
from protocol.records import Attempt, NewTask
from protocol.store.queue import QueueStore
from protocol.transport.supabase_store import open_store
from simulator import run_simulator

SCRIPT: Final = Path(__file__).parent / "peers" / "faults.py"
PATIENCE: Final = 3.0
"""Seconds that every client waits for the first token, and for the next one."""
LONGEST: Final = 120.0
FAULTS: Final[Mapping[str, str]] = {
    "429 with Retry-After 1 s": "429 retry_after=1",
    "429": "429",
    "401": "401",
    "500": "500",
    "529": "529",
    "slow headers (5 s)": "slow-headers=5",
    "cut before a token": "cut after=0",
    "stall before a token": "stall after=0",
    "cut": "cut after=5",
    "stall": "stall after=5",
    "broken JSON": "bad-json after=5",
    "error event": "error-event after=5",
    "no finish reason": "clean-end after=5",
}
"""The last five come after the first token."""
MODELS: Final[Mapping[str, str]] = {
    "openai": "gpt-6.1-sol",
    "anthropic": "claude-sonnet-5-5",
    "fireworks": "fireworks/kimi-k3",
    "gemini": "gemini-3.8-flash",
}
"""One model of each adapter."""


async def run() -> list[dict[str, Any]]:
    """Report a row for each client and fault."""
    figures: list[dict[str, Any]] = []
    with empty_home() as home:
        limits = {
            "COGO_FIRST_TOKEN_SECONDS": str(PATIENCE),
            "COGO_STALL_SECONDS": str(PATIENCE),
        }
        async with running_system(home, "--capacity", "64", variables=limits) as system:
            figures += await _ours(system)
    async with run_simulator(speed=0.0) as url:
        for peer in PEERS:
            figures += await _theirs(peer, url)
    return figures


async def _ours(system: System) -> list[dict[str, Any]]:
    async with open_store(system.url, system.secret_key) as store, asyncio.TaskGroup() as group:
        rows = [
            group.create_task(_ask(store, adapter, name, spec), name=f"{adapter}: {name}")
            for adapter in MODELS
            for name, spec in FAULTS.items()
        ]
    return [row.result() for row in rows]


async def _ask(store: QueueStore, adapter: str, name: str, spec: str) -> dict[str, Any]:
    prompt = f"Write fibonacci [[fault:{spec} times=1]] for {adapter}"
    task = await store.submit_task(
        NewTask(
            prompt=prompt,
            type="CHAT",
            model=MODELS[adapter],
        )
    )
    async with asyncio.timeout(LONGEST):
        while True:
            task = await store.fetch_task(task_id=task.id)
            if task.status.is_final:
                break
            await asyncio.sleep(0.1)
    attempts = [each for each in await store.fetch_attempts(task_id=task.id) if each.lane != "cio"]
    assert task.finished_at is not None
    return {
        "name": "provider_fault",
        "client": f"cogo ({adapter})",
        "fault": name,
        "outcome": _outcome(task.result, attempts),
        "saw": _seen(attempts, task.result),
        "asked_next": [each.model_id or each.lane for each in attempts[1:]],
        "cost_usd": None if task.cost_usd is None else float(task.cost_usd),
        "seconds": round((task.finished_at - task.created_at).total_seconds(), 2),
    }


def _outcome(result: Mapping[str, Any] | None, attempts: Sequence[Attempt]) -> str:
    if result is None:
        return "failed, said so"
    tries = "first attempt" if len(attempts) == 1 else f"attempt {len(attempts)}"
    return f"whole answer ({tries})"


def _seen(attempts: Sequence[Attempt], result: Mapping[str, Any] | None) -> list[str]:
    """Return the classes of all errors, including those from which an attempt recovered."""
    absorbed = ((result or {}).get("derived") or {}).get("absorbed") or []
    failed = [str(each.error["class"]) for each in attempts if each.error]
    return [*failed, *(str(each["class"]) for each in absorbed)]


async def _theirs(peer: str, url: str) -> list[dict[str, Any]]:
    python = await asyncio.to_thread(python_of, peer, PEERS[peer])
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(SCRIPT),
        peer,
        url,
        str(PATIENCE),
        *FAULTS.values(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # LiteLLM prints advice for each error
        env=environment(),
    )
    answer, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{peer} could not be run by {python}")
    return [
        {
            "name": "provider_fault",
            "client": peer,
            "pins": list(PEERS[peer]),
            "fault": name,
            "outcome": _verdict(row),
            "saw": [row["error"]] if row["error"] else [],
            "finish": row["finish"],
            "seconds": row["seconds"],
        }
        for name, row in zip(FAULTS, json.loads(answer), strict=True)
    ]


def _verdict(row: Mapping[str, Any]) -> str:
    if row["whole"]:
        return "whole answer"
    if row["error"]:
        return "failed, said so"
    return "CUT ANSWER PASSED OFF AS WHOLE"
