"""Replays per second of a workflow with ten steps, of five branches, and of 1,000 steps."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from agents.workflows.engine import Answer, Result, Run, Workflow, advance, workflow
from benchmarks.figures import quantiles
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
TASK = TaskBrief(id=UUID(int=1), type="REPLAY", prompt="Write is_prime(n).", params={})
PROMPT = "Repair this code. " * 100
REPLAYS = 2_000


async def run() -> list[dict[str, Any]]:
    """Measure replays whose record has every step, so that each goes to the end."""
    return [
        _measure("ten_steps", _chain(10), _record([_number("draft", n) for n in range(10)])),
        _measure(
            "five_branches_of_three_steps",
            _branches(),
            _record(f"{name}/{_number('draft', n)}" for n in range(3) for name in "abcde"),
        ),
        _measure("1000_steps", _chain(1_000), _record([_number("draft", n) for n in range(1_000)])),
    ]


def _measure(name: str, flow: Workflow, record: FlowRecord) -> dict[str, Any]:
    samples = []
    for _ in range(max(20, REPLAYS * 10 // len(record.steps))):
        before = time.perf_counter()
        advance(flow, TASK, record)
        samples.append((time.perf_counter() - before) * 1000)
    return {
        "name": f"replay_{name}",
        "unit": "ms a replay",
        **quantiles(samples),
        "per_second": round(len(samples) / (sum(samples) / 1000)),
        **({"goal_p95": 1.0} if len(record.steps) == 10 else {}),
    }


def _chain(steps: int) -> Workflow:
    @workflow("REPLAY")
    async def chain(run: Run) -> Result:
        text = ""
        for _ in range(steps):
            text = (await run.ask("draft", PROMPT + text, role="coding")).text
        return Result(text)

    return chain


def _branches() -> Workflow:
    async def write(run: Run) -> Answer:
        for _ in range(2):
            await run.ask("draft", PROMPT)
        return await run.ask("draft", PROMPT)

    @workflow("REPLAY")
    async def race(run: Run) -> Result:
        values = await run.all(*(run.branch(name, write(run)) for name in "abcde"))
        return Result(values[0].text)

    return race


def _number(key: str, number: int) -> str:
    return key if number == 0 else f"{key}#{number + 1}"


def _record(keys: Any) -> FlowRecord:
    return FlowRecord(
        first_claimed_at=START,
        steps=[
            StepRecord(
                key=key,
                kind="ask",
                status=SubtaskState.COMPLETED,
                end_no=number,
                ended_at=START + timedelta(seconds=number),
                output={"text": f"answer {number}"},
            )
            for number, key in enumerate(keys, start=1)
        ],
    )
