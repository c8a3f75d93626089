"""Run in procrastinate's environment: `fill|drain|latency N OPTIONS`, with the URL on stdin."""

import asyncio
import importlib
import json
import logging
import sys
import time
from typing import Any


async def main(url: str, verb: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command and return the measurement."""
    procrastinate = importlib.import_module("procrastinate")
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        kwargs={"options": "-c search_path=procrastinate,pg_catalog"},
        max_size=options["connections"],
    )
    app = procrastinate.App(connector=connector)
    started: asyncio.Queue[float] = asyncio.Queue()

    async def nothing(number: int) -> None:
        started.put_nowait(time.perf_counter())

    job = app.task(name="nothing")(nothing)
    async with app.open_async():
        if verb == "fill":
            await app.schema_manager.apply_schema_async()
            for first in range(0, count, 1000):
                jobs = range(first, min(count, first + 1000))
                await job.batch_defer_async(*({"number": number} for number in jobs))
            return {}
        if verb == "drain":
            begun, cpu = time.perf_counter(), time.process_time()
            await app.run_worker_async(
                concurrency=options["concurrency"], wait=False, install_signal_handlers=False
            )
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            assert started.qsize() == count, f"{started.qsize()} of {count}"
            return {"seconds": seconds, "cpu_seconds": cpu}
        return {"ms": await latencies(app, job, started, count)}


async def latencies(app: Any, job: Any, started: asyncio.Queue[float], count: int) -> list[float]:
    """Queue jobs one at a time, each after the previous one has started."""
    found = []
    async with asyncio.TaskGroup() as group:
        work = app.run_worker_async(concurrency=10, install_signal_handlers=False)
        worker = group.create_task(work, name="worker")
        await asyncio.sleep(2)  # it listens by then; a job before that would wait for the poll
        for number in range(count):
            deferred_at = time.perf_counter()
            await job.defer_async(number=number)
            found.append((await started.get() - deferred_at) * 1000)
            await asyncio.sleep(0.05)
        worker.cancel()
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, (order, number, settings) = sys.stdin.readline().strip(), sys.argv[1:]
    print(json.dumps(asyncio.run(main(where, order, int(number), json.loads(settings)))))
