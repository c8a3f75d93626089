"""Progress: text deltas on the topics of their tasks, sent for all tasks in one request."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Literal
from uuid import UUID

from loguru import logger

from protocol.bus import Bus, OutgoingMessage
from protocol.errors import CogoError
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.records import ClaimedSubtask
from protocol.topics import result_topic
from protocol.transcript import is_answer_step

DeltaKind = Literal["text", "reasoning"]

DELTA_CHARACTERS = 5_000
"""Longer deltas are split, so that messages stay under 32 KiB even if JSON escapes everything."""

MAX_FLUSH = timedelta(seconds=1)
"""How long an ending attempt waits until its last deltas are sent."""


@dataclass(slots=True)
class Progress:
    """The deltas of one attempt. Offsets count characters, separately for text and reasoning."""

    hub: "ProgressHub"
    task_id: UUID
    subtask_id: UUID
    attempt: int
    key: str
    role: str | None
    is_answer: bool
    enabled: bool
    _pending: list[tuple[DeltaKind, str]] = field(default_factory=list)
    _sent: dict[DeltaKind, int] = field(default_factory=lambda: {"text": 0, "reasoning": 0})
    _first: bool = True

    def add(self, kind: DeltaKind, delta: str) -> None:
        """Add a delta. The first one of an attempt is sent at once, others with the next batch."""
        if not self.enabled or not delta:
            return
        self._pending.append((kind, delta))
        self.hub.schedule(self, at_once=self._first)
        self._first = False

    def take_messages(self, source: str) -> list[OutgoingMessage]:
        """Return and remove the pending deltas, as messages."""
        pending, self._pending = self._pending, []
        return [
            self._build_message(kind, delta, source)
            for kind, run in groupby(pending, key=lambda pair: pair[0])
            for delta in _split("".join(delta for _, delta in run))
        ]

    def _build_message(self, kind: DeltaKind, delta: str, source: str) -> OutgoingMessage:
        offset = self._sent[kind]
        self._sent[kind] += len(delta)
        payload = SubtaskProgress(
            task_id=self.task_id,
            subtask_id=self.subtask_id,
            attempt=self.attempt,
            key=self.key,
            role=self.role,
            answer=self.is_answer,
            kind=kind,
            offset=offset,
            delta=delta,
            timestamp=utc_now(),
        )
        topic = result_topic(self.task_id)
        envelope = Envelope.wrap(MessageType.SUBTASK_PROGRESS, payload, source=source, target=topic)
        return OutgoingMessage(topic=topic, envelope=envelope)


class ProgressHub:
    """Collects the deltas of all attempts of a process and sends them together.

    A batch that cannot be sent is dropped: watchers read the checkpoint in the database. An attempt
    waits at most `max_flush` for Realtime.
    """

    def __init__(
        self, *, bus: Bus, source: str, every: timedelta, max_flush: timedelta = MAX_FLUSH
    ) -> None:
        self._bus = bus
        self._source = source
        self._every = every.total_seconds()
        self._max_flush = max_flush.total_seconds()
        self._dirty: dict[tuple[UUID, int], Progress] = {}
        self._bell = asyncio.Event()
        self._urgent = asyncio.Event()
        self._sending = asyncio.Lock()
        self._is_failing = False

    def open(self, claimed: ClaimedSubtask) -> Progress:
        """Return the progress of one attempt."""
        role = claimed.metadata.get("role")
        return Progress(
            hub=self,
            task_id=claimed.task_id,
            subtask_id=claimed.subtask_id,
            attempt=claimed.attempt,
            key=claimed.key,
            role=role if isinstance(role, str) else None,
            is_answer=is_answer_step(claimed.metadata, claimed.params),
            enabled=claimed.task.stream,
        )

    def schedule(self, progress: Progress, *, at_once: bool) -> None:
        """Include `progress` in the next batch."""
        self._dirty[progress.subtask_id, progress.attempt] = progress
        self._bell.set()
        if at_once:
            self._urgent.set()

    async def run(self) -> None:
        """Send batches until cancelled."""
        while True:
            await self._bell.wait()
            await self.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._urgent.wait()

    async def flush_in_time(self) -> None:
        """Send pending deltas, so that they arrive before the result.

        Waits at most `max_flush`, and not at all while Realtime does not answer: watchers can read
        the row.
        """
        if self._is_failing:
            return
        try:
            async with asyncio.timeout(self._max_flush):
                await self.flush()
        except TimeoutError:
            self._note_failure("Realtime takes too long")

    async def flush(self) -> None:
        """Send all pending deltas."""
        async with self._sending:
            self._bell.clear()
            self._urgent.clear()
            dirty, self._dirty = self._dirty, {}
            messages = [
                message for each in dirty.values() for message in each.take_messages(self._source)
            ]
            if messages:
                await self._publish(messages)

    async def _publish(self, messages: list[OutgoingMessage]) -> None:
        try:
            await self._bus.publish(messages)
        except CogoError as error:
            self._note_failure(str(error))
        else:
            self._is_failing = False

    def _note_failure(self, reason: str) -> None:
        if not self._is_failing:
            logger.warning("progress cannot be sent; watchers read checkpoints", error=reason)
        self._is_failing = True


def _split(text: str) -> list[str]:
    return [text[i : i + DELTA_CHARACTERS] for i in range(0, len(text), DELTA_CHARACTERS)]
