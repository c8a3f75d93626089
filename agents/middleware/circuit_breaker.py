"""The circuit breaker: stops calls to a failing deployment, for all executors."""

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
from protocol.records.models import Circuit
from protocol.store.calls import CallStateStore
from providers.calls.middleware import VendorCall
from providers.errors import AtCapacity, CircuitOpen, NotAsked

MIN_WAIT: Final = timedelta(seconds=0.5)
_TRIALS: Final[dict[CallOutcome, TrialState]] = {
    CallOutcome.ANSWERED: "answered",
    CallOutcome.FAILED: "failed",
    CallOutcome.UNREACHABLE: "failed",
    CallOutcome.LIMITED: "void",
    CallOutcome.NOTHING: "void",
}


class CircuitBreakerMiddleware:
    """Opens circuits by the outcomes of calls. Allows every call while the database is away."""

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
            counts = self._reporter.get_counts(call)
            outcome = counts.add(call.report, has_spare_keys=call.has_spare_keys)
            if trial_id is not None:
                self._reporter.get_counts(call).trial = (trial_id, _TRIALS[outcome])
            if trial_id is not None or outcome not in {CallOutcome.ANSWERED, CallOutcome.NOTHING}:
                self._reporter.report_soon()

    async def _enter(self, call: VendorCall) -> UUID | None:
        """Return the id of the trial if the call is one; raises NotAsked if it must not be sent."""
        deployment = call.deployment
        circuit = self._reporter.get_circuit(deployment.id)
        if circuit is None:
            return None
        left = max(circuit.until - time.monotonic(), 0.0)
        if left:
            raise _build_refusal(call, left, resting=circuit.resting and circuit.state == "closed")
        if circuit.state == "closed":
            return None
        trial_id = uuid4()
        try:
            trial = await self._store.take_trial(
                agent_id=self._agent_id, deployment=deployment.id, trial_id=trial_id
            )
        except CogoError as error:
            logger.debug("the state of a circuit could not be read", error=str(error))
            return None
        if not trial.granted:
            known = Circuit(
                deployment=deployment.id, state=trial.state, wait_seconds=trial.wait_seconds
            )
            self._reporter.update_circuit(known)
            raise _build_refusal(call, trial.wait_seconds, resting=trial.state == "closed")
        if trial.state == "closed":
            self._reporter.mark_closed(deployment.id)
            return None
        self._reporter.get_counts(call).trial = (trial_id, "running")
        return trial_id


def _build_refusal(call: VendorCall, seconds: float, *, resting: bool) -> NotAsked:
    wait = max(timedelta(seconds=seconds), MIN_WAIT)
    if resting:
        return AtCapacity(
            call.deployment.provider,
            f"the vendor asked to wait before calling {call.deployment.id} again",
            retry_after=wait,
        )
    return CircuitOpen(
        call.deployment.provider,
        f"the circuit of {call.deployment.id} is open after repeated failures",
        retry_after=wait,
    )
