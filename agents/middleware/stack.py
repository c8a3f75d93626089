"""The middleware of one agent that shares its limits with other agents through the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agents.middleware.call_reporter import CallReporter
from agents.middleware.circuit_breaker import CircuitBreakerMiddleware
from agents.middleware.rate_limit import RateLimitMiddleware
from protocol.store.calls import CallStateStore
from providers.calls.middleware import CallMiddleware


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """The middleware for the router, and the reporter behind it."""

    middleware: tuple[CallMiddleware, ...]
    reporter: CallReporter


@asynccontextmanager
async def open_call_limits(*, agent_id: str, store: CallStateStore) -> AsyncIterator[CallLimits]:
    """Open the middleware, and report calls until the block ends."""
    reporter = CallReporter(agent_id=agent_id, store=store)
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(reporter.run(), name="report calls")
        try:
            yield CallLimits(
                middleware=(
                    RateLimitMiddleware(store=store, reporter=reporter),
                    CircuitBreakerMiddleware(agent_id=agent_id, store=store, reporter=reporter),
                ),
                reporter=reporter,
            )
        finally:
            reporting.cancel()
