"""The progress of a download: a bar on a terminal, lines with --json, else a line now and then."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cogo.terminal import neutralize, print_json, print_line

_JSON_SECONDS: Final = 1.0
_LINE_SECONDS: Final = 10.0


class ProgressView:
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


class _Bar(ProgressView):
    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.markup import escape  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        super().__init__(name, as_json=False)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self.bar.add_task(escape(neutralize(name)), total=None)

    def __call__(self, done: int, total: int | None) -> None:
        self.bar.update(self._task, completed=done, total=total)


@contextmanager
def show_progress(name: str, *, as_json: bool) -> Iterator[ProgressView]:
    """Show progress while the block runs."""
    if as_json or not sys.stderr.isatty():
        yield ProgressView(name, as_json=as_json)
        return
    view = _Bar(name)
    with view.bar:
        yield view
