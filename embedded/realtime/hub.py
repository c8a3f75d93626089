"""The objects that all sockets of a server share, and the tasks behind them."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.postgres.listener import DATABASE_ERRORS
from embedded.realtime.access.authorization import Authorizer
from embedded.realtime.access.callers import CallerResolver
from embedded.realtime.changes.feed import ChangeFeed
from embedded.realtime.delivery import Delivery
from embedded.realtime.limits import RealtimeLimits, SlidingWindowLimiter
from embedded.realtime.messages import MessageStore
from embedded.realtime.topics import Topics

_log = logging.getLogger(__name__)

NOTIFY_CHANNEL: Final = "realtime_messages"

_PRUNE_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeServices:
    """Objects that all channels of a server share."""

    feed: ChangeFeed
    authorizer: Authorizer
    join_rate: SlidingWindowLimiter
    limits: RealtimeLimits
    messages: MessageStore
    message_rate: SlidingWindowLimiter
    topics: Topics
    callers: CallerResolver


@asynccontextmanager
async def open_realtime(
    database: Database, keys: Keys, limits: RealtimeLimits | None = None
) -> AsyncIterator[RealtimeServices]:
    """Yield the services for sockets; deliver messages and changes within the block."""
    services = _build_services(database, keys, limits or RealtimeLimits())
    delivery = Delivery(
        messages=services.messages,
        topics=services.topics,
        payload_bytes=services.limits.payload_bytes,
        started_at=await services.messages.fetch_now(),
        clock=_read_clock,
    )
    await database.listen(NOTIFY_CHANNEL, delivery.notify)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(delivery.run(), name="deliver realtime.messages"),
            group.create_task(_prune(services.messages), name="prune realtime.messages"),
            group.create_task(services.feed.run(), name="deliver postgres_changes"),
        ]
        yield services
        for task in tasks:
            task.cancel()


def _build_services(database: Database, keys: Keys, limits: RealtimeLimits) -> RealtimeServices:
    def limiter(max_per_second: float | None) -> SlidingWindowLimiter:
        window = limits.rate_window_seconds
        return SlidingWindowLimiter(max_per_second, window_seconds=window, clock=time.monotonic)

    return RealtimeServices(
        feed=ChangeFeed(database),
        authorizer=Authorizer(database),
        join_rate=limiter(limits.joins_per_second),
        limits=limits,
        messages=MessageStore(database),
        message_rate=limiter(limits.messages_per_second),
        topics=Topics(),
        callers=CallerResolver(keys),
    )


def _read_clock() -> datetime:
    """Return the time as in the column `inserted_at`, in UTC without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)  # noqa: TID251 - the edge where time enters


async def _prune(messages: MessageStore) -> None:
    while True:
        try:
            await messages.prune()
        except DATABASE_ERRORS as error:
            _log.warning("Old messages could not be deleted: %s", error)
        await asyncio.sleep(_PRUNE_SECONDS)
