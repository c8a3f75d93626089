"""Time until `cogo up` is ready, on an empty directory and again on the same one."""

from typing import Any

from benchmarks.figures import quantiles
from benchmarks.system import empty_home, running_system

RUNS = 5


async def run() -> list[dict[str, Any]]:
    """Measure cold and warm starts, in turn."""
    cold, warm = [], []
    for _ in range(RUNS):
        with empty_home() as home:
            async with running_system(home) as system:
                cold.append(system.seconds_to_ready)
            async with running_system(home) as system:
                warm.append(system.seconds_to_ready)
    goal = {"goal_p50": 4.0}
    return [
        {"name": "cold_start", "unit": "s", **quantiles(cold), **goal},
        {"name": "warm_start", "unit": "s", **quantiles(warm)},
    ]
