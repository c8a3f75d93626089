"""Live display of one task: status lines and, if requested, its text."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias
from uuid import UUID

from cogo.watch.calls import build_answer_command, format_call_update, format_question
from cogo.watch.format import (
    format_activity,
    format_event,
    format_selection,
    get_answer,
    shorten_id,
)
from cogo.watch.said import format_said
from cogo.watch.steps import QuestionsUpdate
from protocol.lanes import is_model_lane
from protocol.records import Event, SelectionRow, Task
from protocol.transcript import (
    AnswerText,
    PartReader,
    PartUpdate,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

LabelledUpdate: TypeAlias = (
    Event | SelectionRow | TranscriptDelta | TranscriptAside | ToolCallUpdate
)
"""An update that has a status line."""
_MOST_LINES: Final = 40
"""Lines that are shown of what another participant than the answer's has said."""
Stream = Literal["answer", "aside", "none"]
"""Use of the live text: as the answer itself; dimmed on standard error, because the answer goes
elsewhere; or not shown."""


@dataclass(slots=True, kw_only=True)
class TaskView:
    """Display of a task. Status lines are held back until an attempt's text ends.

    Only the text of the answer is shown as it is written. A status line says which other steps are
    written, and with `say_part` what they and steps of child tasks have said comes at their end.
    """

    stream: Stream
    say: Callable[[str], None]
    """Prints a status line."""
    write: Callable[[str, str], None]
    """Writes text without a newline, given its kind (`text` or `reasoning`)."""
    say_part: Callable[[str], None] | None = None
    """Prints what a participant has said whose text is not the answer."""
    label: Callable[[LabelledUpdate], str] = lambda update: shorten_id(update.task_id)
    """Returns the start of a status line."""
    _answer: AnswerText = field(default_factory=AnswerText)
    _parts: PartReader = field(default_factory=PartReader)
    _said: dict[UUID, list[str]] = field(default_factory=dict)
    """What participants say whose text is not the answer, by subtask."""
    _models: dict[UUID, str] = field(default_factory=dict)
    """The model of each subtask, as far as it is known."""
    _keys: dict[UUID, str] = field(default_factory=dict)
    """The key of each subtask."""
    _active: set[tuple[UUID, int]] = field(default_factory=set)
    """Subtasks and attempts of other steps that were announced."""
    _speaker: tuple[UUID, int] | None = None
    """Subtask and attempt whose text is being shown; other text is not mixed in."""
    _calls: set[tuple[UUID, int, str, str]] = field(default_factory=set)
    """The calls that were shown: subtask, turn, id and status."""
    _shown: dict[tuple[UUID, int], list[str]] = field(default_factory=dict)
    _kind: str = "text"
    _is_at_start: bool = True
    _held: list[str] = field(default_factory=list)

    def show(self, update: TaskUpdate | QuestionsUpdate) -> None:
        """Show an update."""
        if isinstance(update, QuestionsUpdate):
            self._show_questions(update)
            return
        if isinstance(update, TranscriptDelta) and not update.is_answer:
            self._said.setdefault(update.subtask_id, [])
            self._show_activity(update)
        for part in self._parts.apply(update):
            self._keep_part(part)
        for each in self._answer.apply(update):
            self._show(self._name(each))
        for part in self._parts.settle():
            self._show_part(part)

    def _keep_part(self, part: PartUpdate) -> None:
        said = self._said.get(part.subtask_id)
        if said is not None and part.status == "started":
            said.clear()
        elif said is not None:
            said.append(part.text)

    def _show_part(self, part: PartUpdate) -> None:
        """Show what a participant has said that has ended."""
        text = format_said("".join(self._said.pop(part.subtask_id, []))).strip()
        if not text or self.say_part is None:
            return
        lines = text.split("\n")
        more = [f"({len(lines) - _MOST_LINES} more lines)"][: len(lines) > _MOST_LINES]
        role = f" ({part.role})" if part.role else ""
        who = f"{part.agent}{role} by {part.model}" if part.model else f"{part.agent}{role}"
        shown = "\n".join([f"{who} says:", *lines[:_MOST_LINES], *more])
        if self._speaker is None:
            self.say_part(shown)
        else:
            self._held.append(shown)

    def _name(self, update: TaskUpdate) -> TaskUpdate:
        """Return an event of a child task with the whole name of its step."""
        if isinstance(update, Event) and (key := update.detail.get("key")) is not None:
            agent = self._parts.get_agent(update.task_id, str(key))
            return update.model_copy(update={"detail": update.detail | {"key": agent}})
        return update

    def _show(self, update: TaskUpdate) -> None:
        match update:
            case TranscriptDelta():
                self._show_text(update)
            case TranscriptReset():
                if self._speaker is not None and self._speaker[0] == update.subtask_id:
                    self._end_text()
            case TranscriptAside():
                self._set_aside(update)
            case ToolCallUpdate():
                self._show_call(update)
            case Event():
                self._begin_event(update)
                line = format_event(update)
                if line and update.kind != "task.completed":  # the summary says it
                    self._show_status(f"{self.label(update)}  {line}")
            case SelectionRow():
                key = self._keys.get(update.subtask_id) if update.subtask_id else None
                self._show_status(f"{self.label(update)}  {format_selection(update, key)}")
            case TaskEnded():
                self._end_text()

    def _begin_event(self, event: Event) -> None:
        self._learn(event)
        if self._ends_text(event):
            self._end_text()

    def _show_questions(self, update: QuestionsUpdate) -> None:
        self._begin_event(update.event)
        for asked in update.approvals:
            command = build_answer_command(asked)
            line = f"waiting      {format_question(asked)}   answer: {command}, or with --refuse"
            self._show_status(f"{self.label(update.event)}  {line}")

    def _show_call(self, call: ToolCallUpdate) -> None:
        """Show that a tool is called, or what it gave. It ends what its own model has said."""
        known = (call.subtask_id, call.turn, call.call_id, call.status)
        if known in self._calls:
            return
        self._calls.add(known)
        if self._speaker is not None and self._speaker[0] == call.subtask_id:
            self._end_text()
        step = "" if call.is_answer or call.key in {None, "main"} else f" (for {call.key})"
        self._show_status(f"{self.label(call)}  {format_call_update(call)}{step}")

    def _set_aside(self, update: TranscriptAside) -> None:
        """Keep what was shown of a turn apart from the answer."""
        speaker = self._speaker
        if speaker is None or speaker[0] != update.subtask_id:
            return
        had_text = bool(self._shown.pop(speaker, []))
        self._break_line()
        if had_text and self.stream == "answer":
            why = "said before calling tools" if update.kind == "narration" else "reasoning"
            self.say(f"{self.label(update)}  aside        the text above is no answer, but {why}")
        self._end_text()

    def _learn(self, event: Event) -> None:
        """Keep the key and the model of a step, for lines about what is not an event."""
        if event.subtask_id is not None and event.detail.get("key"):
            self._keys[event.subtask_id] = str(event.detail["key"])
        if event.kind == "subtask.running" and event.subtask_id is not None:
            self._models[event.subtask_id] = str(event.detail.get("lane"))

    def has_shown(self, task: Task) -> bool:
        """Return whether the whole answer was already shown live."""
        answer = get_answer(task).strip()
        texts = ["".join(parts) for parts in self._shown.values()]
        return self.stream == "answer" and any(answer in text for text in texts)

    def leave(self) -> None:
        """End the current line of text and print the status lines held back."""
        self._end_text()

    def _show_activity(self, delta: TranscriptDelta) -> None:
        attempt = (delta.subtask_id, delta.attempt)
        lane = self._models.get(delta.subtask_id)
        if attempt not in self._active and (lane is None or is_model_lane(lane)):
            self._active.add(attempt)
            agent = self._parts.get_agent(delta.task_id, delta.key or "a step")
            line = format_activity(replace(delta, key=agent), lane or delta.model)
            self._show_status(f"{self.label(delta)}  {line}")

    def _show_text(self, delta: TranscriptDelta) -> None:
        speaker = (delta.subtask_id, delta.attempt)
        if self.stream == "none" or self._speaker not in {None, speaker}:
            return
        self._speaker = speaker
        if delta.kind != self._kind:
            self._break_line()
        self._kind = delta.kind
        if delta.kind == "text":
            self._shown.setdefault(speaker, []).append(delta.delta)
        self.write(delta.kind, delta.delta)
        self._is_at_start = delta.delta.endswith("\n")

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

    def _show_status(self, line: str) -> None:
        if self._speaker is None:
            self.say(line)
        else:
            self._held.append(line)
