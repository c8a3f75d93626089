"""Answers to whoever asks on `model-selection` for a choice, and does what operators say there."""

import asyncio
from uuid import UUID

from loguru import logger
from pydantic import ValidationError

from agents.cio import Cio
from agents.fleet import Fleet
from agents.selection.requirements import Requirements
from agents.selection.strategy import NoModel
from agents.workflows.invalid import InvalidTask
from protocol.bus import Bus, Outgoing
from protocol.errors import CogoError, MalformedMessage
from protocol.messages import (
    Envelope,
    MessageType,
    ModelControl,
    ModelSelectionRequest,
    ModelSelectionResponse,
    payload_of,
)
from protocol.store import Store
from protocol.topics import MODEL_SELECTION, SELECTION_TARGET

WAITING = 100
"""Requests beyond so many are dropped: whoever asks may ask again."""


class SelectionDesk:
    """Answers requests one after the other; each answer that names a model is recorded.

    With several orchestrators the first answer is kept and announced; a refusal, which is not kept,
    comes from each. Both carry the id of the request.
    """

    def __init__(self, *, cio: Cio, fleet: Fleet, bus: Bus, store: Store, source: str) -> None:
        self._cio = cio
        self._fleet = fleet
        self._bus = bus
        self._store = store
        self._source = source
        self._requests: asyncio.Queue[tuple[Envelope, ModelSelectionRequest | ModelControl]] = (
            asyncio.Queue(WAITING)
        )
        self._dropped = 0
        """Since nothing waited."""

    def hear(self, message: Envelope) -> None:
        """Take a request; anything else on the topic is for others."""
        if message.type == MessageType.MODEL_SELECTION_REQUEST:
            shape: type[ModelSelectionRequest | ModelControl] = ModelSelectionRequest
        elif message.type == MessageType.MODEL_CONTROL:
            shape = ModelControl
        else:
            return
        try:
            self._requests.put_nowait((message, payload_of(message, shape)))
        except MalformedMessage as error:
            logger.warning("a request was malformed", topic=MODEL_SELECTION, error=str(error))
        except asyncio.QueueFull:
            if not self._dropped:
                logger.warning("requests are dropped: too many wait", topic=MODEL_SELECTION)
            self._dropped += 1

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            message, payload = await self._requests.get()
            if self._dropped and self._requests.empty():
                logger.warning(
                    "requests were dropped", topic=MODEL_SELECTION, dropped=self._dropped
                )
                self._dropped = 0
            try:
                if isinstance(payload, ModelControl):
                    await self._control(payload, who=message.source)
                else:
                    await self._answer(message.id, payload)
            except CogoError as error:
                logger.warning("a request could not be answered", error=str(error))

    async def _control(self, said: ModelControl, *, who: str) -> None:
        """Every orchestrator hears it; saying the same again changes nothing."""
        done = await self._store.control_model(
            action=said.action,
            subject=said.subject,
            lanes=self._cio.lanes_of(said.subject),
            scope=said.scope,
            reason=said.reason,
            who=who,
        )
        logger.info("an operator spoke", **done.model_dump())

    async def _answer(self, request_id: UUID, request: ModelSelectionRequest) -> None:
        served = request.available_models or self._fleet.lanes
        try:
            needs = Requirements.model_validate(request.task_requirements)
            choice = self._cio.answer(needs, requested=request.requested_model, served=served)
        except ValidationError as error:
            await self._refuse(
                request_id, request, InvalidTask.of("task_requirements", error).message
            )
            return
        except (InvalidTask, NoModel) as error:
            await self._refuse(request_id, request, error.message)
            return
        # Recording announces it: the database sends MODEL_SELECTION_RESPONSE.
        record = choice.record(
            task_id=request.task_id, subtask_id=request.subtask_id, request_id=request_id
        )
        await self._store.record_selection(record)

    async def _refuse(self, request_id: UUID, request: ModelSelectionRequest, reason: str) -> None:
        response = ModelSelectionResponse(
            request_id=request_id,
            task_id=request.task_id,
            subtask_id=request.subtask_id,
            requested_model=request.requested_model,
            available_models=list(self._fleet.lanes),
            selection_reason=reason,
        )
        envelope = Envelope.of(
            MessageType.MODEL_SELECTION_RESPONSE,
            response,
            source=self._source,
            target=SELECTION_TARGET,
        )
        await self._bus.publish([Outgoing(topic=MODEL_SELECTION, envelope=envelope)])
