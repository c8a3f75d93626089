"""Calls of models for subtasks: the stream is read, shown to watchers, and saved as it comes."""

import asyncio
import time
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

from agents.executor.lanes import Lanes
from agents.executor.progress import Progress
from agents.executor.response import ResponseBuilder, SurrogateRepairer
from agents.runtime.lease import LeaseKeeper
from protocol.records import LeaseRef, Usage
from providers.chat import ReasoningDelta, TextDelta, TextWasThinking
from providers.errors import ConnectionFailed
from providers.prices import Cost
from providers.router import Call, Router


class ModelCaller:
    """Reads the answers to calls."""

    def __init__(
        self, *, router: Router, lanes: Lanes, keeper: LeaseKeeper, checkpoint_every: timedelta
    ) -> None:
        self.router = router
        self._lanes = lanes
        self._keeper = keeper
        self._checkpoint_every = checkpoint_every.total_seconds()
        self._active: dict[LeaseRef, ResponseBuilder] = {}
        """Responses in progress, by attempt; one that lost its lease may still be ending."""

    async def read(
        self, call: Call, response: ResponseBuilder, progress: Progress, started: float
    ) -> None:
        """Read the stream into `response`, send it to watchers, and save checkpoints.

        Whatever happens, `response` then has what it has cost. Raises ProviderError.
        """
        ref = response.claimed.ref
        self._active[ref] = response
        try:
            await self._read_stream(call, response, progress, started)
        except ConnectionFailed as error:
            if call.deployment.host.local:
                error.is_local = True
                self._lanes.recheck_soon()
            raise
        except asyncio.CancelledError:
            self._keeper.checkpoint(ref, response.build_checkpoint())
            raise
        finally:
            del self._active[ref]
            response.deployment, response.failed_calls = call.deployment, call.failed_calls
            response.was_sent = call.was_sent

    def save_checkpoints(self, subtask_id: UUID | str | None) -> None:
        """Save the text so far of a subtask that was cancelled."""
        for ref, response in self._active.items():
            if str(ref.subtask_id) == str(subtask_id):
                self._keeper.checkpoint(ref, response.build_checkpoint())

    def build_usage(self, response: ResponseBuilder, started: float) -> Usage:
        """Return what an answer has used."""
        seconds = time.monotonic() - started
        return response.build_usage(self.compute_cost(response), seconds=seconds)

    def build_interrupted_usage(self, response: ResponseBuilder, started: float) -> Usage:
        """Return the usage until the interruption; it is complete if the model had finished."""
        if response.done is not None:
            return self.build_usage(response, started)
        return response.build_partial_usage(seconds=time.monotonic() - started)

    def compute_cost(self, response: ResponseBuilder) -> Cost | None:
        """Return the cost of an answer; None if it is unknown."""
        if response.tokens is None:
            return None
        return self.router.calculate_cost(response.tokens, response.deployment)

    async def _read_stream(
        self, call: Call, response: ResponseBuilder, progress: Progress, started: float
    ) -> None:
        repairer = SurrogateRepairer()
        checkpointed = started
        async with aclosing(call.events) as events:
            async for raw in events:
                event = repairer.repair(raw)
                now = time.monotonic()
                response.add_event(event, seconds=now - started)
                match event:
                    case TextDelta(text):
                        progress.add("text", text)
                    case ReasoningDelta(text):
                        progress.add("reasoning", text)
                    case TextWasThinking():
                        progress.retract_text()
                    case _:
                        continue
                if now - checkpointed >= self._checkpoint_every:
                    checkpointed = now
                    self._keeper.checkpoint(response.claimed.ref, response.build_checkpoint())
