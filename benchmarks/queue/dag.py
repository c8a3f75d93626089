"""Plans of one, ten and one subtasks: fan-out and fan-in in SQL alone."""

import asyncio
import time
from typing import Any, Final

from benchmarks.queue.competitors import WORKERS
from benchmarks.queue.database import USAGE, Connection, Processor, clear, connect

_WIDTH: Final = 10
_CLAIM: Final = """
select subtask_id, attempt, type from public.cogo_claim_subtasks(
  p_agent_id => $1, p_lanes => $2, p_limit => 10)
"""
_COMPLETE: Final = (
    "select answer from public.cogo_complete_subtasks(p_agent_id => $1, p_items => $2)"
)
_USED: Final = {"usage": USAGE.model_dump(mode="json")}
_OPEN: Final = "select count(*) from public.cogo_tasks where finished_at is null"


async def measure_dag(url: str, tasks: int) -> dict[str, Any]:
    """Plan all tasks, then measure claiming and completing their subtasks."""
    owner = await connect(url, "postgres")
    await clear(owner)
    await owner.execute(
        "insert into public.cogo_tasks (prompt) select 'bench' from generate_series(1, $1)", tasks
    )
    agents = [await connect(url) for _ in range(WORKERS)]
    while await _step(agents[0], "planner", "cio"):
        pass
    processor = await Processor.of(owner)
    cpu, started = processor.seconds(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, agent in enumerate(agents):
            group.create_task(_work(agent, f"agent-{number}"), name=f"agent {number}")
    seconds, cpu = time.perf_counter() - started, processor.seconds() - cpu
    assert await owner.fetchval(_OPEN) == 0
    for connection in (*agents, owner):
        await connection.close()
    subtasks = tasks * (_WIDTH + 2)
    return {
        "name": "queue_dag",
        "unit": "subtasks/s",
        "n": subtasks,
        "batch": 10,
        "connections": WORKERS,
        "rate": round(subtasks / seconds),
        "postgres_cpu_us": round(cpu / subtasks * 1e6),
        "goal_postgres_cpu_us": 600,
    }


async def _work(agent: Connection, name: str) -> None:
    while True:
        if not await _step(agent, name, "bench") and not await agent.fetchval(_OPEN):
            return


async def _step(agent: Connection, name: str, lane: str) -> int:
    leases = await agent.fetch(_CLAIM, name, [lane])
    items = [
        {"subtask_id": str(lease["subtask_id"]), "attempt": lease["attempt"]}
        | ({"plan": _plan()} if lease["type"] == "PLAN" else {"output": {"ok": True}} | _USED)
        for lease in leases
    ]
    if items:
        answers = await agent.fetch(_COMPLETE, name, items)
        assert all(row["answer"] == "ok" for row in answers), answers
    return len(items)


def _plan() -> dict[str, Any]:
    middle = [f"middle-{number}" for number in range(_WIDTH)]
    return {
        "subtasks": [
            _subtask("first"),
            *(_subtask(key, "first") for key in middle),
            _subtask("last", *middle),
        ]
    }


def _subtask(key: str, *dependencies: str) -> dict[str, Any]:
    return {"key": key, "type": "BENCH", "lane": "bench", "dependencies": list(dependencies)}
