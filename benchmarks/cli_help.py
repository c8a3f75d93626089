"""CPU time of `cogo --help`, the first command that people type."""

import asyncio
import resource
import subprocess
import sys
from typing import Any

from benchmarks.figures import quantiles

RUNS = 10


async def run() -> list[dict[str, Any]]:
    """Measure the user and system seconds of finished processes."""
    samples = await asyncio.to_thread(lambda: [_one() for _ in range(RUNS)])
    return [{"name": "cli_help", "unit": "s CPU", **quantiles(samples), "goal_p50": 0.2}]


def _one() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "cogo", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
