"""Pruning of rows that are older than the retention, in many short transactions."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from loguru import logger

from agents.runtime.options import Retention
from protocol.errors import StoreUnavailable
from protocol.store.queue import QueueStore

PRUNE_SECONDS: Final = 60.0
MAX_STEPS: Final = 1_000
"""Maximum steps of one sweep; the next sweep, a minute later, continues."""

PruneStep = Callable[[], Awaitable[int]]


async def prune_regularly(store: QueueStore, retention: Retention) -> None:
    """Sweep every minute until cancelled. Returns immediately if nothing may be pruned."""
    steps = _list_steps(store, retention)
    while steps:
        for what, step in steps.items():
            await sweep(what, step)
        await asyncio.sleep(PRUNE_SECONDS)


async def sweep(what: str, step: PruneStep) -> int:
    """Repeat a step until it finds nothing, at most `MAX_STEPS` times; return the rows deleted.

    Each step is a short transaction, so that other transactions are not blocked for long.
    """
    deleted = 0
    try:
        for _ in range(MAX_STEPS):
            found = await step()
            deleted += found
            if not found:
                break
    except StoreUnavailable as error:
        logger.debug("nothing could be pruned", what=what, error=str(error))
    if deleted:
        logger.info("old rows were deleted", what=what, count=deleted)
    return deleted


def _list_steps(store: QueueStore, retention: Retention) -> dict[str, PruneStep]:
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
