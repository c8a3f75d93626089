"""Tells the database what calls showed, and keeps what it says about everybody's."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from loguru import logger

from agents.middleware.call_counts import CallCounts
from protocol.errors import CogoError
from protocol.records.deployments import CallsReport, Circuit, CircuitState
from protocol.store.calls import CallStateStore
from providers.calls.concurrency import AdaptiveLimit
from providers.calls.middleware import VendorCall

EVERY: Final = timedelta(seconds=1)
"""Between two reports while calls are made."""
SOON: Final = timedelta(milliseconds=100)
"""From bad news to its report, so that what fails together is told together."""
ACTIVE: Final = timedelta(seconds=60)
"""For so long after a call what it showed is reported."""
IDLE: Final = timedelta(seconds=5)
"""Between two looks at the circuits while there are no calls: the next must not wait for one."""
FAREWELL: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class CircuitView:
    """A circuit as last heard of."""

    state: CircuitState
    until: float
    """Monotonic seconds before which nobody asks."""
    resting: bool


class CallReporter:
    """Gathers tallies and sends them together.

    A report that got no answer is sent again as it was, under the same number: the database counts
    it once.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        store: CallStateStore,
        idle: timedelta = IDLE,
    ) -> None:
        self._agent_id = agent_id
        self._store = store
        self._idle = idle.total_seconds()
        self._rooms: Callable[[], Mapping[str, AdaptiveLimit]] = dict
        self._tallies: dict[str, CallCounts] = {}
        self._unsent: tuple[int, list[CallsReport]] | None = None
        self._views: dict[str, CircuitView] = {}
        self._bell = asyncio.Event()
        self._asked_at = float("-inf")
        self._silent = False

    def watch(self, rooms: Callable[[], Mapping[str, AdaptiveLimit]]) -> None:
        """Tell also how much room there is at each deployment."""
        self._rooms = rooms

    def view(self, deployment: str) -> CircuitView | None:
        """The circuit as last heard of; None: closed, as far as is known."""
        return self._views.get(deployment)

    def forget(self, deployment: str) -> None:
        """Its circuit is known to be closed."""
        self._views.pop(deployment, None)

    def learn(self, circuit: Circuit) -> CircuitView:
        """Keep what the database just said about one deployment."""
        view = CircuitView(
            circuit.state, time.monotonic() + circuit.wait_seconds, resting=bool(circuit.resting)
        )
        self._views[circuit.deployment] = view
        return view

    def tally(self, call: VendorCall) -> CallCounts:
        """Where what this call shows is to be noted."""
        place = call.deployment
        self._asked_at = time.monotonic()
        if place.id not in self._tallies:
            self._tallies[place.id] = CallCounts(
                deployment=place.id, model_id=place.model.id, provider=place.provider
            )
            self._bell.set()
        return self._tallies[place.id]

    def report_soon(self) -> None:
        """There is news that others should hear soon."""
        self._bell.set()

    async def run(self) -> None:
        """Report until cancelled; then once more, shortly."""
        try:
            while True:
                self._bell.clear()
                await self._report()
                pause = self._idle if self._is_idle() else EVERY.total_seconds()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._bell.wait()
                await asyncio.sleep(SOON.total_seconds())
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    if self._unsent is not None:  # a report was cut off, and newer news wait
                        await self._report()
                    await self._report()

    async def _report(self) -> None:
        """Say what is new and hear how the circuits stand; while the database is away, neither."""
        number, items = self._unsent or (time.time_ns() // 1000, self._take())
        self._unsent = (number, items)
        try:
            circuits = await self._store.report_calls(
                agent_id=self._agent_id, report=number, items=items
            )
        except CogoError as error:
            if not self._silent:
                logger.warning("calls cannot be reported; trying again", error=str(error))
            self._silent = True
            return
        self._unsent, self._silent = None, False
        self._views = {}
        for each in circuits:
            self.learn(each)

    def _is_idle(self) -> bool:
        return time.monotonic() - self._asked_at > ACTIVE.total_seconds()

    def _take(self) -> list[CallsReport]:
        if self._is_idle():
            return []
        tallies, rooms = self._tallies, self._rooms()
        self._tallies = {name: each.after_report() for name, each in tallies.items()}
        return [
            each.report(
                concurrency=int(room.limit) if (room := rooms.get(name)) else None,
                running=room.running if room else None,
            )
            for name, each in tallies.items()
        ]
