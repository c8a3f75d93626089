"""The display of a swarm: a block for each participant that stays, and lines for the rest."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from cogo.terminal import neutralize, shorten
from cogo.watch.format import format_cost
from cogo.watch.participants import Participant, SwarmProgress
from cogo.watch.run_lines import RunLine, format_clock
from cogo.watch.run_screen import LiveScreen, PlainScreen, Screen, draw_live
from cogo.watch.said import format_said

_MOST_LINES: Final = 6
"""Lines that are shown of what one participant says."""
_STYLES: Final = {"complete": "green", "failed": "red", "working": "cyan", "waiting": "yellow"}
_INDENT: Final = 8


class SwarmScreen(LiveScreen):
    """A block for each participant, below lines about what concerns all of them."""

    def __init__(self, progress: SwarmProgress, console: Console) -> None:
        super().__init__(progress, console)
        self._swarm = progress

    def show(self, line: RunLine) -> None:
        """Print a line, unless the block of a participant says it."""
        if line.tone != "plain" or line.data.get("event") != "step":
            super().show(line)

    def render_blocks(self) -> Text:
        """Return a block for each participant, at most as many lines as fit."""
        drawn = Text(no_wrap=True, overflow="ellipsis")
        console = self.live.console
        participants = self._swarm.participants
        open_ones = [each for each in participants if each.until is None]
        room = max(console.height - len(participants) - 4, 0) // max(len(open_ones), 1)
        hidden = max(len(participants) - max(console.height - 4, 1), 0)
        if hidden:  # the oldest that have ended are counted
            ended = [each for each in participants if each.until is not None][:hidden]
            participants = [each for each in participants if each not in ended]
            drawn.append(f"{'':>6}  {len(ended)} more have ended\n", "dim")
        for each, line in zip(participants, self.list_lines(participants), strict=True):
            drawn.append(f"{line}\n", _style(each))
            if each.until is None:
                for said in _list_last_lines(each, min(room, _MOST_LINES), console.width - 10):
                    drawn.append(f"{'':>{_INDENT}}{said}\n", "dim")
        return drawn

    def list_lines(self, participants: Sequence[Participant]) -> Iterator[str]:
        """Yield a line for each: time, name, role, model, status, cost and size, in columns."""
        rows = [_list_cells(each, self.now()) for each in participants]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for each, row in zip(participants, rows, strict=True):
            cells = map(set_cell_size, row, widths)
            why = f": {shorten(each.error, 200)}" if each.error else ""
            yield neutralize(f"{'  '.join(cells).rstrip()}{why}", one_line=True)


def _list_cells(participant: Participant, now: datetime) -> tuple[str, ...]:
    each = participant
    seconds = ((each.until or now) - each.since).total_seconds()
    return (
        f"{format_clock(seconds):>6}",
        neutralize(each.agent, one_line=True),
        neutralize(each.role or "", one_line=True),
        neutralize(each.model or "child task", one_line=True),
        each.status,
        format_cost(each.cost) if each.status in {"complete", "failed"} else "",
        f"{each.characters:,} characters" if each.characters else "",
    )


@asynccontextmanager
async def open_swarm_screen(progress: SwarmProgress, console: Console) -> AsyncIterator[Screen]:
    """Show a swarm while the block runs: blocks on a terminal, plain lines elsewhere.

    In the end each participant has its line.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainScreen(progress)
        return
    screen = SwarmScreen(progress, console)
    async with draw_live(screen):
        yield screen
    participants = progress.participants
    for each, line in zip(participants, screen.list_lines(participants), strict=True):
        console.print(Text(line, style=_style(each)), soft_wrap=True)


def _style(participant: Participant) -> str:
    return _STYLES.get(participant.status, "dim")


def _list_last_lines(participant: Participant, count: int, width: int) -> Iterator[str]:
    lines = [each for each in format_said(participant.text).split("\n") if each.strip()]
    for line in lines[max(len(lines) - count, 0) :]:
        yield shorten(neutralize(line, one_line=True), max(width, 20))
