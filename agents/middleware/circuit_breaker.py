"""The circuit breaker: middleware that spares a failing deployment, for all executors."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from loguru import logger

from agents.middleware.call_counts import CallOutcome, TrialState
from agents.middleware.call_reporter import CallReporter
from protocol.errors import CogoError
from protocol.records.deployments import Circuit
from protocol.store.calls import CallStateStore
from providers.calls.middleware import VendorCall
from providers.errors import AtCapacity, CircuitOpen, NotAsked

SHORTEST: Final = timedelta(seconds=0.5)
_TRIALS: Final[dict[CallOutcome, TrialState]] = {
    CallOutcome.ANSWERED: "answered",
    CallOutcome.FAILED: "failed",
    CallOutcome.UNREACHABLE: "failed",
    CallOutcome.LIMITED: "void",
    CallOutcome.NOTHING: "void",
}


class CircuitBreakerMiddleware:
    """Learns from calls only, at their end. While the database is away every call passes."""

    def __init__(self, *, agent_id: str, store: CallStateStore, reporter: CallReporter) -> None:
        self._agent_id = agent_id
        self._store = store
        self._reporter = reporter

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """See `CallMiddleware.wrap_call`."""
        trial_id = await self._enter(call)
        try:
            yield
        finally:
            tally = self._reporter.tally(call)
            verdict = tally.note(call.report, others_may_ask=call.has_spare_keys)
            if trial_id is not None:
                self._reporter.tally(call).trial = (trial_id, _TRIALS[verdict])
            if trial_id is not None or verdict not in {CallOutcome.ANSWERED, CallOutcome.NOTHING}:
                self._reporter.report_soon()

    async def _enter(self, call: VendorCall) -> UUID | None:
        """Let the call pass or raise; gives the id of the trial when it is one."""
        place = call.deployment
        view = self._reporter.view(place.id)
        if view is None:
            return None
        left = max(view.until - time.monotonic(), 0.0)
        if left:
            raise _refusal(call, left, resting=view.resting and view.state == "closed")
        if view.state == "closed":
            return None
        trial_id = uuid4()
        try:
            trial = await self._store.take_trial(
                agent_id=self._agent_id, deployment=place.id, trial_id=trial_id
            )
        except CogoError as error:
            logger.debug("a circuit could not be asked for", error=str(error))
            return None
        if not trial.granted:
            known = Circuit(deployment=place.id, state=trial.state, wait_seconds=trial.wait_seconds)
            self._reporter.learn(known)
            raise _refusal(call, trial.wait_seconds, resting=trial.state == "closed")
        if trial.state == "closed":
            self._reporter.forget(place.id)
            return None
        self._reporter.tally(call).trial = (trial_id, "running")
        return trial_id


def _refusal(call: VendorCall, seconds: float, *, resting: bool) -> NotAsked:
    wait = max(timedelta(seconds=seconds), SHORTEST)
    if resting:
        return AtCapacity(
            call.deployment.provider,
            f"the vendor asked to leave {call.deployment.id} alone for a while",
            retry_after=wait,
        )
    return CircuitOpen(
        call.deployment.provider,
        f"the circuit of {call.deployment.id} is open after repeated failures",
        retry_after=wait,
    )
