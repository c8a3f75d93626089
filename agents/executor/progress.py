"""Progress: text and tool calls on the topics of their tasks, sent for all in one request."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

from loguru import logger
from pydantic import JsonValue

from protocol.bus import Bus, OutgoingMessage
from protocol.errors import CogoError
from protocol.ids import utc_now
from protocol.messages import (
    MAX_CALL_ID,
    MAX_SUMMARY,
    Envelope,
    MessageType,
    Payload,
    SubtaskProgress,
    ToolCalled,
    ToolReturned,
    ToolStatus,
    select_arguments,
    write_content,
)
from protocol.records import ClaimedSubtask
from protocol.topics import result_topic
from protocol.transcript import is_answer_step

DeltaKind = Literal["text", "reasoning"]

DELTA_CHARACTERS = 5_000
"""Longer deltas are split, so that messages stay under 32 KiB even if JSON escapes everything."""

MAX_FLUSH = timedelta(seconds=1)
"""How long an ending attempt waits until its last deltas are sent."""


def _count_nothing() -> dict[DeltaKind, int]:
    return {"text": 0, "reasoning": 0}


@dataclass(frozen=True, slots=True)
class _Piece:
    """The next piece of text."""

    kind: DeltaKind
    turn: int
    start: int
    text: str


_Item = _Piece | tuple[MessageType, Payload]


@dataclass(slots=True)
class Progress:
    """What watchers see of one attempt. Offsets count characters, for text and reasoning apart."""

    hub: "ProgressHub"
    task_id: UUID
    subtask_id: UUID
    attempt: int
    key: str
    role: str | None
    model: str
    is_answer: bool
    enabled: bool
    _turn: int = 1
    _said: list[str] = field(default_factory=list)
    """The text of this turn that counts."""
    _pending: list[_Item] = field(default_factory=list)
    _added: dict[DeltaKind, int] = field(default_factory=_count_nothing)
    _starts: dict[DeltaKind, int] = field(default_factory=_count_nothing)
    _sent: dict[DeltaKind, int] = field(default_factory=_count_nothing)
    _first: bool = True

    def begin_turn(self, turn: int) -> None:
        """Begin the answer with this number, counted from 1 in the subtask, stored ones included.

        What follows belongs to it: its text, its calls, and what these give, even in another
        attempt.
        """
        if turn != self._turn:
            self._turn = turn
            self._starts = dict(self._added)
            self._said.clear()

    def add(self, kind: DeltaKind, delta: str) -> None:
        """Add a delta. The first one of an attempt is sent at once, others with the next batch."""
        if delta:
            if kind == "text":
                self._said.append(delta)
            self._add(self._build_piece(kind, delta), at_once=self._first)

    def retract_text(self) -> None:
        """Report at once that the text of this turn so far was reasoning."""
        reasoning = "".join(self._said)
        self._said.clear()
        self.add("reasoning", reasoning)
        self._starts["text"] = self._added["text"]
        self._add(self._build_piece("text", ""), at_once=True)

    def add_tool_call(
        self, *, call_id: str, tool: str, source: str, arguments: Mapping[str, Any]
    ) -> None:
        """Report at once that the model calls a tool; its turn is stored before."""
        shown = select_arguments(arguments)
        call = ToolCalled(
            **self._describe(),
            turn=self._turn,
            call_id=call_id[:MAX_CALL_ID],
            tool=tool,
            source=source,
            arguments=shown,
            cut=shown is None,
        )
        self._add((MessageType.TOOL_CALL, call), at_once=True)

    def add_tool_result(
        self,
        *,
        call_id: str,
        tool: str,
        status: ToolStatus,
        content: JsonValue,
        seconds: float | None = None,
        rejected: str | None = None,
    ) -> None:
        """Report at once what a call gave, or why it was rejected.

        Secrets in `content` are masked already.
        """
        text = write_content(content)
        result = ToolReturned(
            **self._describe(),
            turn=self._turn,
            call_id=call_id[:MAX_CALL_ID],
            tool=tool,
            status=status,
            summary=text[:MAX_SUMMARY],
            size=len(text),
            duration_ms=None if seconds is None else round(seconds * 1000),
            rejected=rejected,
        )
        self._add((MessageType.TOOL_RESULT, result), at_once=True)

    def take_messages(self, source: str) -> list[OutgoingMessage]:
        """Return and remove what is pending, as messages."""
        pending, self._pending = self._pending, []
        topic = result_topic(self.task_id)
        return [
            OutgoingMessage(
                topic=topic,
                envelope=Envelope.wrap(type_, payload, source=source, target=topic),
            )
            for type_, payload in self._join(pending)
        ]

    def _add(self, item: _Item, *, at_once: bool) -> None:
        if not self.enabled:
            return
        self._pending.append(item)
        self.hub.schedule(self, at_once=at_once)
        self._first = False

    def _build_piece(self, kind: DeltaKind, text: str) -> _Piece:
        self._added[kind] += len(text)
        return _Piece(kind, self._turn, self._starts[kind], text)

    def _join(self, items: Iterable[_Item]) -> Iterator[tuple[MessageType, Payload]]:
        """Yield the payloads of items, with pieces that follow each other in one."""
        for head, run in groupby(items, key=_get_run):
            if head is None:
                yield from (each for each in run if isinstance(each, tuple))
                continue
            kind, turn, start = head
            for delta in _split("".join(each.text for each in run if isinstance(each, _Piece))):
                payload = self._build_delta(kind, delta, turn=turn, start=start)
                yield MessageType.SUBTASK_PROGRESS, payload

    def _build_delta(
        self, kind: DeltaKind, delta: str, *, turn: int, start: int
    ) -> SubtaskProgress:
        offset = self._sent[kind]
        self._sent[kind] += len(delta)
        return SubtaskProgress(
            **self._describe(),
            model=self.model,
            kind=kind,
            offset=offset,
            delta=delta,
            turn=turn,
            start=start,
        )

    def _describe(self) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "subtask_id": self.subtask_id,
            "key": self.key,
            "role": self.role,
            "answer": self.is_answer,
            "attempt": self.attempt,
            "timestamp": utc_now(),
        }


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
            model=claimed.lane,
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


def _get_run(item: _Item) -> tuple[DeltaKind, int, int] | None:
    """Return what pieces share that can be sent together; None for others."""
    return (item.kind, item.turn, item.start) if isinstance(item, _Piece) else None


def _split(text: str) -> list[str]:
    if not text:
        return [text]  # it says where the text that counts begins
    return [text[i : i + DELTA_CHARACTERS] for i in range(0, len(text), DELTA_CHARACTERS)]
