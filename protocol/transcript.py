"""The text of a running task, assembled from live deltas and snapshots. Pure: no I/O.

Deltas arrive immediately and may be lost, repeated or reordered. Checkpoints arrive late and are
complete up to some point; outputs are final. All count characters (code points) from the beginning
of an attempt, so they can be merged. A later attempt replaces the text of earlier ones.

A task may have many steps: `Transcript` holds the text of each, `AnswerText` that of the answer.

The gateway's streams and `cogo watch` both use these; `gateway/console/static/transcript.js`
is its counterpart in the browser, and `tests/support/transcripts.json` has cases for both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import SEEK_END, StringIO
from typing import Any, Final, Literal, TypeAlias, get_args
from uuid import UUID

from protocol.lanes import CIO, is_model_lane
from protocol.messages import SubtaskProgress
from protocol.records import Event, SelectionRow, Subtask, Task

TextKind: TypeAlias = Literal["text", "reasoning"]

TEXT_KINDS: Final[tuple[TextKind, ...]] = get_args(TextKind)
WORKFLOW: Final = "workflow"
"""In a task's result: the type of the workflow that made it; absent if a step's output is it."""
MODELS: Final = "models"
"""In such a result: the models of its steps, in the order in which they ended."""
CHECKS: Final = "checks"
"""In such a result without a verification: `key` and `text` of each check, what it has shown."""
MAX_PENDING: Final = 1_000
"""Deltas kept while the text before them is missing; a snapshot fills any larger gap."""


def is_answer_step(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Return whether a subtask's text is the task's answer, and not only for other steps.

    Workflows say so in `metadata.answer`. Plans of COGO 0.1 mark the others with `params.draft`.
    """
    stated = metadata.get("answer")
    return stated if isinstance(stated, bool) else params.get("draft") is not True


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDelta:
    """The next piece of a subtask's text; `offset` counts characters of this kind and attempt."""

    task_id: UUID
    subtask_id: UUID
    attempt: int
    kind: TextKind
    offset: int
    delta: str
    key: str | None = None
    role: str | None = None
    is_answer: bool = True
    """Whether it is text of the task's answer, and not only for other steps."""


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
        self._steps: dict[UUID, _Step] = {}

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
        self._steps[progress.subtask_id] = _Step(progress.key, progress.role, progress.answer)
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
        """Apply the attempt, the checkpoint and the output of a subtask's row.

        Only models have text: that of a flow or a check is no part of the transcript.
        """
        saved, output = row.checkpoint, row.output
        is_model = is_model_lane(row.lane) or (row.lane == CIO and row.type != "PLAN")
        if not is_model or (row.id not in self._subtasks and not saved and not output):
            return
        role = row.metadata.get("role")
        self._steps[row.id] = _Step(
            row.key,
            role if isinstance(role, str) else None,
            is_answer_step(row.metadata, row.params),
        )
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
        step = self._steps.get(subtask_id, _Step())
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
                key=step.key,
                role=step.role,
                is_answer=step.is_answer,
            )

    def _begin_attempt(self, subtask_id: UUID, attempt: int) -> "_AttemptText | None":
        """Return the text of this attempt, a new one if it is later; None if it is outdated."""
        known = self._subtasks.get(subtask_id)
        if known is None or known.attempt < attempt:
            known = self._subtasks[subtask_id] = _AttemptText(attempt)
        return known if known.attempt == attempt else None


class AnswerText:
    """Reduces the updates of a task to the text of its answer, which is one at any time.

    The answer is the text of the newest step that is one; text of other steps is left out. A newer
    answer voids the one before. If the workflow itself ended the task, its result comes at the end
    unless it was already shown.
    """

    def __init__(self) -> None:
        self._speaker: UUID | None = None
        self._superseded: set[UUID] = set()
        self._shown = StringIO()

    def apply(self, update: TaskUpdate) -> Iterator[TaskUpdate]:
        """Yield what `update` changes for a reader of the answer."""
        match update:
            case TranscriptDelta():
                if update.is_answer and update.subtask_id not in self._superseded:
                    yield from self._turn_to(update.task_id, update.subtask_id, update.attempt)
                    yield self._show(update)
            case TranscriptReset():
                if self._speaker in {None, update.subtask_id}:
                    self._shown = StringIO()
                    yield update
            case TaskEnded(task):
                yield from self._complete(task)
                yield update
            case _:
                yield update

    def _turn_to(self, task_id: UUID, subtask_id: UUID, attempt: int) -> Iterator[TranscriptReset]:
        """Change the speaker, and void what the one before has said."""
        before, self._speaker = self._speaker, subtask_id
        if before is None or before == subtask_id:
            return
        self._superseded.add(before)
        if self._shown.tell():
            self._shown = StringIO()
            yield TranscriptReset(task_id=task_id, subtask_id=before, attempt=attempt)

    def _show(self, delta: TranscriptDelta) -> TranscriptDelta:
        if delta.kind == "text":
            self._shown.write(delta.delta)
        return delta

    def _complete(self, task: Task) -> Iterator[TranscriptDelta | TranscriptReset]:
        """Yield what is missing of a result that is not the output of a step."""
        result = task.result or {}
        text, shown = str(result.get("text") or ""), self._shown.getvalue()
        if WORKFLOW not in result or text == shown:
            return
        if not text.startswith(shown):
            yield from self._turn_to(task.id, task.id, attempt=1)
            shown = ""
        yield TranscriptDelta(
            task_id=task.id,
            subtask_id=self._speaker or task.id,
            attempt=1,
            kind="text",
            offset=len(shown),
            delta=text[len(shown) :],
        )


def _empty_buffers() -> dict[TextKind, StringIO]:
    return {kind: StringIO() for kind in TEXT_KINDS}


@dataclass(frozen=True, slots=True)
class _Step:
    key: str | None = None
    role: str | None = None
    is_answer: bool = True


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
