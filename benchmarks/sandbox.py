"""What the sandbox adds to a run: the same command inside and outside, in turns."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

from agents.sandbox import Job, open_sandbox
from benchmarks.figures import quantiles

RUNS: Final = 100
QUICK_RUNS: Final = 10
GOAL_SECONDS: Final = 0.15
PROGRAM: Final = b"import json, unittest\nassert sum(range(100)) == 4950\n"


async def run(*, quick: bool) -> list[dict[str, Any]]:
    """Measure the difference between each run in the sandbox and the run outside before it."""
    sandbox = await open_sandbox()
    if sandbox is None:
        return [{"name": "sandbox_overhead", "skipped": "no sandbox works on this machine"}]
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    job = Job(
        command=[str(python), "-I", "program.py"],
        files={"program.py": PROGRAM},
        readable=[Path(sys.base_prefix)],
    )
    added, inside = [], []
    for _ in range(QUICK_RUNS if quick else RUNS):
        outside = await _run_outside(python)
        started = time.perf_counter()
        outcome = await sandbox.run(job)
        inside.append(time.perf_counter() - started)
        assert outcome.exit_code == 0, outcome.stderr
        added.append(inside[-1] - outside)
    backend = {"backend": sandbox.name, "unit": "s"}
    return [
        {"name": "sandbox_overhead", **backend, **quantiles(added), "goal_p50": GOAL_SECONDS},
        {"name": "sandbox_run", **backend, **quantiles(inside)},
    ]


async def _run_outside(python: Path) -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        python,
        *("-I", "-c", PROGRAM.decode()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
    )
    await process.communicate()
    return time.perf_counter() - started
