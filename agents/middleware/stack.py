"""The gates of one agent, and the service that keeps them in touch with the others'."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agents.middleware.call_reporter import Reporter
from agents.middleware.circuit_breaker import BreakerGate
from agents.middleware.rate_limit import RateGate
from protocol.store.calls import SafetyStore
from providers.calls.middleware import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What the router of an agent is given."""

    gates: tuple[Gate, ...]
    reporter: Reporter


@asynccontextmanager
async def open_safety(*, agent_id: str, store: SafetyStore) -> AsyncIterator[Safety]:
    """Report until the block ends, and then what is left."""
    reporter = Reporter(agent_id=agent_id, store=store)
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(reporter.run(), name="report calls")
        try:
            yield Safety(
                gates=(
                    RateGate(store=store, reporter=reporter),
                    BreakerGate(agent_id=agent_id, store=store, reporter=reporter),
                ),
                reporter=reporter,
            )
        finally:
            reporting.cancel()
