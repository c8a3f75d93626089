"""Follow-up work of memory: the database takes results and submits tasks; this calls it."""

from collections.abc import Callable
from typing import Final

from loguru import logger

from agents.memory.models import MemoryModel
from agents.orchestrator.columns import adapt_limit
from agents.runtime.agent import Agent
from protocol.errors import CogoError
from protocol.records.agents import MEMORY_MODEL_DETAIL

LIMIT: Final = 200
"""Rows of one call."""


async def run_memory_regularly(agent: Agent, get_model: Callable[[], MemoryModel]) -> None:
    """Call the database until cancelled: at once while there is more, less often while idle.

    Several orchestrators do different rows. A call that fails costs only the wait for the next
    one, which is smaller, since it may have taken too long.
    """
    wakeup, limit, problem = agent.build_wakeup(), LIMIT, ""
    while True:
        model, was, ran = get_model(), problem, None
        agent.details[MEMORY_MODEL_DETAIL] = model.id
        try:
            ran = await agent.store.run_memory(
                agent_id=agent.identity.id, embedding_model=model.id, limit=limit
            )
            problem = ran.problem or ""
        except CogoError as error:
            problem = f"a call failed: {error}"
        limit = adapt_limit(limit, has_failed=ran is None, most=LIMIT)
        if problem != was:
            _report(problem)
        if ran is not None and not ran.is_idle:
            logger.debug("memory", **ran.model_dump(exclude={"problem"}))
            wakeup.reset_interval()
            if ran.is_more:
                continue
        await wakeup.wait()


def _report(problem: str) -> None:
    if problem:
        logger.warning("memory waits", reason=problem)
    else:
        logger.info("memory goes on")
