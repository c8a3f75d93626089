"""Handler of requests and operator commands on `model-selection`."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial

from loguru import logger
from pydantic import ValidationError

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio
from agents.runtime.retry import retry_until_answered
from agents.selection.preferences import MAX_NAME_CHARACTERS, resolve_lanes
from agents.selection.requirements import Requirements
from protocol.bus import Bus, OutgoingMessage
from protocol.errors import CogoError, MalformedMessage
from protocol.json_values import repair_surrogates
from protocol.messages import (
    Envelope,
    MessageType,
    ModelControl,
    ModelSelectionRequest,
    ModelSelectionResponse,
    read_payload,
)
from protocol.records import SelectionRecord
from protocol.store.operator import Operator, acting_as
from protocol.store.queue import QueueStore
from protocol.topics import MODEL_SELECTION, SELECTION_TARGET

MAX_WAITING = 1000
"""Requests beyond this many are dropped; clients may repeat them."""


class SelectionChannelHandler:
    """Answers requests one at a time, and applies operators' commands.

    The response is recorded, which announces it. If several orchestrators answer, the database
    keeps the first response. It carries the id of the request, or an id derived from its content.
    """

    def __init__(
        self,
        *,
        cio: Cio,
        bus: Bus,
        store: QueueStore,
        source: str,
        jitter: random.Random,
    ) -> None:
        self._cio = cio
        self._bus = bus
        self._store = store
        self._source = source
        self._jitter = jitter
        self._requests: asyncio.Queue[Envelope] = asyncio.Queue(MAX_WAITING)
        self._dropped = 0
        """Since the queue was last empty."""

    def handle_message(self, message: Envelope) -> None:
        """Queue a request or command; other messages of the topic are ignored."""
        if message.type not in (MessageType.MODEL_SELECTION_REQUEST, MessageType.MODEL_CONTROL):
            return
        try:
            self._requests.put_nowait(message)
        except asyncio.QueueFull:
            if not self._dropped:
                logger.warning("requests are dropped: too many are waiting", topic=MODEL_SELECTION)
            self._dropped += 1

    async def run(self) -> None:
        """Handle queued messages until cancelled."""
        while True:
            message = await self._requests.get()
            if self._dropped and self._requests.empty():
                logger.warning(
                    "requests were dropped", topic=MODEL_SELECTION, dropped=self._dropped
                )
                self._dropped = 0
            try:
                if message.type == MessageType.MODEL_CONTROL:
                    await self._apply_control(
                        read_payload(message, ModelControl), who=message.source
                    )
                else:
                    await self._answer(message)
            except CogoError as error:
                logger.warning("a request could not be answered", error=str(error))

    async def _apply_control(self, control: ModelControl, *, who: str) -> None:
        """Apply a command. Every orchestrator does this, which is idempotent."""
        subjects = self._cio.list_control_subjects(control.subject)
        for subject in subjects if control.action == "allow" else subjects[:1]:
            with acting_as(Operator(who=who)):
                done = await self._store.control_model(
                    action=control.action,
                    subject=subject,
                    lanes=self._cio.find_lanes(subject),
                    scope=control.scope,
                    reason=control.reason,
                )
            logger.info("an operator changed a model", **done.model_dump())

    async def _answer(self, message: Envelope) -> None:
        record = self._build_record(message)
        try:
            await retry_until_answered(
                partial(self._store.record_selection, record),
                what="the response to a request",
                jitter=self._jitter,
            )
        except CogoError as error:
            # Only recorded responses are announced by the database.
            logger.warning("a response cannot be recorded", error=str(error))
            await self._publish(record, str(error))

    def _build_record(self, message: Envelope) -> SelectionRecord:
        """Return the record that answers a request: the choice, or why there is none."""
        try:
            record = self._choose(read_payload(message, ModelSelectionRequest))
        except MalformedMessage as error:
            field = str(error).removeprefix(f"{ModelSelectionRequest.__name__}.")
            record = SelectionRecord(reason=f"the request cannot be read: {field}.")
        except (InvalidTask, NoModel) as error:
            available = list(self._cio.registry.lanes)
            record = SelectionRecord(reason=error.message, available_models=available)
        return record.model_copy(
            update={
                "task_id": _get_text(message, "task_id"),
                "subtask_id": _get_text(message, "subtask_id"),
                "requested_model": _get_text(message, "requested_model"),
                "request_id": message.id,
                "unnamed_request": message.is_unnamed,
            }
        )

    def _choose(self, request: ModelSelectionRequest) -> SelectionRecord:
        """Choose a model; raises InvalidTask if the request is invalid, NoModel if none is left."""
        try:
            needs = Requirements.model_validate(request.task_requirements)
        except ValidationError as error:
            raise InvalidTask.from_validation("task_requirements", error) from error
        served, notes = self._cio.registry.lanes, list[str]()
        if request.available_models:
            lanes, notes = resolve_lanes(request.available_models, self._cio.catalogue, served)
            if not lanes:
                raise NoModel(" ".join(["None of the available models can be used.", *notes]))
            served = tuple(lanes)
        self._check_offered(request.requested_model, served)
        choice = self._cio.choose_for_requirements(
            needs, requested=request.requested_model, served=served
        )
        record = choice.to_record()
        new = [note for note in notes if note not in record.reason]
        return record.model_copy(update={"reason": " ".join([record.reason, *new])})

    def _check_offered(self, name: str | None, offered: Sequence[str]) -> None:
        """Raise InvalidTask if the requested model is served, but not among those offered."""
        lanes, _ = resolve_lanes(
            [name] if name else [], self._cio.catalogue, self._cio.registry.lanes
        )
        if lanes and lanes[0] not in offered:
            raise InvalidTask(
                "requested_model",
                f"requested_model {name!r} is not among the available models: "
                f"{', '.join(offered)}.",
                allowed=offered,
            )

    async def _publish(self, record: SelectionRecord, problem: str) -> None:
        response = ModelSelectionResponse(
            request_id=record.request_id,
            task_id=record.task_id,
            subtask_id=record.subtask_id,
            requested_model=record.requested_model,
            selection_reason=problem,
            error=problem,
        )
        envelope = Envelope.wrap(
            MessageType.MODEL_SELECTION_RESPONSE,
            response,
            source=self._source,
            target=SELECTION_TARGET,
        )
        await self._bus.publish([OutgoingMessage(topic=MODEL_SELECTION, envelope=envelope)])


def _get_text(message: Envelope, field: str) -> str | None:
    """Return a field of a request as its response repeats it."""
    value = message.payload.get(field)
    if not isinstance(value, str):
        return None
    return repair_surrogates(value[:MAX_NAME_CHARACTERS]).replace(
        "\x00", ""
    )  # which Postgres cannot store
