"""The display of a run: lines and, on a terminal, what is being written below them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cogo.terminal import expand_commands, neutralize, print_text, shorten, wrap_sentence
from cogo.watch.board import cut_to_last_words
from cogo.watch.run_lines import ActiveStep, RunLine, RunProgress, Tone, format_clock
from protocol.ids import utc_now

_REFRESH_SECONDS: Final = 0.25
_MOST_STEPS: Final = 8
"""Steps in progress that are listed."""
_TAIL_LINES: Final = 6
"""Lines of text in progress, if only one step is written."""
_STYLES: Final[dict[Tone, str]] = {
    "plain": "", "good": "green", "bad": "red", "notice": "yellow",
}  # fmt: skip
_INDENT: Final = 20


class Screen(Protocol):
    """Where a run is shown."""

    def show(self, line: RunLine) -> None:
        """Print a line."""
        ...

    def set_hint(self, hint: str) -> None:
        """Change the last words of the display, on a terminal: what keys do."""
        ...


def format_line(line: RunLine, begun: datetime) -> str:
    """Return a line of text: when, which step, and what happened."""
    clock = format_clock((line.at - begun).total_seconds())
    return f"{clock:>6}  {line.name:<11} {line.text}"


@dataclass(slots=True)
class PlainScreen:
    """Prints each line to standard error."""

    progress: RunProgress

    def show(self, line: RunLine) -> None:
        """Print a line."""
        text = format_line(line, self.progress.task.created_at)
        print_text(neutralize(text).replace("\n", " "), err=True, indent=_INDENT)

    def set_hint(self, hint: str) -> None:
        """Do nothing: there are no keys."""


class LiveScreen:
    """Prints lines to a terminal, and below them the steps in progress, the cost and the time."""

    def __init__(
        self, progress: RunProgress, console: Console, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._progress = progress
        self.now = now
        self._hint = ""
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, line: RunLine) -> None:
        """Print a line above the steps in progress."""
        console = self.live.console
        text = neutralize(expand_commands(format_line(line, self._progress.task.created_at)))
        folded = wrap_sentence(text.replace("\n", " "), max(console.width - 1, 40), _INDENT)
        with suppress(OSError, ValueError):  # a terminal that is gone stops no task
            console.print(Text(folded, style=_STYLES[line.tone]), soft_wrap=True)

    def set_hint(self, hint: str) -> None:
        """Change the words at the end of the last line."""
        self._hint = hint

    def refresh(self) -> None:
        """Draw the steps in progress again."""
        with suppress(OSError, ValueError):
            self.live.update(self.render(), refresh=True)

    def render(self) -> Text:
        """Return what is in progress, and the costs."""
        drawn = self.render_blocks()
        passed = format_clock((self.now() - self._progress.task.created_at).total_seconds())
        drawn.append(f"{passed:>6}  {self._progress.build_limit()}", "bold")
        if self._hint:
            drawn.append(f"   {neutralize(self._hint, one_line=True)}", "dim")
        return drawn

    def render_blocks(self) -> Text:
        """Return the steps in progress, and what they write."""
        width = self.live.console.width - 1
        drawn = Text(no_wrap=True, overflow="ellipsis")
        active = list(self._progress.active.values())
        room = max(_TAIL_LINES // max(len(active), 1), 1)
        for step in active[:_MOST_STEPS]:
            since = format_clock((self.now() - step.since).total_seconds())
            count = f"  {step.characters} characters" if step.characters else ""
            drawn.append(f"{since:>6}  {neutralize(step.title, one_line=True)}{count}\n", "cyan")
            running = [f"runs {each}" for each in step.calls.values()]
            for line in _cut_lines(running, room, width - 8) or _cut_tail(step, room, width - 8):
                drawn.append(f"        {line}\n", "dim")
        if len(active) > _MOST_STEPS:
            drawn.append(f"        and {len(active) - _MOST_STEPS} more\n", "cyan")
        return drawn


@asynccontextmanager
async def open_screen(progress: RunProgress, console: Console) -> AsyncIterator[Screen]:
    """Show a run while the block runs: live on a terminal, as plain lines elsewhere."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainScreen(progress)
        return
    screen = LiveScreen(progress, console)
    async with draw_live(screen):
        yield screen


@asynccontextmanager
async def draw_live(screen: LiveScreen) -> AsyncIterator[None]:
    """Draw a screen again and again while the block runs, and remove it."""
    with screen.live:
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(_draw(screen))
            try:
                yield
            finally:
                drawing.cancel()


async def _draw(screen: LiveScreen) -> None:
    while True:
        screen.refresh()
        await asyncio.sleep(_REFRESH_SECONDS)


def _cut_lines(lines: Sequence[str], count: int, width: int) -> list[str]:
    """Return the first lines, each cut to the width."""
    return [shorten(neutralize(each, one_line=True), width) for each in lines[:count]]


def _cut_tail(step: ActiveStep, count: int, width: int) -> Iterator[str]:
    """Yield the last lines of a text in progress."""
    lines = neutralize(step.tail).expandtabs(4).rstrip("\n").split("\n")[-count:]
    for line in lines:
        if line.strip():
            yield line if len(line) <= width else cut_to_last_words(line, width)
