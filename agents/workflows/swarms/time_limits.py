"""Limits of time for participants without which a swarm can go on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from agents.workflows.engine import Run, Step, StepFailed
from protocol.records.flows import LIMIT_SUFFIX

T = TypeVar("T")

LEAST_LIMIT: Final = timedelta(minutes=3)
USUAL_LIMIT: Final = timedelta(minutes=10)
"""For one participant for whom the others wait."""
FACTOR: Final = 2
"""How many times as long as the first answer took the others may still take."""


async def settle_without_late(run: Run, steps: Sequence[Step[T]]) -> list[T | StepFailed]:
    """Return the value or the failure of each step; one that stalls does not hold the others.

    Time runs only from the first answer on: while nobody answers, as when all wait in a queue, for
    a budget or for a vendor, nothing is given up.
    """
    began = run.now
    clocks = (
        run.branch(f"limit_{number}", _limit_others(run, step, began))
        for number, step in enumerate(steps, start=1)
    )
    await run.first(run.settled(*steps), *clocks)
    for each in steps:
        each.fail_if_late()
    return await run.settled(*steps)


async def _limit_others(run: Run, step: Step[T], began: datetime) -> None:
    """Wait for a step, and then for as long as the others may still take."""
    await step
    taken = run.now - began
    await run.sleep_until(f"others{LIMIT_SUFFIX}", run.now + max(LEAST_LIMIT, FACTOR * taken))
