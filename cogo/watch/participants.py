"""Who takes part in a task: by which model, what each says, and what it costs. Pure: no I/O."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from cogo.watch.format import format_error
from cogo.watch.run_lines import RunLine, RunProgress
from cogo.watch.steps import DecisionUpdate, RunUpdate, StepUpdate
from protocol.ids import utc_now
from protocol.records import Task
from protocol.transcript import PartReader, PartUpdate, TaskEnded

_KEPT: Final = 20_000
"""Characters of a text that are kept."""

ParticipantStatus = Literal["working", "waiting", "complete", "failed", "not needed"]


@dataclass(slots=True, kw_only=True)
class Participant:
    """A step that a model does, or a child task."""

    agent: str
    role: str | None
    model: str | None
    """None: a child task, whose steps have theirs."""
    since: datetime
    status: ParticipantStatus = "working"
    until: datetime | None = None
    """When it ended."""
    cost: Decimal | None = None
    """Of one that has ended; None if it is not known."""
    error: str = ""
    characters: int = 0
    text: str = ""
    """The beginning of what it says."""


class SwarmProgress(RunProgress):
    """The state of a run with all that take part in it."""

    def __init__(self, task: Task, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(task, now)
        self._participants: dict[UUID, Participant] = {}
        self._parts = PartReader()
        """Knows who takes part."""

    @property
    def participants(self) -> list[Participant]:
        """In the order in which they began; the steps of a child task stand behind it."""
        found = list(self._participants.values())
        first: dict[str, int] = {}
        for number, each in enumerate(found):
            for path in _list_paths(each.agent):
                first.setdefault(path, number)
        return sorted(found, key=lambda each: [first[path] for path in _list_paths(each.agent)])

    def apply(self, update: RunUpdate) -> Iterator[RunLine]:
        """Yield the lines that an update adds."""
        match update:
            case StepUpdate():
                for part in self._parts.apply(update.event):
                    self._apply_part(part, update.name, update.event.at)
                self._apply_end(update)
            case DecisionUpdate():
                pass
            case _:
                for part in self._parts.apply(update):
                    self._apply_part(part, part.agent, self._now())
        match update:
            case TaskEnded(task):
                for each in self._participants.values():
                    if each.until is None:
                        each.status, each.until = "not needed", task.finished_at
            case _:
                pass
        yield from super().apply(update)

    def _apply_part(self, part: PartUpdate, agent: str, at: datetime) -> None:
        """Begin, or begin again, or add what is said."""
        known = self._participants.get(part.subtask_id)
        if known is None:
            known = self._participants[part.subtask_id] = Participant(
                agent=agent, role=part.role, model=part.model, since=at
            )
        if part.status == "delta":
            known.characters += len(part.text)
            known.text += part.text[: max(_KEPT - len(known.text), 0)]
        else:
            known.status, known.until, known.model = "working", None, part.model
            known.text, known.characters = "", 0

    def _apply_end(self, update: StepUpdate) -> None:
        """Set how a participant has ended, or that it waits."""
        row, event = update.row, update.event
        known = self._participants.get(row.id)
        if known is None:
            return
        match update.status:
            case "completed" | "failed":
                known.status = "complete" if update.status == "completed" else "failed"
                known.until, known.cost = event.at, update.cost
                known.error = "" if row.error is None else format_error(row.error)
            case "cancelled":
                known.status, known.until = "not needed", event.at
            case "running":
                known.status = "working"
            case "waiting" if row.kind == "task":
                known.status = "working"
            case "waiting" | "delayed" | "held" | "queued":
                known.status = "waiting"
            case _:
                pass


def _list_paths(agent: str) -> list[str]:
    """Return the names of the tasks above a participant, and its own."""
    parts = agent.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
