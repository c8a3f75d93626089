"""Several tasks at once on a terminal: a table that moves, and lines where no terminal is."""

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
from cogo.watch.follow import Delta, Finished, Happening
from cogo.watch.format import agent_name, event_line, marked, selection_line
from protocol.records import Event, SelectionRow

_KEPT = 400
"""Characters of what a model says, of which those are shown that fit behind the table."""
_LEAST_TAIL = 22
"""Columns that are kept for what a model says."""


@dataclass(slots=True)
class _Row:
    name: str
    status: str = "pending"
    model: str = ""
    agent: str = ""
    characters: int = 0
    tail: str = ""


class Board(Protocol):
    """Something that shows what happens."""

    def show(self, happening: Happening) -> None:
        """Take one thing that happened."""
        ...


@dataclass(slots=True)
class _Lines:
    names: dict[UUID, str]
    mark: str
    console: Console
    streaming: set[UUID] = field(default_factory=set)

    def show(self, happening: Happening) -> None:
        match happening:
            case Event() if line := event_line(happening):
                self._say(happening.task_id, line)
            case SelectionRow(task_id=task_id) if task_id is not None:
                self._say(task_id, selection_line(happening))
            case Delta(kind="text"):
                if happening.task_id not in self.streaming or happening.restarted:
                    self._say(happening.task_id, "streaming")
                self.streaming.add(happening.task_id)
            case _:
                pass

    def _say(self, task_id: UUID, line: str) -> None:
        text = neutralize(f"{self.names[task_id]:<14} {line}{self.mark}", one_line=True)
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@dataclass(slots=True)
class _Moving:
    rows: dict[UUID, _Row]
    simulated: bool
    live: Live

    def show(self, happening: Happening) -> None:
        task_id = happening.task.id if isinstance(happening, Finished) else happening.task_id
        if task_id is not None:
            _update(self.rows[task_id], happening)
        width = self.live.console.width
        rows = list(self.rows.values())
        self.live.update(_table(rows, simulated=self.simulated, width=width))


@contextmanager
def board(names: dict[UUID, str], *, simulated: bool, console: Console) -> Iterator[Board]:
    """Show tasks while the block runs: moving on a terminal, as plain lines elsewhere."""
    mark = "   simulated" if simulated else ""
    if not console.is_terminal:
        yield _Lines(names, mark, console)
        return
    rows = {task_id: _Row(name) for task_id, name in names.items()}
    first = _table(list(rows.values()), simulated=simulated, width=console.width)
    with Live(first, console=console, refresh_per_second=12) as live:
        yield _Moving(rows, simulated, live)


def _update(row: _Row, happening: Happening) -> None:
    match happening:
        case Event(kind="subtask.running") if happening.detail.get("lane") == "cio":
            row.status = "planning"
        case SelectionRow():
            row.status, row.model = "stamped", str(happening.selected_model)
        case Event(kind="subtask.running"):
            row.status, row.agent = "claimed", agent_name(happening.agent_id)
        case Event(kind="subtask.delayed"):
            row.status = "will retry"
        case Delta():
            if happening.restarted:
                row.characters, row.tail = 0, ""
            row.status = "streaming" if happening.kind == "text" else "thinking"
            row.characters += len(happening.text)
            row.tail = (row.tail + happening.text)[-_KEPT:]
        case Finished(task):
            row.status = task.status
        case _:
            pass


def _table(rows: Sequence[_Row], *, simulated: bool, width: int) -> Text:
    headings = ("TASK", "STATUS", "MODEL", "AGENT", "CHARS")
    cells = [
        (
            row.name,
            row.status,
            marked(row.model, simulated=simulated) if row.model else "",
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
            shown.append(f"{last_words(_clean(row.tail), width - edge)}\n", style="dim")
    for status, style in _STYLES.items():
        shown.highlight_words([f" {status} "], style)
    return shown


def last_words(text: str, width: int) -> str:
    """Return the end of a text, cut between words."""
    if len(text) <= width:
        return text
    return text[-width:].partition(" ")[2]


_STYLES = {"completed": "green", "failed": "red", "streaming": "cyan", "thinking": "magenta"}


def _clean(text: str) -> str:
    return neutralize(" ".join(text.split()))
