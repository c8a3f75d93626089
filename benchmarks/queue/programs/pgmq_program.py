"""Run in pgmq's environment: `fill N OPTIONS` or `drain N OPTIONS`, with the URL on stdin."""

import asyncio
import importlib
import json
import logging
import sys
import time
from typing import Any


async def main(url: str, verb: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command and return the measurement."""
    config = {"conn_string": url, "pool_size": options["connections"], "init_extension": False}
    if verb == "fill":
        installer = importlib.import_module("pgmq.install")
        psycopg = importlib.import_module("psycopg")
        with psycopg.connect(url, autocommit=False) as connection:
            installer.install_pgmq_sql(installer.get_embedded_install_sql(), conn=connection)
    queue = importlib.import_module("pgmq.async_queue").PGMQueue(**config)
    await queue.init()
    try:
        if verb == "fill":
            await queue.create_queue("bench")
            await queue.send_batch("bench", [{"number": number} for number in range(count)])
            return {}
        begun, cpu = time.perf_counter(), time.process_time()
        counts = await asyncio.gather(
            *(work(queue, options["batch"]) for _ in range(options["connections"]))
        )
        assert sum(counts) == count, f"{sum(counts)} of {count}"
        return {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    finally:
        await queue.close()


async def work(queue: Any, batch: int) -> int:
    """Read and archive until the queue is empty."""
    done = 0
    while messages := await queue.read_batch("bench", vt=60, batch_size=batch):
        ids = [message.msg_id for message in messages]
        if batch == 1:
            await queue.archive("bench", ids[0])
        else:
            await queue.archive_batch("bench", ids)
        done += len(ids)
    return done


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, (order, number, settings) = sys.stdin.readline().strip(), sys.argv[1:]
    print(json.dumps(asyncio.run(main(where, order, int(number), json.loads(settings)))))
