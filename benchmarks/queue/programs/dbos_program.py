"""Run in DBOS's environment: `fill|drain|latency N OPTIONS`, with the URL on stdin."""

import importlib
import json
import logging
import sys
import time
from typing import Any


def main(url: str, verb: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command and return the measurement."""
    dbos = importlib.import_module("dbos").DBOS
    dbos(
        config={
            "name": "bench",
            "system_database_url": url,
            "dbos_system_schema": "dbos",
            "application_version": "1",
            "log_level": "ERROR",
        }
    )
    started_at: list[float] = []

    def nothing(number: int) -> None:
        started_at.append(time.perf_counter())

    job = dbos.workflow()(nothing)
    dbos.listen_queues([] if verb == "fill" else ["bench"])
    dbos.launch()
    queue = dbos.register_queue("bench", polling_interval_sec=options["poll_seconds"])
    try:
        if verb == "fill":
            for number in range(count):
                queue.enqueue(job, number)
            return {}
        if verb == "drain":
            while not started_at:
                time.sleep(0.001)
            # From the first start to the last: in its favour, neither its launch, nor its poll
            # interval, nor the last completions are counted.
            cpu = time.process_time()
            while len(started_at) < count:
                time.sleep(0.01)
            cpu = time.process_time() - cpu
            return {"seconds": started_at[-1] - started_at[0], "cpu_seconds": cpu}
        return {"ms": latencies(queue, job, started_at, count)}
    finally:
        dbos.destroy()


def latencies(queue: Any, job: Any, started_at: list[float], count: int) -> list[float]:
    """Queue jobs one at a time, each after the previous one has started."""
    found = []
    for number in range(count):
        enqueued_at = time.perf_counter()
        queue.enqueue(job, number)
        while len(started_at) <= number:
            time.sleep(0.001)
        found.append((started_at[number] - enqueued_at) * 1000)
        time.sleep(0.05)
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, (order, number, settings) = sys.stdin.readline().strip(), sys.argv[1:]
    print(json.dumps(main(where, order, int(number), json.loads(settings))))
