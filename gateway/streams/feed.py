"""The feed of one task: its rows, read when a message or the clock says so, and its live text.

A feed keeps what happened, not a queue for each watcher: a slow watcher gets larger pieces later,
and no number of watchers makes the database or Realtime work more.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from loguru import logger

from gateway.streams.cursor import Cursor, Heard
from gateway.streams.transcript import KINDS, Voice
from gateway.streams.updates import Discarded, Ended, News, Said
from gateway.streams.version import Change
from protocol.errors import CogoError, MalformedMessage
from protocol.lifecycle import SubtaskState
from protocol.messages import Envelope, MessageType, SubtaskProgress, read_payload
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.store.queue import QueueStore

LIVE_ROUNDS: Final = 5
"""While text is heard the channel works, and only every fifth poll reads the rows."""


class Feed:
    """Everything about one watched task. Runs while somebody watches."""

    def __init__(self, task_id: UUID, *, store: QueueStore, poll: timedelta) -> None:
        self.task_id = task_id
        self.watchers = 0
        self.change = Change()
        self._store = store
        self._poll = poll.total_seconds()
        self._events: list[Event] = []
        self._choices: list[SelectionRow] = []
        self._voices: dict[UUID, Voice] = {}
        self._end: Task | None = None
        self._has_heard = False
        self._is_running = False
        self._is_silent = False
        self._failure: Exception | None = None
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Read the rows soon."""
        self._bell.set()

    def hear(self, message: Envelope) -> None:
        """Take a message of the task's topic: text at once, anything else as a doorbell."""
        if message.type != MessageType.SUBTASK_PROGRESS:
            self.ring()
            return
        try:
            said = read_payload(message, SubtaskProgress)
        except MalformedMessage:
            return  # the channel has logged it
        self._has_heard = True
        voice = self._voices.setdefault(said.subtask_id, Voice())
        voice.hear(attempt=said.attempt, kind=said.kind, offset=said.offset, delta=said.delta)
        self.change.tell()

    async def run(self) -> None:
        """Keep up with the task until cancelled."""
        try:
            while True:
                await self._read_patiently()
                await self._pause()
        except Exception as error:
            logger.exception("a feed failed", task_id=str(self.task_id))
            self._failure = error
            self.change.tell()

    def news(self, cursor: Cursor) -> Iterator[News]:
        """Yield what comes after `cursor`, which has moved past each item when it is yielded.

        Raises what ended the feed.
        """
        if self._failure is not None:
            raise self._failure
        for event in self._events:
            if event.seq > cursor.seq:
                cursor.seq, cursor.has_ended = event.seq, False
                yield event
        for choice in self._choices[cursor.choices :]:
            cursor.choices += 1
            yield choice
        for subtask_id, voice in self._voices.items():
            yield from _unheard(subtask_id, voice, cursor)
        if self._end is not None:
            cursor.has_ended = True
            yield Ended(self._end)

    async def _pause(self) -> None:
        for _ in range(LIVE_ROUNDS):
            if await self._rings() or not self._has_heard or self._has_gap():
                break
            self._has_heard = False
        self._bell.clear()

    async def _rings(self) -> bool:
        """Wait for the bell; False when nobody rang it for a poll's time."""
        try:
            # What has ended is over until a person redrives it; whoever watches has left by then.
            async with asyncio.timeout(None if self._end is not None else self._poll):
                await self._bell.wait()
        except TimeoutError:
            return False
        return True

    async def _read_patiently(self) -> None:
        try:
            await self._read()
        except CogoError as error:
            if not self._is_silent:
                logger.warning("a watched task cannot be read now", error=str(error))
            self._is_silent = True
        else:
            self._is_silent = False

    async def _read(self) -> None:
        after = self._events[-1].seq if self._events else 0
        events = await self._store.fetch_events(task_id=self.task_id, after=after)
        # Rows are read after events, so that they are never older.
        if any(each.subtask_id for each in events) or self._needs_checkpoints():
            rows = await self._store.fetch_subtasks(task_id=self.task_id)
            choices = await self._store.fetch_selections(task_id=self.task_id)
            self._choices += choices[len(self._choices) :]
            self._is_running = any(each.status is SubtaskState.RUNNING for each in rows)
            for row in rows:
                self._take(row)
        self._has_heard = False
        known = [*self._events, *events]
        latest = next((each for each in reversed(known) if each.kind.startswith("task.")), None)
        if latest is None or not latest.ends_task:
            self._end = None
        elif events or self._end is None:
            self._end = await self._store.fetch_task(task_id=self.task_id)
        self._events = known
        self.change.tell()

    def _needs_checkpoints(self) -> bool:
        """Whether text may be there that the channel did not bring."""
        return self._has_gap() or (self._is_running and not self._has_heard)

    def _has_gap(self) -> bool:
        return any(voice.has_gap for voice in self._voices.values())

    def _take(self, row: Subtask) -> None:
        written, output = row.checkpoint, row.output
        if row.id not in self._voices and not written and not output:
            return
        voice = self._voices.setdefault(row.id, Voice())
        voice.read(attempt=row.attempt, text="", reasoning="")
        if written:
            voice.read(
                attempt=int(written.get("attempt") or 0),
                text=str(written.get("content") or ""),
                reasoning=str(written.get("reasoning") or ""),
            )
        if output:
            voice.read(
                attempt=row.attempt,
                text=str(output.get("text") or ""),
                reasoning=str(output.get("reasoning_content") or ""),
            )


def _unheard(subtask_id: UUID, voice: Voice, cursor: Cursor) -> Iterator[News]:
    heard = cursor.heard.get(subtask_id)
    if heard is None and not voice.has_spoken:
        return  # it has not spoken yet
    if heard is not None and heard.attempt > voice.attempt:
        return  # we know less than the gateway that this watcher comes from
    if heard is None or heard.attempt < voice.attempt:
        has_text = heard is not None and (heard.text or heard.reasoning)
        heard = cursor.heard[subtask_id] = Heard(attempt=voice.attempt)
        if has_text:
            yield Discarded(subtask_id=subtask_id, attempt=voice.attempt)
    for kind in KINDS:
        begin = heard.text if kind == "text" else heard.reasoning
        delta = voice.said(kind, after=begin)
        if not delta:
            continue
        if kind == "text":
            heard.text += len(delta)
        else:
            heard.reasoning += len(delta)
        yield Said(
            subtask_id=subtask_id,
            attempt=voice.attempt,
            kind=kind,
            offset=begin,
            delta=delta,
        )
