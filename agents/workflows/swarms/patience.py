"""Waiting for several steps of which one may stall."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from agents.workflows.engine import NotNeeded, Run, Step, StepFailed

T = TypeVar("T")

LEAST_PATIENCE: Final = timedelta(minutes=3)
FACTOR: Final = 2
"""How many times as long as the first answer took the others may still take."""


async def settle_patiently(run: Run, steps: Sequence[Step[T]]) -> list[T | StepFailed]:
    """Return the value or the failure of each step; one that stalls does not hold the others.

    Time runs only from the first answer on: while nobody answers, as when all wait in a queue, for
    a budget or for a vendor, nothing is given up.
    """
    began = run.now
    clocks = (
        run.branch(f"patience_{number}", _give_time(run, step, began))
        for number, step in enumerate(steps, start=1)
    )
    await run.first(run.settled(*steps), *clocks)
    ended = await run.settled(*steps)
    return [_explain_delay(each) if isinstance(each, NotNeeded) else each for each in ended]


async def settle_soon(run: Run, step: Step[T], limit: timedelta = LEAST_PATIENCE) -> T | StepFailed:
    """Return the value or the failure of a step without which the workflow can go on."""
    clock = run.sleep_until(f"{step.key}_limit", run.now + limit)
    await run.first(run.settled(step), clock)
    [ended] = await run.settled(step)
    return _explain_delay(ended) if isinstance(ended, NotNeeded) else ended


async def _give_time(run: Run, step: Step[T], began: datetime) -> None:
    """Wait for a step, and then for as long as the others may still take."""
    await step
    taken = run.now - began
    await run.sleep_until("others", run.now + max(LEAST_PATIENCE, FACTOR * taken))


def _explain_delay(error: NotNeeded) -> StepFailed:
    return StepFailed(error.key, "timeout", "it took too long and was not waited for")
