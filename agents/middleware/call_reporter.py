"""The call reporter: sends counts of calls to the database and receives the circuits' states."""

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
from protocol.records.models import CallsReport, Circuit, CircuitState
from protocol.store.calls import CallStateStore
from providers.calls.concurrency import AdaptiveLimit
from providers.calls.middleware import VendorCall

INTERVAL: Final = timedelta(seconds=1)
"""Interval of reports while calls are made."""
DEBOUNCE: Final = timedelta(milliseconds=100)
"""Delay before a report, so that simultaneous failures are sent together."""
ACTIVE_FOR: Final = timedelta(seconds=60)
"""How long after its last call an executor continues to report."""
IDLE_INTERVAL: Final = timedelta(seconds=5)
"""Interval of reads of the circuits while there are no calls, so that the next call knows them."""
FAREWELL: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class CircuitView:
    """The last known state of a circuit."""

    state: CircuitState
    until: float
    """Monotonic seconds before which no call is sent."""
    resting: bool


class CallReporter:
    """Collects the counts of all deployments and sends them together.

    A report without an answer is sent again unchanged under the same number: the database counts it
    once.
    """

    def __init__(
        self, *, agent_id: str, store: CallStateStore, idle: timedelta = IDLE_INTERVAL
    ) -> None:
        self._agent_id = agent_id
        self._store = store
        self._idle = idle.total_seconds()
        self._limits: Callable[[], Mapping[str, AdaptiveLimit]] = dict
        self._counts: dict[str, CallCounts] = {}
        self._unsent: tuple[int, list[CallsReport]] | None = None
        self._circuits: dict[str, CircuitView] = {}
        self._wakeup = asyncio.Event()
        self._called_at = float("-inf")
        self._is_failing = False

    def report_limits(self, limits: Callable[[], Mapping[str, AdaptiveLimit]]) -> None:
        """Also report the concurrency limit of each deployment."""
        self._limits = limits

    def get_circuit(self, deployment: str) -> CircuitView | None:
        """Return the last known state of a circuit; None means closed."""
        return self._circuits.get(deployment)

    def mark_closed(self, deployment: str) -> None:
        """Note that a circuit is closed."""
        self._circuits.pop(deployment, None)

    def update_circuit(self, circuit: Circuit) -> CircuitView:
        """Note the state of a circuit, and return it."""
        view = CircuitView(
            circuit.state, time.monotonic() + circuit.wait_seconds, resting=bool(circuit.resting)
        )
        self._circuits[circuit.deployment] = view
        return view

    def get_counts(self, call: VendorCall) -> CallCounts:
        """Return the counts of the call's deployment, to be updated."""
        deployment = call.deployment
        self._called_at = time.monotonic()
        if deployment.id not in self._counts:
            self._counts[deployment.id] = CallCounts(
                deployment=deployment.id,
                model_id=deployment.model.id,
                provider=deployment.provider,
            )
            self._wakeup.set()
        return self._counts[deployment.id]

    def report_soon(self) -> None:
        """Send a report soon, to inform other executors."""
        self._wakeup.set()

    async def run(self) -> None:
        """Report until cancelled; then once more."""
        try:
            while True:
                self._wakeup.clear()
                await self._report()
                pause = self._idle if self._is_idle() else INTERVAL.total_seconds()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wakeup.wait()
                await asyncio.sleep(DEBOUNCE.total_seconds())
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL.total_seconds()):
                    if self._unsent is not None:  # a report was interrupted; newer counts wait
                        await self._report()
                    await self._report()

    async def _report(self) -> None:
        """Send the counts and receive the circuits' states."""
        number, items = self._unsent or (time.time_ns() // 1000, self._take_reports())
        self._unsent = (number, items)
        try:
            circuits = await self._store.report_calls(
                agent_id=self._agent_id, report=number, items=items
            )
        except CogoError as error:
            if not self._is_failing:
                logger.warning("calls cannot be reported; retrying", error=str(error))
            self._is_failing = True
            return
        self._unsent, self._is_failing = None, False
        self._circuits = {}
        for each in circuits:
            self.update_circuit(each)

    def _is_idle(self) -> bool:
        return time.monotonic() - self._called_at > ACTIVE_FOR.total_seconds()

    def _take_reports(self) -> list[CallsReport]:
        if self._is_idle():
            return []
        counts, limits = self._counts, self._limits()
        self._counts = {name: each.reset() for name, each in counts.items()}
        return [
            each.build_report(
                concurrency=int(limit.limit) if (limit := limits.get(name)) else None,
                running=limit.running if limit else None,
            )
            for name, each in counts.items()
        ]
