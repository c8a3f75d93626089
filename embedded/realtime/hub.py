"""The objects that all sockets of a server share, and the tasks behind them."""

import asyncio
import logging
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import asyncpg

from embedded.keys import Keys
from embedded.postgres.database import Database
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


class Hub:
    """Creates the services for sockets, and delivers messages and changes within its context."""

    def __init__(
        self, *, database: Database, keys: Keys, limits: RealtimeLimits | None = None
    ) -> None:
        self._database = database
        limits = limits or RealtimeLimits()

        def limiter(max_per_second: float | None) -> SlidingWindowLimiter:
            window = limits.rate_window_seconds
            return SlidingWindowLimiter(max_per_second, window_seconds=window, clock=time.monotonic)

        self.services = RealtimeServices(
            feed=ChangeFeed(database),
            authorizer=Authorizer(database),
            join_rate=limiter(limits.joins_per_second),
            limits=limits,
            messages=MessageStore(database),
            message_rate=limiter(limits.messages_per_second),
            topics=Topics(),
            callers=CallerResolver(keys),
        )
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        services = self.services
        delivery = Delivery(
            messages=services.messages,
            topics=services.topics,
            payload_bytes=services.limits.payload_bytes,
            started_at=await services.messages.fetch_now(),
        )
        await self._database.listen(NOTIFY_CHANNEL, delivery.notify)
        await self._group.__aenter__()
        self._tasks = [
            self._group.create_task(delivery.run(), name="deliver realtime.messages"),
            self._group.create_task(self._prune(), name="prune realtime.messages"),
            self._group.create_task(services.feed.run(), name="deliver postgres_changes"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    async def _prune(self) -> None:
        while True:
            try:
                await self.services.messages.prune()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("Old messages could not be deleted: %s", error)
            await asyncio.sleep(_PRUNE_SECONDS)
