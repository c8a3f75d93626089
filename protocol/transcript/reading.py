"""How much of a transcript a reader has, and what is new to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from protocol.transcript.turn import SubtaskText, TurnText
from protocol.transcript.updates import (
    TEXT_KINDS,
    AsideKind,
    TextKind,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

TranscriptUpdate: TypeAlias = TranscriptDelta | TranscriptReset | TranscriptAside | ToolCallUpdate


@dataclass(slots=True)
class ReadPosition:
    """How much of an attempt a reader has: numbers of characters, and the turn they end in."""

    attempt: int = 0
    text: int = 0
    reasoning: int = 0
    turn: int = 1
    text_start: int = 0
    """The number of characters before the text of the turn that counts."""
    reasoning_start: int = 0
    retractions: int = 0
    """How many retractions of this turn the reader knows."""
    is_aside: bool = False
    """Whether the reader knows that the text of this turn is not the answer."""
    first: int = 1
    """The text of turns before it is not sent: the reader had it on another connection."""
    earlier: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where the text of earlier turns begins, and the number of its characters."""
    calls: dict[tuple[int, str], ToolCallUpdate] = field(default_factory=dict)
    """The calls as the reader knows them."""

    def count(self, kind: TextKind) -> int:
        """Return the number of characters of this turn that the reader has."""
        if kind == "text":
            return self.text - self.text_start
        return self.reasoning - self.reasoning_start

    def advance(self, kind: TextKind, length: int) -> tuple[int, int]:
        """Note that more was read; return where it begins, and where its turn begins."""
        if kind == "text":
            self.text += length
            return self.text - length, self.text_start
        self.reasoning += length
        return self.reasoning - length, self.reasoning_start

    def begin_turn(self, turn: int) -> None:
        """Begin a turn of which the reader has nothing."""
        if turn > self.turn:
            self.earlier[self.turn] = self.text_start, self.count("text")
        self.turn, self.retractions, self.is_aside = turn, 0, False
        self.text_start, self.reasoning_start = self.text, self.reasoning


@dataclass(slots=True)
class SubtaskReader:
    """Tells a reader what it does not know yet of a subtask, and notes that it does."""

    task_id: UUID
    subtask_id: UUID
    known: SubtaskText
    position: ReadPosition

    def begin_attempt(self) -> Iterator[TranscriptReset]:
        """Yield that the text of earlier attempts is void, if the reader has some of it."""
        position, attempt = self.position, self.known.attempt
        turn = self.known.turns.get(position.turn)
        is_kept = turn is not None and turn.is_kept and turn.attempt < attempt
        had_text = any(position.count(kind) for kind in TEXT_KINDS)
        position.attempt = attempt
        if is_kept:
            return
        position.text = position.reasoning = 0
        position.begin_turn(position.turn)
        if had_text:
            yield TranscriptReset(task_id=self.task_id, subtask_id=self.subtask_id, attempt=attempt)

    def read_turn(
        self, number: int, turn: TurnText
    ) -> Iterator[TranscriptDelta | TranscriptAside | ToolCallUpdate]:
        """Yield what is new in a turn."""
        position = self.position
        if number > position.turn:
            yield from self._set_aside("narration")
            position.begin_turn(number)
        if number == position.turn:
            yield from self._read_text(turn)
        elif number >= position.first and (late := self._read_late(number, turn)) is not None:
            yield late
        for call_id, call in turn.calls.items():
            if position.calls.get((number, call_id)) == call:
                continue
            if number == position.turn:
                yield from self._set_aside("narration")
            position.calls[number, call_id] = call
            yield call

    def _read_text(self, turn: TurnText) -> Iterator[TranscriptDelta | TranscriptAside]:
        position = self.position
        is_longer = turn.is_final and position.count("text") > turn.count("text")
        if turn.retractions > position.retractions or is_longer:
            yield from self._set_aside("reasoning")
            position.text_start, position.is_aside = position.text, False
        position.retractions = turn.retractions
        for kind in TEXT_KINDS:
            if not (delta := turn.read(kind, position.count(kind))):
                continue
            offset, start = position.advance(kind, len(delta))
            yield self._build_delta(kind, delta, turn=position.turn, offset=offset, start=start)

    def _read_late(self, number: int, turn: TurnText) -> TranscriptDelta | None:
        """Return what the reader has missed of an earlier turn."""
        start, count = self.position.earlier.get(number, (0, 0))
        if not (delta := turn.read("text", count)):
            return None
        self.position.earlier[number] = start, count + len(delta)
        return self._build_delta("text", delta, turn=number, offset=start + count, start=start)

    def _build_delta(
        self, kind: TextKind, delta: str, *, turn: int, offset: int, start: int
    ) -> TranscriptDelta:
        step = self.known.step
        return TranscriptDelta(
            task_id=self.task_id,
            subtask_id=self.subtask_id,
            attempt=self.position.attempt,
            kind=kind,
            offset=offset,
            delta=delta,
            key=step.key,
            role=step.role,
            model=step.model,
            is_answer=step.is_answer,
            turn=turn,
            start=start,
        )

    def _set_aside(self, kind: AsideKind) -> Iterator[TranscriptAside]:
        """Yield that the text of this turn is not the answer, if the reader takes it for that."""
        position = self.position
        if position.is_aside or not position.count("text"):
            return
        position.is_aside = True
        yield TranscriptAside(
            task_id=self.task_id,
            subtask_id=self.subtask_id,
            attempt=position.attempt,
            turn=position.turn,
            kind=kind,
            is_answer=self.known.step.is_answer,
        )
