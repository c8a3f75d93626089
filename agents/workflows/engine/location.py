"""Places in the files of workflows, for messages."""

from collections.abc import Iterable
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType, TracebackType
from typing import Any, Final

_ENGINE: Final = str(Path(__file__).parent)


def locate_error(error: BaseException, home: str) -> str:
    """Return where in the file `home` an error was raised, as `flows.py:12`, or ''."""
    return _locate(_list_places(error.__traceback__), home)


def locate_caller(frame: FrameType | None, home: str) -> str:
    """Return the line of the file `home` that has led to `frame`, as `flows.py:12`, or ''."""
    return _locate(
        [(each.f_code.co_filename, line) for each, line in walk_stack(frame)][::-1], home
    )


def locate_coroutine(coroutine: Any, home: str) -> str:
    """Return the line of the file `home` at which a coroutine is suspended, or ''."""
    places = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        places.append((frame.f_code.co_filename, frame.f_lineno))
        coroutine = coroutine.cr_await
    return _locate(places, home)


def _list_places(trace: TracebackType | None) -> list[tuple[str, int]]:
    return [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]


def _locate(places: Iterable[tuple[str, int]], home: str) -> str:
    """Return the innermost of the places in `home`, else the innermost outside of the engine."""
    outside = [each for each in places if not each[0].startswith(_ENGINE)]
    ours = [each for each in outside if each[0] == home] or outside
    if not ours:
        return ""
    file, line = ours[-1]
    return f"{Path(file).name}:{line}"
