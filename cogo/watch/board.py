"""Live display of several tasks: a table on a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from cogo.terminal import lay_out_table, neutralize
from cogo.watch.format import format_event, format_selection, mark_simulated, shorten_agent_id
from protocol.lanes import CIO
from protocol.records import Event, SelectionRow
from protocol.records.flows import is_time_limit
from protocol.transcript import TaskEnded, TaskUpdate, TranscriptDelta, TranscriptReset

_KEPT = 400
"""Characters of a model's text that are kept; as many of the last ones as fit are shown."""
_LEAST_TAIL = 22
"""Columns reserved for a model's text."""


@dataclass(slots=True)
class _Row:
    name: str
    status: str = "pending"
    model: str = ""
    agent: str = ""
    characters: int = 0
    tail: str = ""


class Board(Protocol):
    """A display of several tasks."""

    def show(self, update: TaskUpdate) -> None:
        """Show an update."""
        ...


@dataclass(slots=True)
class _PlainLines:
    names: dict[UUID, str]
    mark: str
    console: Console
    streaming: set[UUID] = field(default_factory=set)

    def show(self, update: TaskUpdate) -> None:
        match update:
            case Event() if line := format_event(update):
                self._print(update.task_id, line)
            case SelectionRow(task_id=task_id) if task_id is not None:
                self._print(task_id, format_selection(update))
            case TranscriptDelta(kind="text", is_answer=True):
                if update.task_id not in self.streaming:
                    self._print(update.task_id, "streaming")
                self.streaming.add(update.task_id)
            case TranscriptReset():
                self.streaming.discard(update.task_id)
            case _:
                pass

    def _print(self, task_id: UUID, line: str) -> None:
        text = neutralize(f"{self.names[task_id]:<14} {line}{self.mark}", one_line=True)
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@dataclass(slots=True)
class _LiveTable:
    rows: dict[UUID, _Row]
    simulated: bool
    live: Live

    def show(self, update: TaskUpdate) -> None:
        task_id = update.task.id if isinstance(update, TaskEnded) else update.task_id
        if task_id is not None:
            _update_row(self.rows[task_id], update)
        width = self.live.console.width
        rows = list(self.rows.values())
        self.live.update(_build_table(rows, simulated=self.simulated, width=width))


@contextmanager
def open_board(names: dict[UUID, str], *, simulated: bool, console: Console) -> Iterator[Board]:
    """Show tasks while the block runs: in a live table on a terminal, as plain lines elsewhere."""
    mark = "   simulated" if simulated else ""
    if not console.is_terminal:
        yield _PlainLines(names, mark, console)
        return
    rows = {task_id: _Row(name) for task_id, name in names.items()}
    first = _build_table(list(rows.values()), simulated=simulated, width=console.width)
    with Live(first, console=console, refresh_per_second=12) as live:
        yield _LiveTable(rows, simulated, live)


def _update_row(row: _Row, update: TaskUpdate) -> None:
    match update:
        case Event(detail=detail) if is_time_limit(detail.get("kind"), detail.get("key")):
            pass
        case Event(kind="subtask.running") if update.detail.get("lane") == CIO:
            row.status = "planning"
        case SelectionRow():
            row.status, row.model = "stamped", str(update.selected_model)
        case Event(kind="subtask.running"):
            row.status, row.agent = "claimed", shorten_agent_id(update.agent_id)
        case Event(kind="subtask.waiting"):
            row.status = "waiting"
        case Event(kind="subtask.delayed"):
            row.status = "sleeping" if update.detail.get("kind") == "sleep" else "will retry"
        case TranscriptReset():
            row.characters, row.tail = 0, ""
        case TranscriptDelta(is_answer=False):
            row.status = f"writing {update.key or 'a step'}"
        case TranscriptDelta():
            row.status = "streaming" if update.kind == "text" else "thinking"
            row.characters += len(update.delta)
            row.tail = (row.tail + update.delta)[-_KEPT:]
        case TaskEnded(task):
            row.status = task.status
        case _:
            pass


def _build_table(rows: Sequence[_Row], *, simulated: bool, width: int) -> Text:
    headings = ("TASK", "STATUS", "MODEL", "AGENT", "CHARS")
    cells = [
        (
            row.name,
            row.status,
            mark_simulated(row.model, simulated=simulated) if row.model else "",
            row.agent,
            str(row.characters or ""),
        )
        for row in rows
    ]
    drop = ("CHARS", "AGENT", "MODEL")
    lines, _ = lay_out_table(headings, cells, drop=drop, width=width - _LEAST_TAIL)
    edge = max(map(cell_len, lines)) + 2
    shown = Text(no_wrap=True, overflow="crop")
    for line, row in zip(lines, (None, *rows), strict=True):
        shown.append(set_cell_size(line, edge) + ("WHAT IT SAYS\n" if row is None else ""))
        if row is not None:
            shown.append(f"{cut_to_last_words(_clean(row.tail), width - edge)}\n", style="dim")
    for status, style in _STYLES.items():
        shown.highlight_words([f" {status} "], style)
    return shown


def cut_to_last_words(text: str, width: int) -> str:
    """Return the end of a text, cut between words."""
    if len(text) <= width:
        return text
    return text[-width:].partition(" ")[2]


_STYLES = {"completed": "green", "failed": "red", "streaming": "cyan", "thinking": "magenta"}


def _clean(text: str) -> str:
    return neutralize(" ".join(text.split()))
