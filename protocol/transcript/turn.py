"""What a model says and the tools that it calls: in one turn, and in all turns of a subtask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import SEEK_END, StringIO
from typing import Any, Final

from protocol.transcript.updates import TEXT_KINDS, TextKind, ToolCallUpdate

MAX_PENDING: Final = 1_000
"""Deltas kept while the text before them is missing; a snapshot fills any larger gap."""


def _empty_buffers() -> dict[TextKind, StringIO]:
    return {kind: StringIO() for kind in TEXT_KINDS}


@dataclass(slots=True)
class TurnText:
    """The text of one turn. Appending a delta takes time proportional to the delta."""

    attempt: int
    """The attempt that says it."""
    retractions: int = 0
    """How often text that was already known has turned out not to be the answer."""
    is_final: bool = False
    """Whether the text is complete, as it was stored."""
    calls: dict[str, ToolCallUpdate] = field(default_factory=dict)
    """By id of the call."""
    _starts: dict[TextKind, int] = field(default_factory=dict)
    """The offset at which the text begins, in its attempt."""
    _pending: dict[tuple[TextKind, int], str] = field(default_factory=dict)
    _buffers: dict[TextKind, StringIO] = field(default_factory=_empty_buffers)

    @property
    def is_kept(self) -> bool:
        """True if later attempts go on after it."""
        return self.is_final or bool(self.calls)

    @property
    def has_text(self) -> bool:
        """True if there is any text or reasoning."""
        return any(self.count(kind) for kind in TEXT_KINDS)

    @property
    def has_gap(self) -> bool:
        """True if a delta was received and the text before it was not."""
        return bool(self._pending)

    def count(self, kind: TextKind) -> int:
        """Return the number of characters."""
        return self._buffers[kind].seek(0, SEEK_END)

    def read(self, kind: TextKind, after: int = 0) -> str:
        """Return the text from `after` characters on."""
        buffer = self._buffers[kind]
        buffer.seek(after)
        return buffer.read()

    def add(self, kind: TextKind, offset: int, delta: str, *, start: int) -> None:
        """Add a delta; `offset` counts from the beginning of the attempt, the turn from `start`."""
        known = self._starts.setdefault(kind, start)
        if start > known:
            self._retract(kind)
            self._starts[kind] = start
        if self.is_final or start < known or offset < start or not delta:
            return
        if len(self._pending) < MAX_PENDING:
            self._pending[kind, offset - start] = delta
        self._append_pending(kind)

    def merge(self, kind: TextKind, whole: str) -> None:
        """Add the whole text up to some point."""
        if not self.is_final:
            self._append(kind, whole, offset=0)
            self._append_pending(kind)

    def settle(self, text: str) -> None:
        """Set the complete text."""
        if not text.startswith(self.read("text")):
            self._retract("text")
        self._append("text", text, offset=0)
        self._pending.clear()
        self.is_final = True

    def _retract(self, kind: TextKind) -> None:
        if kind == "text" and self.count(kind):
            self.retractions += 1
        self._buffers[kind] = StringIO()
        self._pending = {each: text for each, text in self._pending.items() if each[0] != kind}

    def _append(self, kind: TextKind, piece: str, *, offset: int) -> None:
        length = self.count(kind)  # this also seeks to the end, where the write goes
        self._buffers[kind].write(piece[max(0, length - offset) :])

    def _append_pending(self, kind: TextKind) -> None:
        for offset in sorted(start for each, start in self._pending if each == kind):
            if offset > self.count(kind):
                return
            self._append(kind, self._pending.pop((kind, offset)), offset=offset)


@dataclass(frozen=True, slots=True)
class StepLabel:
    """What a subtask is in its task."""

    key: str | None = None
    role: str | None = None
    is_answer: bool = True
    model: str | None = None


@dataclass(slots=True)
class SubtaskText:
    """The turns of a subtask: those that its last attempt goes on after, and its own."""

    attempt: int = 0
    step: StepLabel = field(default_factory=StepLabel)
    turns: dict[int, TurnText] = field(default_factory=dict)
    stored: int = 0
    """The `seq` of the last stored turn that was applied."""
    answers: int = 0
    """The number of stored answers that were applied."""
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Those of the calls in the last stored answer, by id."""

    @property
    def has_gap(self) -> bool:
        """True if a turn has a gap, or is missing."""
        is_missing = len(self.turns) < max(self.turns, default=0)
        return is_missing or any(each.has_gap for each in self.turns.values())

    @property
    def has_content(self) -> bool:
        """True if there is any text or call."""
        return any(each.has_text or each.calls for each in self.turns.values())

    def begin(self, attempt: int, turn: int | None, *, is_said: bool = False) -> TurnText | None:
        """Return a turn of an attempt, a new one if it is later; None if it is outdated.

        What earlier attempts have said is void, but for turns that this one goes on after.
        """
        if attempt > self.attempt:
            self.attempt = attempt
            for number, each in list(self.turns.items()):
                if not each.is_kept or (turn is not None and is_said and number >= turn):
                    del self.turns[number]
        if attempt < self.attempt or turn is None:
            return None
        found = self.turns.get(turn)
        if found is None or (is_said and found.attempt < attempt and not found.is_final):
            found = self.turns[turn] = TurnText(attempt)
        return found

    def keep(self, number: int, attempt: int) -> TurnText:
        """Return a turn that is stored."""
        if attempt > self.attempt:
            self.begin(attempt, None)
        return self.turns.setdefault(number, TurnText(attempt))
