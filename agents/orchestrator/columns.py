"""AI columns: the database collects edits, writes answers and submits tasks; this calls it."""

import asyncio
from typing import Final

from loguru import logger

from agents.runtime.agent import Agent
from protocol.errors import CogoError, MalformedMessage
from protocol.messages import ColumnPaused, Envelope, MessageType, read_payload

LIMIT: Final = 500
"""Rows of one call."""
LEAST_LIMIT: Final = 10
STILL_SECONDS: Final = 30.0
"""Between two calls while the columns of a copied database stand still."""


async def run_columns_regularly(agent: Agent) -> None:
    """Call the database until cancelled: at once while there is more, less often while idle.

    Several orchestrators do different rows. A call that fails costs only the wait for the next
    one, which is smaller, since it may have taken too long.
    """
    wakeup, limit, problem = agent.build_wakeup(), LIMIT, ""
    while True:
        was, ran = problem, None
        try:
            ran = await agent.store.run_columns(
                agent_id=agent.identity.id, limit=limit, host=agent.options.project_host
            )
            problem = ran.standing_still or ""
        except CogoError as error:
            problem = f"a call failed: {error}"
        limit = adapt_limit(limit, has_failed=ran is None)
        if problem != was:
            _report(problem)
        if ran is not None:
            agent.health.metrics.count_columns(ran)
        if ran is not None and ran.standing_still:
            await asyncio.sleep(STILL_SECONDS * agent.jitter.uniform(0.8, 1.2))
            continue
        if ran is not None and not ran.is_idle:
            logger.debug("AI columns", **ran.model_dump(exclude={"standing_still"}))
            wakeup.reset_interval()
            if ran.is_more:
                continue
        await wakeup.wait()


def adapt_limit(limit: int, *, has_failed: bool, most: int = LIMIT) -> int:
    """Return the limit of the next call: half of it after a failure, else up to twice as much."""
    return max(limit // 2, LEAST_LIMIT) if has_failed else min(limit * 2, most)


def log_column_pause(message: Envelope) -> None:
    """Log that an AI column paused; other messages are ignored."""
    if message.type != MessageType.COLUMN_PAUSED:
        return
    try:
        paused = read_payload(message, ColumnPaused)
    except MalformedMessage as error:
        logger.debug("a message cannot be read", error=str(error))
        return
    logger.warning(
        "an AI column pauses",
        column=f"{paused.table}.{paused.column}",
        reason=paused.reason,
        until=paused.until.isoformat() if paused.until else "it is resumed",
    )


def _report(problem: str) -> None:
    if problem:
        logger.warning("AI columns stand still", reason=problem)
    else:
        logger.info("AI columns go on")
