"""Run in absurd's environment: `fill|drain|latency N OPTIONS`, with the URL on stdin."""

import asyncio
import importlib
import json
import logging
import sys
import time
from typing import Any

SPAWN = "select absurd.spawn_task('default', 'nothing', '{}'::jsonb) from generate_series(1, %s)"


async def main(url: str, verb: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command and return the measurement."""
    if verb == "fill":
        install(url, count)
        return {}
    sdk: Any = importlib.import_module("absurd_sdk")
    completed = asyncio.Event()
    completed_at: list[float] = []

    class Worker(sdk.AsyncAbsurd):  # type: ignore[misc]
        async def _execute_task(self, *arguments: Any) -> None:
            await super()._execute_task(*arguments)
            completed_at.append(time.perf_counter())
            if len(completed_at) == count:
                completed.set()

    started: asyncio.Queue[float] = asyncio.Queue()

    async def nothing(params: Any, context: Any) -> dict[str, bool]:
        started.put_nowait(time.perf_counter())
        return {"ok": True}

    workers = [Worker(url) for _ in range(options["connections"])]
    for worker in workers:
        worker.register_task(name="nothing")(nothing)
    begun, cpu, found = time.perf_counter(), time.process_time(), []
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            work = worker.start_worker(concurrency=options["concurrency"])
            group.create_task(work, name="worker")
        if verb == "latency":
            found = await latencies(sdk.AsyncAbsurd(url), started, count)
        await completed.wait()
        cpu = time.process_time() - cpu
        for worker in workers:
            worker.stop_worker()
    for worker in workers:
        await worker.close()
    return {"ms": found} | {"seconds": completed_at[-1] - begun, "cpu_seconds": cpu}


def install(url: str, count: int) -> None:
    """Apply the schema that absurdctl bundles and spawn tasks."""
    psycopg = importlib.import_module("psycopg")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(importlib.import_module("absurdctl").BUNDLED_SCHEMA_SQL)
        connection.execute("select absurd.create_queue('default')")
        connection.execute(SPAWN, (count,))


async def latencies(client: Any, started: asyncio.Queue[float], count: int) -> list[float]:
    """Spawn tasks one at a time, each after the previous one has started."""
    found = []
    for _ in range(count):
        spawned_at = time.perf_counter()
        await client.spawn("nothing", {}, queue="default")
        found.append((await started.get() - spawned_at) * 1000)
        await asyncio.sleep(0.05)
    await client.close()
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, (order, number, settings) = sys.stdin.readline().strip(), sys.argv[1:]
    print(json.dumps(asyncio.run(main(where, order, int(number), json.loads(settings)))))
