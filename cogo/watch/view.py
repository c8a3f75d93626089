"""One task as it happens: status on standard error, the answer where it was asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from cogo.watch.follow import Delta, Finished, Happening
from cogo.watch.format import event_line, selection_line, short, task_answer
from protocol.records import Event, SelectionRow, Task

Stream = Literal["answer", "aside", "none"]
"""Where live text goes: it is the answer itself, it is shown aside (dim, on standard error)
because the answer goes elsewhere, or it is not shown."""


@dataclass(slots=True, kw_only=True)
class TaskView:
    """Shows a task. Status lines never cut into text: they wait until an attempt's text ends."""

    stream: Stream
    say: Callable[[str], None]
    """Prints one line of status."""
    write: Callable[[str, str], None]
    """Writes text without a line's end: which (`text` or `reasoning`), and the text."""
    label: Callable[[Event | SelectionRow], str] = lambda happening: short(happening.task_id)
    """What a line of status begins with."""
    _speaker: tuple[UUID, int] | None = None
    """Subtask and attempt whose text is being shown; others are not mixed in."""
    _shown: dict[tuple[UUID, int], list[str]] = field(default_factory=dict)
    _kind: str = "text"
    _is_at_start: bool = True
    _held: list[str] = field(default_factory=list)

    def show(self, happening: Happening) -> None:
        """Take one thing that happened."""
        match happening:
            case Delta():
                self._speak(happening)
            case Event():
                if self._ends_text(happening):
                    self._end_text()
                line = event_line(happening)
                if line and happening.kind != "task.completed":  # the summary says it
                    self._tell(f"{self.label(happening)}  {line}")
            case SelectionRow():
                self._tell(f"{self.label(happening)}  {selection_line(happening)}")
            case Finished():
                self._end_text()

    def has_shown(self, task: Task) -> bool:
        """Return whether the answer was read live, whole: then it need not be printed again."""
        answer = task_answer(task).strip()
        texts = ["".join(parts) for parts in self._shown.values()]
        return self.stream == "answer" and any(answer in text for text in texts)

    def leave(self) -> None:
        """End the line that text stands on, and say what was held back."""
        self._end_text()

    def _speak(self, delta: Delta) -> None:
        who = (delta.subtask_id, delta.attempt)
        if self._speaker is not None and self._is_superseded(delta):
            self._end_text()
        if self.stream == "none" or self._speaker not in {None, who}:
            return
        self._speaker = who
        if delta.kind != self._kind:
            self._break_line()
        self._kind = delta.kind
        if delta.kind == "text":
            self._shown.setdefault(who, []).append(delta.text)
        self.write(delta.kind, delta.text)
        self._is_at_start = delta.text.endswith("\n")

    def _is_superseded(self, delta: Delta) -> bool:
        subtask, attempt = self._speaker or (None, 0)
        return delta.subtask_id == subtask and delta.attempt > attempt

    def _ends_text(self, event: Event) -> bool:
        return self._speaker == (event.subtask_id, event.attempt) and event.kind != (
            "subtask.running"
        )

    def _end_text(self) -> None:
        self._break_line()
        self._speaker = None
        held, self._held = self._held, []
        for line in held:
            self.say(line)

    def _break_line(self) -> None:
        if not self._is_at_start:
            self.write(self._kind, "\n")
            self._is_at_start = True

    def _tell(self, line: str) -> None:
        if self._speaker is None:
            self.say(line)
        else:
            self._held.append(line)
