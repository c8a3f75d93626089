"""Delivery of rows of realtime.messages to channels, triggered by NOTIFY."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from embedded.postgres.listener import DATABASE_ERRORS
from embedded.realtime.messages import MessageStore, StoredMessage
from embedded.realtime.topics import Topic, Topics

_log = logging.getLogger(__name__)

_BATCH: Final = 200
_REMEMBERED: Final = 10_000
_LONGEST_TRANSACTION: Final = timedelta(seconds=30)
"""How far back a catch-up looks, since rows have the start time of their transaction."""
_RETRY_SECONDS: Final = 0.2


class Delivery:
    """Broadcasts each committed row once, in the order of commits.

    Rows that were committed while the listener was disconnected are found by their date.
    """

    def __init__(
        self,
        *,
        messages: MessageStore,
        topics: Topics,
        payload_bytes: int,
        started_at: datetime,
        clock: Callable[[], datetime],
    ) -> None:
        self._messages = messages
        self._topics = topics
        self._clock = clock
        self._payload_bytes = payload_bytes
        self._latest = started_at
        self._horizon = started_at
        """Limit of a catch-up, since older deliveries are no longer remembered."""
        self._remembered: OrderedDict[str, datetime] = OrderedDict()
        self._ids: list[UUID] = []
        self._has_missed = False
        self._notified = asyncio.Event()

    def notify(self, payload: str) -> None:
        """Take the news of rows, or "" if notifications may have been missed.

        Rows on topics that nobody has joined are not read.
        """
        if payload == "":
            self._has_missed = True
        else:
            now = self._clock()
            try:
                for row in json.loads(payload):
                    self._take(row, now)
            except (AttributeError, ValueError, TypeError, RecursionError):
                pass  # any role may NOTIFY
        if self._ids or self._has_missed:
            self._notified.set()

    async def run(self) -> None:
        """Deliver until cancelled; retry if the database does not answer."""
        while True:
            await self._notified.wait()
            self._notified.clear()
            try:
                await self._deliver_waiting()
            except DATABASE_ERRORS as error:
                _log.warning("Messages wait for the database: %s", error)
                self._notified.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _deliver_waiting(self) -> None:
        """Deliver the waiting rows; those that cannot be read stay."""
        if self._has_missed:
            self._has_missed = False
            try:
                rows = await self._messages.fetch_since(
                    max(self._latest - _LONGEST_TRANSACTION, self._horizon)
                )
            except BaseException:
                self._has_missed = True
                raise
            await self._broadcast(rows)
        while self._ids:
            batch = self._ids[:_BATCH]
            found = await self._messages.fetch(batch)
            del self._ids[: len(batch)]
            await self._broadcast(found[each] for each in batch if each in found)

    async def _broadcast(self, rows: Iterable[StoredMessage]) -> None:
        for number, row in enumerate(rows, start=1):
            row_id = str(row.id)
            if row_id not in self._remembered:
                self._remember(row_id, row.inserted_at)
                if row.message and len(row.message.payload) <= self._payload_bytes:
                    self._topics.broadcast(row.topic, row.message)
            if number % _BATCH == 0:
                await asyncio.sleep(0)  # lets the sockets write before their queues are full

    def _take(self, row: Any, now: datetime) -> None:
        """Take an id, or an id with the topic, if the notification had room for it."""
        if isinstance(row, str):
            self._ids.append(UUID(row))
            return
        row_id, is_private, name = row
        if self._topics.is_joined(Topic(name, is_private)):
            self._ids.append(UUID(row_id))
        else:
            self._remember(row_id, now)

    def _remember(self, row_id: str, inserted_at: datetime) -> None:
        self._remembered[row_id] = inserted_at
        self._latest = max(self._latest, inserted_at)
        if len(self._remembered) > _REMEMBERED:
            _, forgotten_at = self._remembered.popitem(last=False)
            self._horizon = max(self._horizon, forgotten_at)
