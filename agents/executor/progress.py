"""What a model says while it says it: deltas on the task's topic, many tasks' in one request."""

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

DeltaKind = Literal["text", "reasoning"]

DELTA_CHARACTERS = 5_000
"""Longer deltas go in several messages: each stays under 32 KiB even if JSON escapes all of it."""

PATIENCE = timedelta(seconds=1)
"""How long the end of an attempt waits for its last words to go out."""


@dataclass(slots=True)
class Progress:
    """The stream of one attempt. Offsets count characters, separately for text and reasoning."""

    hub: "ProgressHub"
    task_id: UUID
    subtask_id: UUID
    attempt: int
    enabled: bool
    _pending: list[tuple[DeltaKind, str]] = field(default_factory=list)
    _sent: dict[DeltaKind, int] = field(default_factory=lambda: {"text": 0, "reasoning": 0})
    _first: bool = True

    def add(self, kind: DeltaKind, delta: str) -> None:
        """Take one delta: the first of an attempt goes out at once, others with the next batch."""
        if not self.enabled or not delta:
            return
        self._pending.append((kind, delta))
        self.hub.wake(self, at_once=self._first)
        self._first = False

    def take(self, source: str) -> list[OutgoingMessage]:
        """Give the messages for what is pending, and forget it."""
        pending, self._pending = self._pending, []
        return [
            self._message(kind, delta, source)
            for kind, run in groupby(pending, key=lambda pair: pair[0])
            for delta in _pieces("".join(delta for _, delta in run))
        ]

    def _message(self, kind: DeltaKind, delta: str, source: str) -> OutgoingMessage:
        offset = self._sent[kind]
        self._sent[kind] += len(delta)
        payload = SubtaskProgress(
            task_id=self.task_id,
            subtask_id=self.subtask_id,
            attempt=self.attempt,
            kind=kind,
            offset=offset,
            delta=delta,
            timestamp=utc_now(),
        )
        topic = result_topic(self.task_id)
        envelope = Envelope.wrap(MessageType.SUBTASK_PROGRESS, payload, source=source, target=topic)
        return OutgoingMessage(topic=topic, envelope=envelope)


class ProgressHub:
    """Gathers the deltas of all attempts of a process and sends them together.

    A batch that cannot be sent is dropped: watchers read the checkpoint that the lease carries.
    Nobody's work waits for longer than `patience`, whatever Realtime does.
    """

    def __init__(
        self, *, bus: Bus, source: str, every: timedelta, patience: timedelta = PATIENCE
    ) -> None:
        self._bus = bus
        self._source = source
        self._every = every.total_seconds()
        self._patience = patience.total_seconds()
        self._dirty: dict[tuple[UUID, int], Progress] = {}
        self._bell = asyncio.Event()
        self._urgent = asyncio.Event()
        self._sending = asyncio.Lock()
        self._silent = False

    def open(self, claimed: ClaimedSubtask) -> Progress:
        """Give the stream of one attempt."""
        return Progress(
            hub=self,
            task_id=claimed.task_id,
            subtask_id=claimed.subtask_id,
            attempt=claimed.attempt,
            enabled=claimed.task.stream,
        )

    def wake(self, progress: Progress, *, at_once: bool) -> None:
        """Note that `progress` has something to send."""
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

    async def settle(self) -> None:
        """Wait until what was handed in is out, so that watchers hear it before the result.

        Only for a moment, and not at all while Realtime does not answer: a result must not wait
        for its watchers, who read the row.
        """
        if self._silent:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self.flush()
        except TimeoutError:
            self._fall_silent("Realtime takes too long")

    async def flush(self) -> None:
        """Send everything that is pending; what was handed in before is out when this returns."""
        async with self._sending:
            self._bell.clear()
            self._urgent.clear()
            dirty, self._dirty = self._dirty, {}
            messages = [message for each in dirty.values() for message in each.take(self._source)]
            if messages:
                await self._publish(messages)

    async def _publish(self, messages: list[OutgoingMessage]) -> None:
        try:
            await self._bus.publish(messages)
        except CogoError as error:
            self._fall_silent(str(error))
        else:
            self._silent = False

    def _fall_silent(self, reason: str) -> None:
        if not self._silent:
            logger.warning("progress cannot be sent; watchers read checkpoints", error=reason)
        self._silent = True


def _pieces(text: str) -> list[str]:
    return [text[i : i + DELTA_CHARACTERS] for i in range(0, len(text), DELTA_CHARACTERS)]
