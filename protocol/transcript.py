"""The text of a running task, assembled from live deltas and snapshots. Pure: no I/O.

Deltas arrive immediately and may be lost, repeated or reordered. Checkpoints arrive late and are
complete up to some point; outputs are final. All count characters (code points) from the beginning
of an attempt, so they can be merged. A later attempt replaces the text of earlier ones.

The gateway's streams and `cogo watch` both use this class; `gateway/console/static/transcript.js`
is its counterpart in the browser, and `tests/support/transcripts.json` has cases for both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import SEEK_END, StringIO
from typing import Final, Literal, TypeAlias, get_args
from uuid import UUID

from protocol.messages import SubtaskProgress
from protocol.records import Event, SelectionRow, Subtask, Task

TextKind: TypeAlias = Literal["text", "reasoning"]

TEXT_KINDS: Final[tuple[TextKind, ...]] = get_args(TextKind)
MAX_PENDING: Final = 1_000
"""Deltas kept while the text before them is missing; a snapshot fills any larger gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDelta:
    """The next piece of a subtask's text; `offset` counts characters of this kind and attempt."""

    task_id: UUID
    subtask_id: UUID
    attempt: int
    kind: TextKind
    offset: int
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReset:
    """The text of earlier attempts of a subtask is void: `attempt` starts from the beginning."""

    task_id: UUID
    subtask_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """The end of a task, with its final row. It is the last update."""

    task: Task


TaskUpdate: TypeAlias = Event | SelectionRow | TranscriptDelta | TranscriptReset | TaskEnded
"""An update about a watched task."""


@dataclass(slots=True)
class ReadPosition:
    """How many characters of an attempt a reader has."""

    attempt: int = 0
    text: int = 0
    reasoning: int = 0


class Transcript:
    """The text and reasoning of the latest attempt of each subtask of a task."""

    def __init__(self, task_id: UUID) -> None:
        self._task_id = task_id
        self._subtasks: dict[UUID, _AttemptText] = {}

    @property
    def has_gap(self) -> bool:
        """True if a delta was received and the text before it was not."""
        return any(each.pending for each in self._subtasks.values())

    def get_attempt(self, subtask_id: UUID) -> int:
        """Return the latest known attempt of a subtask; 0 if it has none."""
        known = self._subtasks.get(subtask_id)
        return 0 if known is None else known.attempt

    def get_text(self, subtask_id: UUID, kind: TextKind = "text", *, after: int = 0) -> str:
        """Return the text of the latest attempt from `after` characters on, up to the first gap."""
        known = self._subtasks.get(subtask_id)
        return "" if known is None else known.read(kind, after)

    def apply_delta(self, progress: SubtaskProgress) -> None:
        """Apply a live delta; deltas may be applied in any order and repeatedly."""
        known = self._begin_attempt(progress.subtask_id, progress.attempt)
        if known is not None:
            known.add(progress.kind, progress.offset, progress.delta)

    def apply_snapshot(
        self, subtask_id: UUID, attempt: int, *, text: str = "", reasoning: str = ""
    ) -> None:
        """Apply the whole text of an attempt up to some point; it may be empty."""
        known = self._begin_attempt(subtask_id, attempt)
        if known is not None:
            known.merge("text", text)
            known.merge("reasoning", reasoning)

    def apply_row(self, row: Subtask) -> None:
        """Apply the attempt, the checkpoint and the output of a subtask's row."""
        saved, output = row.checkpoint, row.output
        if row.id not in self._subtasks and not saved and not output:
            return
        self.apply_snapshot(row.id, row.attempt)
        if saved:
            self.apply_snapshot(
                row.id,
                int(saved.get("attempt") or 0),
                text=str(saved.get("content") or ""),
                reasoning=str(saved.get("reasoning") or ""),
            )
        if output:
            self.apply_snapshot(
                row.id,
                row.attempt,
                text=str(output.get("text") or ""),
                reasoning=str(output.get("reasoning_content") or ""),
            )

    def read(
        self, positions: dict[UUID, ReadPosition]
    ) -> Iterator[TranscriptDelta | TranscriptReset]:
        """Yield the updates after `positions` (by subtask), advancing them past each update."""
        for subtask_id in self._subtasks:
            yield from self.read_subtask(subtask_id, positions)

    def read_subtask(
        self, subtask_id: UUID, positions: dict[UUID, ReadPosition]
    ) -> Iterator[TranscriptDelta | TranscriptReset]:
        """Yield the same as `read`, for one subtask."""
        known = self._subtasks.get(subtask_id)
        position = positions.get(subtask_id)
        if known is None or (position is None and not known.has_text):
            return
        if position is not None and position.attempt > known.attempt:
            return  # the reader has seen a later attempt, on another connection
        if position is None or position.attempt < known.attempt:
            had_text = position is not None and (position.text or position.reasoning)
            position = positions[subtask_id] = ReadPosition(attempt=known.attempt)
            if had_text:
                yield TranscriptReset(
                    task_id=self._task_id, subtask_id=subtask_id, attempt=known.attempt
                )
        for kind in TEXT_KINDS:
            offset = position.text if kind == "text" else position.reasoning
            delta = known.read(kind, offset)
            if not delta:
                continue
            if kind == "text":
                position.text += len(delta)
            else:
                position.reasoning += len(delta)
            yield TranscriptDelta(
                task_id=self._task_id,
                subtask_id=subtask_id,
                attempt=known.attempt,
                kind=kind,
                offset=offset,
                delta=delta,
            )

    def _begin_attempt(self, subtask_id: UUID, attempt: int) -> "_AttemptText | None":
        """Return the text of this attempt, a new one if it is later; None if it is outdated."""
        known = self._subtasks.get(subtask_id)
        if known is None or known.attempt < attempt:
            known = self._subtasks[subtask_id] = _AttemptText(attempt)
        return known if known.attempt == attempt else None


def _empty_buffers() -> dict[TextKind, StringIO]:
    return {kind: StringIO() for kind in TEXT_KINDS}


@dataclass(slots=True)
class _AttemptText:
    """The text of one attempt. Appending a delta takes time proportional to the delta."""

    attempt: int
    pending: dict[tuple[TextKind, int], str] = field(default_factory=dict)
    _buffers: dict[TextKind, StringIO] = field(default_factory=_empty_buffers)

    @property
    def has_text(self) -> bool:
        return any(self._length(kind) for kind in TEXT_KINDS)

    def read(self, kind: TextKind, after: int) -> str:
        buffer = self._buffers[kind]
        buffer.seek(after)
        return buffer.read()

    def add(self, kind: TextKind, offset: int, delta: str) -> None:
        if len(self.pending) < MAX_PENDING:
            self.pending[kind, offset] = delta
        self._append_pending(kind)

    def merge(self, kind: TextKind, whole: str) -> None:
        self._append(kind, whole, offset=0)
        self._append_pending(kind)

    def _length(self, kind: TextKind) -> int:
        return self._buffers[kind].seek(0, SEEK_END)

    def _append(self, kind: TextKind, piece: str, *, offset: int) -> None:
        length = self._length(kind)  # this also seeks to the end, where the write goes
        self._buffers[kind].write(piece[max(0, length - offset) :])

    def _append_pending(self, kind: TextKind) -> None:
        for offset in sorted(start for each, start in self.pending if each == kind):
            if offset > self._length(kind):
                return
            self._append(kind, self.pending.pop((kind, offset)), offset=offset)
