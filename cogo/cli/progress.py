"""How far a long command is: bars on a terminal, and what was done when Ctrl-C ends it.

A bar is on standard error, and only if that is a terminal and the command does not print JSON.
Downloads, which may take an hour, are reported elsewhere too.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from cogo.terminal import neutralize, print_json, print_line, print_text

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

_JSON_SECONDS: Final = 1.0
_LINE_SECONDS: Final = 10.0
_MAX_BAR: Final = 20
_MIN_TEXT: Final = 8
_FIGURES: Final = 40
"""Columns for what is done, how long that took and how long the rest takes."""


class Bar:
    """How much of some work is done. Without a total, a bar moves and shows the time."""

    def __init__(self, text: str, total: int | None) -> None:
        self.text = text
        self.total = total
        self.done = 0
        self.screen: Progress | None = None

    def advance(self, number: int = 1) -> None:
        """Count what was done since."""
        self.show(self.done + number)

    def show(self, done: int, total: int | None = None, *, text: str | None = None) -> None:
        """Show what is done altogether; `total` and `text` change if they are given."""
        self.done = done
        self.text = self.text if text is None else text
        self.total = self.total if total is None else total
        if self.screen is None:
            return
        if not self.screen.tasks:
            self.screen.add_task("", count="")
        of = "" if self.total is None else f" of {self.total:,}"
        self.screen.update(
            self.screen.tasks[0].id,
            completed=done,
            total=self.total,
            description=neutralize(self.text, one_line=True),
            count=f"{done:,}{of}" if done or of else "",
        )


@contextmanager
def open_bar(
    text: str,
    total: int | None = None,
    *,
    is_hidden: bool = False,
    explain: Callable[[Bar], str] | None = None,
) -> Iterator[Bar]:
    """Show a bar while the block runs; after Ctrl-C, print what `explain` returns.

    `explain` says what was done and how to go on. For that, `asyncio.run` must be in the block:
    within it, Ctrl-C is no KeyboardInterrupt.
    """
    bar = Bar(text, total)
    try:
        with ExitStack() as stack:
            if not is_hidden and sys.stderr.isatty():
                from rich.progress import TextColumn, TimeElapsedColumn  # noqa: PLC0415

                columns = (TextColumn("{task.fields[count]}"), TimeElapsedColumn())
                bar.screen = _build_screen(*columns, is_transient=True)
                bar.show(0)
                stack.enter_context(bar.screen)
            yield bar
    except KeyboardInterrupt:
        if explain is not None:
            print_text(explain(bar), err=True)
        raise


class DownloadView:
    """Shows how much of a file is here. Call it with bytes, and all bytes if they are known."""

    def __init__(self, name: str, *, as_json: bool) -> None:
        self._name = name
        self._as_json = as_json
        self._every = _JSON_SECONDS if as_json else _LINE_SECONDS
        self._shown_at = time.monotonic() if not as_json else 0.0
        self._shown = -1

    def __call__(self, done: int, total: int | None) -> None:
        """Show the progress, unless it was shown a moment ago."""
        now = time.monotonic()
        is_soon = now - self._shown_at < self._every
        if done == self._shown or (is_soon and done != total):
            return
        self._shown_at, self._shown = now, done
        self.show(done, total)

    def show(self, done: int, total: int | None) -> None:
        """Show the progress now."""
        if self._as_json:
            print_json({"event": "progress", "model": self._name, "done": done, "total": total})
        else:
            of = f" of {total / 1e6:,.0f}" if total else ""
            print_line(f"{self._name}: {done / 1e6:,.0f}{of} MB", err=True)

    def say(self, text: str) -> None:
        """Show a sentence that is not progress."""
        if self._as_json:
            print_json({"event": "note", "model": self._name, "text": text})
        else:
            print_line(text, err=True)


class _DownloadBar(DownloadView):
    def __init__(self, name: str) -> None:
        from rich.progress import DownloadColumn, TransferSpeedColumn  # noqa: PLC0415

        super().__init__(name, as_json=False)
        self.screen = _build_screen(DownloadColumn(), TransferSpeedColumn(), is_transient=False)
        self._task = self.screen.add_task(neutralize(name, one_line=True), total=None)

    def __call__(self, done: int, total: int | None) -> None:
        self.screen.update(self._task, completed=done, total=total)


@contextmanager
def show_download(name: str, *, as_json: bool) -> Iterator[DownloadView]:
    """Show how much of a file is here while the block runs."""
    if as_json or not sys.stderr.isatty():
        yield DownloadView(name, as_json=as_json)
        return
    view = _DownloadBar(name)
    with view.screen:
        yield view


def _build_screen(*columns: "ProgressColumn", is_transient: bool) -> "Progress":
    # Imported here because rich is slow to import, and most commands end at once.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    console = Console(stderr=True)
    width = min(_MAX_BAR, console.width // 5)
    room = max(_MIN_TEXT, console.width - width - _FIGURES)
    text = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=text),
        BarColumn(width),
        *columns,
        TimeRemainingColumn(compact=True),
        console=console,
        transient=is_transient,
        redirect_stdout=sys.stdout.isatty(),  # elsewhere it would be printed to standard error
    )
