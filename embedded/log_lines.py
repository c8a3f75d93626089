"""Lines of the log: what users wrote, and errors repeat, must not act on a terminal."""

import logging
from typing import Any


class LineFormatter(logging.Formatter):
    """Shows control characters and overrides of direction, and keeps a message on one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line of a record, without the traceback."""
        return _shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as above
        """Return the traceback of a record."""
        return _shown(super().formatException(ei), keep="\n\t")


def _shown(text: str, *, keep: str = "") -> str:
    return "".join(
        each
        if each.isprintable() or each in keep
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )
