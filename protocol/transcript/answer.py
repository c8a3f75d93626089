"""The text of a task's answer, of all that its steps say."""

from collections.abc import Iterator
from io import StringIO
from typing import Final
from uuid import UUID

from protocol.records import Task
from protocol.transcript.updates import (
    TaskEnded,
    TaskUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

WORKFLOW: Final = "workflow"
"""In a task's result: the type of the workflow that made it; absent if a step's output is it."""
MODELS: Final = "models"
"""In such a result: the models of its steps, in the order in which they ended."""
CHECKS: Final = "checks"
"""In such a result without a verification: `key` and `text` of each check, what it has shown."""


class AnswerText:
    """Reduces the updates of a task to the text of its answer, which is one at any time.

    The answer is the text of the newest step that is one; text of other steps is left out. A newer
    answer voids the one before. If the workflow itself ended the task, its result comes at the end
    unless it was already shown.
    """

    def __init__(self) -> None:
        self._speaker: UUID | None = None
        self._turn = 1
        """The last turn of the speaker."""
        self._superseded: set[UUID] = set()
        self._shown = StringIO()

    def apply(self, update: TaskUpdate) -> Iterator[TaskUpdate]:
        """Yield what `update` changes for a reader of the answer."""
        match update:
            case TranscriptDelta():
                if update.is_answer and update.subtask_id not in self._superseded:
                    yield from self._turn_to(update.task_id, update.subtask_id, update.attempt)
                    yield from self._show(update)
            case TranscriptReset():
                if self._speaker in {None, update.subtask_id}:
                    self._shown = StringIO()
                    yield update
            case TranscriptAside():
                if update.is_answer and self._speaker in {None, update.subtask_id}:
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
        self._turn = 1
        if self._shown.tell():
            self._shown = StringIO()
            yield TranscriptReset(task_id=task_id, subtask_id=before, attempt=attempt)

    def _show(self, delta: TranscriptDelta) -> Iterator[TranscriptDelta]:
        """Yield the delta, unless it is what was missed of an earlier turn."""
        if delta.turn < self._turn:
            return
        self._turn = delta.turn
        if delta.kind == "text":
            self._shown.write(delta.delta)
        yield delta

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
