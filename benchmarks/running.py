"""Run one benchmark by name."""

import asyncio
import importlib
import inspect
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

Report = Callable[[dict[str, Any]], None]


def run_benchmark(name: str, options: Mapping[str, Any], report: Report) -> None:
    """Run `benchmarks.<name>` with those of the options that it takes, and report its figures."""
    run = importlib.import_module(f"benchmarks.{name}").run
    takes = inspect.signature(run).parameters
    wanted = {option: value for option, value in options.items() if option in takes}
    if "report" in takes:  # the long ones report as they go
        asyncio.run(stoppable(run(report, **wanted)))
        return
    for figure in asyncio.run(stoppable(run(**wanted))):
        report(figure)


async def stoppable(work: Coroutine[Any, Any, Any]) -> Any:
    """Be stopped by a SIGTERM as by a Ctrl-C: `finally` blocks run, processes are ended."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
