"""From realtime.messages to the channels: rung by NOTIFY, read from the table."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from embedded.realtime.messages import Messages, Stored
from embedded.realtime.topics import Topics

_log = logging.getLogger(__name__)

_BATCH: Final = 200
_REMEMBERED: Final = 10_000
_LONGEST_TRANSACTION: Final = timedelta(seconds=30)
"""Rows are dated by the beginning of their transaction: how far back a catch-up looks."""
_RETRY_SECONDS: Final = 0.2
_TROUBLE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Delivery:
    """Broadcasts each committed row once, in the order of commits.

    What was committed while the listening connection was down is found again by its date.
    """

    def __init__(
        self, *, messages: Messages, topics: Topics, payload_bytes: int, started_at: datetime
    ) -> None:
        self._messages = messages
        self._topics = topics
        self._payload_bytes = payload_bytes
        self._latest = started_at
        self._horizon = started_at
        """A catch-up does not look further back: what was delivered there is forgotten."""
        self._remembered: OrderedDict[UUID, datetime] = OrderedDict()
        self._ids: list[UUID] = []
        self._has_missed = False
        self._rung = asyncio.Event()

    def ring(self, payload: str) -> None:
        """Hear of rows by their ids, or ("") that notifications may have been missed."""
        if payload == "":
            self._has_missed = True
        else:
            try:
                self._ids += [UUID(each) for each in payload.split(",")]
            except ValueError:
                return  # anybody may NOTIFY
        self._rung.set()

    async def run(self) -> None:
        """Deliver until cancelled; waits out a database that does not answer."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                await self._deliver_waiting()
            except _TROUBLE as error:
                _log.warning("Messages wait for the database: %s", error)
                self._rung.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _deliver_waiting(self) -> None:
        """Deliver what has been rung; what cannot be read now stays."""
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

    async def _broadcast(self, rows: Iterable[Stored]) -> None:
        for number, row in enumerate(rows, start=1):
            if row.id not in self._remembered:
                self._remember(row)
                if row.message and len(row.message.payload) <= self._payload_bytes:
                    self._topics.broadcast(row.topic, row.message)
            if number % _BATCH == 0:
                await asyncio.sleep(0)  # lets the sockets write before their queues are full

    def _remember(self, row: Stored) -> None:
        self._remembered[row.id] = row.inserted_at
        self._latest = max(self._latest, row.inserted_at)
        if len(self._remembered) > _REMEMBERED:
            _, forgotten_at = self._remembered.popitem(last=False)
            self._horizon = max(self._horizon, forgotten_at)
