"""Forgetting: what is older than people want to keep goes, in many short steps."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from loguru import logger

from protocol.errors import StoreUnavailable
from protocol.store.queue import QueueStore

PRUNE_SECONDS: Final = 60.0

STEPS: Final = 1_000
"""The most steps of one sweep: what is left after them goes with the next, a minute later."""

PruneStep = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long things are kept; None: for ever."""

    tasks: timedelta | None = None
    """After they finished, with all that belongs to them; also the switches of models."""
    calls: timedelta | None = None
    """The audit; the database keeps at least 30 days of it."""


KEEP_ALL: Final = Retention()


async def prune_regularly(store: QueueStore, retention: Retention) -> None:
    """Sweep every minute until cancelled; at once ends when everything is kept for ever."""
    steps = _steps(store, retention)
    while steps:
        for what, step in steps.items():
            await sweep(what, step)
        await asyncio.sleep(PRUNE_SECONDS)


async def sweep(what: str, step: PruneStep) -> int:
    """Take steps until one finds nothing, at most `STEPS`; says how much was forgotten.

    Each step is a short transaction, and between two of them others have their turn.
    """
    forgotten = 0
    try:
        for _ in range(STEPS):
            found = await step()
            forgotten += found
            if not found:
                break
    except StoreUnavailable as error:
        logger.debug("nothing could be pruned", what=what, error=str(error))
    if forgotten:
        logger.info("what is old was forgotten", what=what, count=forgotten)
    return forgotten


def _steps(store: QueueStore, retention: Retention) -> dict[str, PruneStep]:
    steps: dict[str, PruneStep] = {}
    if retention.tasks is not None:
        steps["tasks"] = partial(store.prune, older_than=retention.tasks)
    if retention.tasks is not None or retention.calls is not None:
        steps["records"] = partial(
            store.prune_records,
            switches_older_than=retention.tasks,
            calls_older_than=retention.calls,
        )
    return steps
