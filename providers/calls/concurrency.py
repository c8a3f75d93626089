"""The gate that keeps calls waiting while a deployment's room in this process is full."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from providers.calls.adaptive_limit import Room
from providers.calls.middleware import VendorCall
from providers.catalogue.deployment import Deployment
from providers.errors import AtCapacity, Overloaded, RateLimited

__all__ = ["ConcurrencyGate"]

PATIENCE: Final = timedelta(seconds=30)
"""The longest wait for a place; after that the work is better off elsewhere, or later."""
LATER: Final = timedelta(seconds=15)


class ConcurrencyGate:
    """A `Gate` with one `Room` for each deployment, first come, first served."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that were used, by the ids of their deployments."""
        return self._rooms

    def room(self, deployment: Deployment) -> Room:
        """The room at a deployment; it follows the catalogue's maximum."""
        maximum = deployment.entry.max_concurrency or deployment.host.max_concurrency
        room = self._rooms.get(deployment.id)
        if room is None:
            room = self._rooms[deployment.id] = Room(maximum)
        elif room.maximum != maximum:
            room.maximum, room.limit = maximum, min(room.limit, float(maximum))
        return room

    def busy(self, deployment: Deployment) -> float:
        """The share of its room that is taken."""
        return self.room(deployment).busy

    def pace(self, deployment: Deployment) -> float:
        """Seconds to the first token of late; 0 before the first call."""
        return self.room(deployment).recent or 0.0

    @asynccontextmanager
    async def around(self, call: VendorCall) -> AsyncIterator[None]:
        """See `Gate.around`."""
        room = self.room(call.deployment)
        await self._take(room, call)
        began = time.monotonic()
        try:
            yield
        finally:
            room.running -= 1
            self._learn(room, call, began)
            self._wake(self._waiting[call.deployment.id], room)

    async def _take(self, room: Room, call: VendorCall) -> None:
        """Take a place, now or when somebody leaves."""
        waiting = self._waiting.setdefault(call.deployment.id, deque())
        if not room.is_full and not waiting:
            room.running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(place)
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await place
        except BaseException as error:
            if place in waiting:
                waiting.remove(place)
            elif not place.cancelled():  # it was given to us, and we go
                room.running -= 1
                self._wake(waiting, room)
            if not isinstance(error, TimeoutError):
                raise
            raise AtCapacity(
                call.deployment.provider,
                f"all places at {call.deployment.id} stayed taken for {PATIENCE.seconds} s",
                retry_after=LATER,
            ) from error

    @staticmethod
    def _wake(waiting: deque[asyncio.Future[None]], room: Room) -> None:
        """Give what places there are to those who wait longest."""
        while waiting and not room.is_full:
            place = waiting.popleft()
            if not place.done():
                room.running += 1
                place.set_result(None)

    @staticmethod
    def _learn(room: Room, call: VendorCall, began: float) -> None:
        report, now = call.report, time.monotonic()
        if isinstance(report.error, RateLimited | Overloaded):
            room.pushed_back(began=began, now=now)
        elif report.done is not None:
            first = report.first_token.total_seconds() if report.first_token else None
            room.answered(first, began=began, now=now)
