"""The heart of Realtime: who has joined what, and what the database has to say to them."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Final, Self

import asyncpg

from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.realtime.access.authorization import Gate
from embedded.realtime.access.callers import Visitors
from embedded.realtime.changes.feed import Feed
from embedded.realtime.delivery import Delivery
from embedded.realtime.limits import Limits
from embedded.realtime.messages import Messages
from embedded.realtime.rates import Rate
from embedded.realtime.services import Services
from embedded.realtime.topics import Topics

_log = logging.getLogger(__name__)

NOTIFY_CHANNEL: Final = "realtime_messages"

_PRUNE_SECONDS: Final = 3600.0


class Hub:
    """Delivers messages for as long as the context lasts; the sockets use its services."""

    def __init__(self, *, database: Database, keys: Keys, limits: Limits | None = None) -> None:
        self._database = database
        limits = limits or Limits()

        def rate(most_per_second: float | None) -> Rate:
            window = limits.rate_window_seconds
            return Rate(most_per_second, window_seconds=window, clock=time.monotonic)

        self.services = Services(
            feed=Feed(database),
            gate=Gate(database),
            joins=rate(limits.joins_per_second),
            limits=limits,
            messages=Messages(database),
            sends=rate(limits.messages_per_second),
            topics=Topics(),
            visitors=Visitors(keys),
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
        await self._database.listen(NOTIFY_CHANNEL, delivery.ring)
        await self._group.__aenter__()
        self._tasks = [
            self._group.create_task(delivery.run(), name="deliver realtime.messages"),
            self._group.create_task(self._prune(), name="prune realtime.messages"),
            self._group.create_task(services.feed.run(), name="tell postgres_changes"),
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
                _log.warning("Old messages stay for now: %s", error)
            await asyncio.sleep(_PRUNE_SECONDS)
