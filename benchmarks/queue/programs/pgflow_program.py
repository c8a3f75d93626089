"""Run in pgmq's environment: `fill N OPTIONS` or `drain N OPTIONS`, with the URL on stdin.

pgflow's worker is a program for Deno. This one sends the statements of its `PgflowSqlClient`, with
the defaults of the worker: up to ten messages a poll, each completed by itself, four connections.
"""

import asyncio
import importlib
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

EXTENSION = 'CREATE EXTENSION IF NOT EXISTS "pgmq" WITH SCHEMA "pgmq";'
WORKER = """
insert into pgflow.workers (worker_id, queue_name, function_name) values ($1, 'bench', 'bench')
"""
READ = """
select msg_id from pgmq.read_with_poll(queue_name => 'bench', vt => 60, qty => $1,
  max_poll_seconds => 1, poll_interval_ms => 200)
"""
START = "select * from pgflow.start_tasks(flow_slug => 'bench', msg_ids => $1, worker_id => $2)"
COMPLETE = """
select pgflow.complete_task(run_id => $1, step_slug => $2, task_index => $3, output => $4)
"""


async def main(url: str, verb: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the command and return the measurement."""
    asyncpg = importlib.import_module("asyncpg")
    size = options["connections"]
    async with asyncpg.create_pool(url, min_size=size, max_size=size, command_timeout=600) as pool:
        if verb == "fill":
            async with pool.acquire() as connection:
                await fill(connection, count, Path(options["folder"]))
            return {}
        begun, cpu = time.perf_counter(), time.process_time()
        completed_at: list[float] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(size):
                group.create_task(work(pool, options["batch"], completed_at), name="worker")
        assert len(completed_at) == count, f"{len(completed_at)} of {count}"
        # The last polls, which wait in vain, are not counted.
        seconds, cpu = completed_at[-1] - begun, time.process_time() - cpu
        return {"seconds": seconds, "cpu_seconds": cpu}


async def fill(connection: Any, count: int, package: Path) -> None:
    """Install pgmq and pgflow from the SQL of their packages and start flows of one step."""
    await connection.execute(importlib.import_module("pgmq.install").get_embedded_install_sql())
    for migration in sorted((package / "dist/supabase/migrations").glob("*.sql")):
        await connection.execute(migration.read_text("utf-8").replace(EXTENSION, ""))
    await connection.execute("select pgflow.create_flow('bench')")
    await connection.execute("select pgflow.add_step('bench', 'nothing')")
    await connection.execute(
        "select pgflow.start_flow('bench', '{}') from generate_series(1, $1)", count
    )
    await connection.execute(WORKER, uuid.uuid4())


async def work(pool: Any, batch: int, completed_at: list[float]) -> None:
    """Read, start and complete until the queue is empty."""
    worker = await pool.fetchval("select worker_id from pgflow.workers")

    async def complete(task: Any) -> None:
        key = (task["run_id"], task["step_slug"], task["task_index"])
        await pool.execute(COMPLETE, *key, '{"ok": true}')
        completed_at.append(time.perf_counter())

    while messages := await pool.fetch(READ, batch):
        tasks = await pool.fetch(START, [message["msg_id"] for message in messages], worker)
        await asyncio.gather(*map(complete, tasks))


if __name__ == "__main__":
    where, (order, number, settings) = sys.stdin.readline().strip(), sys.argv[1:]
    print(json.dumps(asyncio.run(main(where, order, int(number), json.loads(settings)))))
